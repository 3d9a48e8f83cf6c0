//===- CostServiceModel.cpp - From a function to its cost -----------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "CostServiceModel.h"

#include "accopt/Conversion/NNToAccel.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <cmath>
#include <cstring>

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
// Weights
//===----------------------------------------------------------------------===//

namespace {
/// Whether all that `value` is used for is to be weights or biases of linear
/// ops, as it is or moved or dequantized.
bool isParameterOnly(Value value) {
  if (value.use_empty())
    return false;
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    mlir::Operation *user = use.getOwner();
    unsigned index = use.getOperandNumber();
    if (auto conv = dyn_cast<nn::ConvOp>(user))
      return index == 1 || (conv.getBias() && index == 2);
    if (auto gemm = dyn_cast<nn::GemmOp>(user))
      return index == 1 || (gemm.getBias() && index == 2);
    if (isa<nn::MatMulOp>(user))
      return true;
    return isa<nn::TransposeOp, nn::ReshapeOp, quant::DequantizeCastOp,
               quant::QuantizeCastOp>(user) &&
           isParameterOnly(user->getResult(0));
  });
}

void setSplat(nn::ConstantOp constant, bool isOne) {
  auto type = cast<ShapedType>(constant.getValue().getType());
  OpBuilder builder(constant);
  Type element = type.getElementType();
  TypedAttr value =
      isOne ? builder.getOneAttr(element) : builder.getZeroAttr(element);
  constant->setAttr(constant.getValueAttrName(),
                    DenseElementsAttr::get(type, Attribute(value)));
}

std::optional<std::vector<float>> floatsOf(nn::ConstantOp constant) {
  if (!constant || !constant.getType().getElementType().isF32())
    return std::nullopt;
  auto elements = nn::readElements(constant.getValue());
  if (!elements)
    return std::nullopt;
  std::vector<float> values(constant.getType().getNumElements());
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(&values[i], elements->element(i).data(), sizeof(float));
  return values;
}

/// Folding into the convolution behind a normalization depends on whether the
/// offset is zero (FoldBatchNorm.cpp), and on nothing else in the values.
void simplify(nn::BatchNormOp op) {
  nn::ConstantOp parameters[] = {
      op.getScale().getDefiningOp<nn::ConstantOp>(),
      op.getShift().getDefiningOp<nn::ConstantOp>(),
      op.getMean().getDefiningOp<nn::ConstantOp>(),
      op.getVariance().getDefiningOp<nn::ConstantOp>()};
  std::vector<std::vector<float>> values;
  for (nn::ConstantOp parameter : parameters) {
    std::optional<std::vector<float>> floats = floatsOf(parameter);
    if (!floats)
      return;
    values.push_back(std::move(*floats));
  }
  double epsilon = op.getEpsilon().convertToDouble();
  bool hasOffset = false;
  for (size_t i = 0; i < values[0].size(); ++i) {
    double factor = values[0][i] / std::sqrt(double(values[3][i]) + epsilon);
    hasOffset |= values[1][i] - values[2][i] * factor != 0;
  }
  // Constants may be shared: give the op its own.
  OpBuilder builder(op);
  const bool ones[] = {true, hasOffset, false, true};
  for (auto [i, isOne] : llvm::enumerate(ones)) {
    auto own = cast<nn::ConstantOp>(builder.clone(*parameters[i]));
    setSplat(own, isOne);
    op->setOperand(1 + i, own.getResult());
  }
  for (nn::ConstantOp parameter : parameters)
    if (parameter->use_empty())
      parameter.erase();
}
} // namespace

OwningOpRef<ModuleOp> withoutWeights(func::FuncOp function) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  auto clone = cast<func::FuncOp>(function->clone());
  module->push_back(clone);
  clone.setName("main");
  clone.setPublic();
  SmallVector<nn::BatchNormOp> normalizations;
  clone.walk([&](mlir::Operation *op) {
    if (auto constant = dyn_cast<nn::ConstantOp>(op))
      if (isParameterOnly(constant.getResult()))
        setSplat(constant, /*isOne=*/true);
    if (auto norm = dyn_cast<nn::BatchNormOp>(op))
      normalizations.push_back(norm);
  });
  for (nn::BatchNormOp norm : normalizations)
    simplify(norm);
  return module;
}

std::string serialize(ModuleOp module) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  // Only fails for versions that cannot be written; none is asked for.
  (void)writeBytecodeToFile(module, os, BytecodeWriterConfig("accopt"));
  return bytes;
}

OwningOpRef<ModuleOp> deserialize(StringRef bytecode, MLIRContext &context) {
  // Resources ask for an alignment that a string does not have.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytecode.size(), "cost query", llvm::Align(64));
  llvm::copy(bytecode, buffer->getBufferStart());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, &context);
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
