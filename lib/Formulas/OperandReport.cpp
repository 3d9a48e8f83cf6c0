//===- OperandReport.cpp - Table of ZigZag's model ------------------------===//

#include "Models.h"

#include "accopt/Formulas/OperandFile.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

Expected<FormulaReport> accopt::formulas::reportOperandNests(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> text =
      MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    return makeFileError(path, "cannot read: " + text.getError().message());
  Expected<OperandFile> file = parseOperandFile((*text)->getBuffer(), path);
  if (!file)
    return file.takeError();

  FormulaReport report;
  report.model = "zigzag";
  report.columns = {{"macs", "MACs", 0, true},
                    {"cycles", "cycles", 2, true},
                    {"steps", "steps", 0, true},
                    {"stall", "stall", 0, true},
                    {"loading", "loading", 2, true},
                    {"unloading", "unloading", 2, true},
                    {"drain", "drain", 0, true},
                    {"energy_pj", "energy uJ", 2, true, 1e-6}};
  for (const auto &[name, nest] : file->layers) {
    Expected<OperandNestCost> cost = operandNestCost(nest);
    if (!cost)
      return makeFileError((path + ": layer '" + name + "'").str(),
                           toString(cost.takeError()));
    Expected<OperandNestLatency> latency =
        operandNestLatency(nest, file->machine);
    if (!latency)
      return makeFileError((path + ": layer '" + name + "'").str(),
                           toString(latency.takeError()));
    report.rows.push_back(
        {name,
         {int64_t(cost->macs), latency->total(), latency->steps, latency->stall,
          latency->loading, latency->unloading, latency->drain,
          cost->total()}});
  }
  return report;
}
