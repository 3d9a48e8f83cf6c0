//===- BitPrices.cpp - Cycles at any choice of bits -----------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "BitPrices.h"

#include "Calibrate.h"

#include "accopt/Conversion/NNToAccel.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Transforms/WeightCorrections.h"
#include "accopt/Transforms/WithoutWeights.h"

#include "mlir/IR/MLIRContext.h"

using namespace mlir;

namespace accopt {

BitPrices::BitPrices(func::FuncOp function, const RangeTable &ranges,
                     Machine machine, const ScheduleOptions &options,
                     llvm::StringRef file)
    : bytecode(serialize(*withoutWeights(function))), file(file.str()),
      ranges(ranges), cache(std::move(machine), options) {}

void ChosenBits::apply(func::FuncOp function) const {
  removeCorrections(function, [&](StringRef layer) {
    return weights.byName.count(layer.str()) > 0;
  });
}

llvm::Expected<uint64_t> BitPrices::cycles(const ChosenBits &bits) {
  DialectRegistry registry;
  registerAllDialects(registry);
  // What quantization makes of the weights goes with its context.
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      printDiagnostic(file, diagnostic);
    return success();
  });
  // An empty text: the diagnostic has been printed.
  auto reported = [] {
    return llvm::createStringError(std::errc::invalid_argument, "");
  };
  OwningOpRef<ModuleOp> module = deserialize(bytecode, context);
  if (!module)
    return reported();
  bits.apply(module->lookupSymbol<func::FuncOp>("main"));
  if (failed(quantize(*module, ranges, bits.activations)) ||
      failed(convertNNToAccel(*module)))
    return reported();
  FailureOr<CostQuery> query = CostQuery::read(*module, cache);
  if (failed(query))
    return reported();
  FailureOr<QueriedCost> cost = query->cost();
  if (failed(cost))
    return reported();
  return cost->cycles;
}

} // namespace accopt
