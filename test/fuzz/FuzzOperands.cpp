//===- FuzzOperands.cpp - Fuzzer of the reader of mapped layers -----------===//
//
// What acc-cost reads for ZigZag's model: a mapping that is taken has costs
// that are numbers, and no fewer cycles than the loops have steps unless loads
// are shortened together, by which one can become less than nothing.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Formulas/OperandFile.h"

#include <cmath>

using namespace accopt;
using namespace accopt::formulas;
using llvm::StringRef;

static void check(const OperandNest &nest, const OperandMachine &machine) {
  llvm::Expected<OperandNestCost> cost = operandNestCost(nest);
  if (!fuzz::get(cost))
    return;
  fuzz::demand(cost->macs >= 1 && cost->macs <= 0x1p53,
               "expected 1 to 2^53 multiply-accumulates");
  fuzz::demand(std::isfinite(cost->total()) && cost->total() >= 0,
               "expected an energy");
  llvm::Expected<OperandNestLatency> latency =
      operandNestLatency(nest, machine);
  if (!fuzz::get(latency))
    return;
  fuzz::demand(latency->steps >= 1 && latency->stall >= 0 &&
                   latency->drain >= 0 && latency->unloading >= 0,
               "expected parts that are not negative");
  fuzz::demand(std::isfinite(latency->total()), "expected a number of cycles");
  if (machine.spare == SpareRule::LongestFirst)
    fuzz::demand(latency->loading >= 0, "a load of less than nothing");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<OperandFile> file = parseOperandFile(text, "fuzzed.json");
  if (!fuzz::get(file))
    return 0;
  for (const auto &[name, nest] : file->layers)
    check(nest, file->machine);
  return 0;
}
