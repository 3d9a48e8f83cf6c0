//===- CostServiceModel.cpp - From a function to its cost -----------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "CostServiceModel.h"

#include "accopt/Conversion/NNToAccel.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Transforms/Pipelines.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace accopt {

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return success();
        std::string message = diagnostic.str();
        std::string node = getNodeName(diagnostic.getLocation());
        if (!node.empty() && !StringRef(message).starts_with("node '"))
          message = "node '" + node + "': " + message;
        std::replace(message.begin(), message.end(), '\n', ' ');
        text += (text.empty() ? "" : "; ") + message;
        return success();
      }) {}

llvm::Error DiagnosticCollector::takeError() {
  std::string message =
      text.empty() ? "unexpected failure of the compiler" : std::move(text);
  text.clear();
  return llvm::createStringError(std::errc::invalid_argument, "%s",
                                 message.c_str());
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// Wide enough for the usual clamps to leave an interval.
RangeTable anyRanges(func::FuncOp function) {
  RangeTable ranges;
  for (const auto &[value, name] : nameValues(function))
    ranges.set(name, Range{-8, 8});
  return ranges;
}

/// Sets the bits of values by name, where they can have so few.
static void narrow(QuantizationPlan &plan, const BitRequest &bits) {
  for (ActivationQuantizer &quantizer : plan.activations)
    for (const std::string &name : quantizer.values) {
      auto asked = bits.activations.find(name);
      if (asked == bits.activations.end() || !quantizer.canNarrow)
        continue;
      quantizer.bits = asked->second;
      quantizer.scale = 1;
      quantizer.zeroPoint = 0;
    }
}

static llvm::Error quantizeForCost(ModuleOp module, const BitRequest &bits,
                                   DiagnosticCollector &diagnostics) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  RangeTable ranges = anyRanges(function);
  if (!bits.layers.empty() || !bits.activations.empty()) {
    llvm::Expected<QuantizationPlan> plan =
        planQuantization(function, ranges, bits.layers);
    if (!plan)
      return plan.takeError();
    narrow(*plan, bits);
    if (llvm::Error error = applyPlan(function, std::move(*plan)))
      return error;
    ranges = RangeTable();
  }
  return failed(quantize(module, ranges)) ? diagnostics.takeError()
                                          : llvm::Error::success();
}

llvm::Expected<CompiledLayers>
compileToLayersForCost(StringRef bytecode, const BitRequest &bits, bool fuse) {
  DialectRegistry registry;
  registerAllDialects(registry);
  CompiledLayers layers;
  layers.context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  DiagnosticCollector diagnostics(*layers.context);
  layers.module = deserialize(bytecode, *layers.context);
  if (!layers.module)
    return diagnostics.takeError();
  if (fuse) {
    PassManager manager(layers.context.get());
    buildFloatPipeline(manager, {.fuseFunctions = false});
    if (failed(manager.run(*layers.module)))
      return diagnostics.takeError();
  }
  if (llvm::Error error = quantizeForCost(*layers.module, bits, diagnostics))
    return std::move(error);
  if (failed(convertNNToAccel(*layers.module)))
    return diagnostics.takeError();
  return layers;
}

llvm::Expected<CompiledCost> compileForCost(StringRef bytecode,
                                            const BitRequest &bits,
                                            CostCache &cache, bool fuse) {
  llvm::Expected<CompiledLayers> layers =
      compileToLayersForCost(bytecode, bits, fuse);
  if (!layers)
    return layers.takeError();
  DiagnosticCollector diagnostics(*layers->context);
  FailureOr<CostQuery> query = CostQuery::read(*layers->module, cache);
  if (failed(query))
    return diagnostics.takeError();
  FailureOr<QueriedCost> cost = query->cost();
  if (failed(cost))
    return diagnostics.takeError();
  CompiledCost result;
  result.cost = std::move(*cost);
  for (size_t i = 0; i < query->layerCount(); ++i)
    result.layers.push_back(query->describe(i));
  return result;
}

} // namespace accopt
