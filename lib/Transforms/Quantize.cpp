//===- Quantize.cpp - Rewrite float functions to quantized types ----------===//
//
// The analysis (QuantizeAnalysis.h) says which values share which type. Here is
// the rewrite, which sets types in place and replaces constants.
//
// Two types that meet where values should be tied need a conversion. The
// dialect expresses it as a `clip` without bounds, whose operand and result may
// differ in quantization like those of every op that computes.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeAnalysis.h"
#include "QuantizeConstants.h"

#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/WeightCorrections.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_QUANTIZE
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

namespace {
class FunctionQuantizer {
public:
  FunctionQuantizer(func::FuncOp func, const RangeTable &table,
                    const ActivationBits &bits)
      : func(func), analysis(func, table, bits) {}

  LogicalResult run();

private:
  LogicalResult rewriteParameters(LinearOp linear);
  LogicalResult rewriteOperands(Operation *op);
  void quantizeCopy(Value value);
  void rewriteCasts();
  void rewriteSignature();

  func::FuncOp func;
  QuantizationAnalysis analysis;
};

struct Quantize : accopt::impl::QuantizeBase<Quantize> {
  using QuantizeBase::QuantizeBase;
  void runOnOperation() override;
};
} // namespace

LogicalResult FunctionQuantizer::rewriteParameters(LinearOp linear) {
  Operation *op = linear.getOperation();
  OpBuilder builder(op);
  double inputScale = analysis.getType(linear.getInput()).getScale();
  double outputScale = analysis.getType(linear.getResult()).getScale();
  std::optional<QuantizedLinear> quantized = quantizeLinear(
      builder, linear.getWeights(), linear.getBias(), inputScale, outputScale);
  if (!quantized)
    return emitNodeError(op)
           << "expected finite weights and bias with their data";
  linear.setWeights(quantized->weights);
  if (quantized->bias)
    linear.setBias(quantized->bias);
  // The ranges are taken; the statistics would no longer be used or updated.
  op->removeAttr(outputMeanAttr);
  op->removeAttr(outputStdAttr);
  return success();
}

/// Gives constants that are activations their integers, and converts operands
/// that could not be tied.
LogicalResult FunctionQuantizer::rewriteOperands(Operation *op) {
  if (llvm::isa<quant::DequantizeCastOp>(op))
    return success();
  OpBuilder builder(op);
  if (analysis.getPlacement().isOnHost(op)) {
    for (OpOperand &operand : op->getOpOperands())
      if (auto cast = operand.get().getDefiningOp<quant::DequantizeCastOp>();
          cast && isConstantLike(operand.get())) {
        std::optional<ConstantFloats> values = readDequantized(operand.get());
        if (!values)
          return emitNodeError(op) << "expected a constant with its data";
        operand.set(createConstant<float>(
            builder, cast.getLoc(), typeOf(operand.get()), values->values()));
      }
    return success();
  }
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    // What a QDQ model quantized is the host's in float all the same.
    if (isHostParameter(op, operand.getOperandNumber()) &&
        !isFloatConstant(value)) {
      std::optional<ConstantFloats> floats = readDequantized(value);
      if (!floats)
        return emitNodeError(op) << "expected a constant with its data";
      operand.set(createConstant<float>(builder, value.getLoc(), typeOf(value),
                                        floats->values()));
    }
    if (QuantizationAnalysis::isParameter(op, operand.getOperandNumber()) ||
        !isConstantLike(value) || !analysis.contains(value))
      continue;
    Value constant =
        quantizeActivation(builder, value, analysis.getType(value));
    if (!constant)
      return emitNodeError(op) << "expected a constant with its data";
    operand.set(constant);
  }
  return success();
}

/// What the accelerator reads of a value that stays float.
void FunctionQuantizer::quantizeCopy(Value value) {
  const HostPlacement &placement = analysis.getPlacement();
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  Value copy = nn::ClipOp::create(builder, value.getLoc(),
                                  typeOf(value).clone(analysis.getType(value)),
                                  value, FloatAttr(), FloatAttr());
  value.replaceUsesWithIf(copy, [&](OpOperand &use) {
    Operation *user = use.getOwner();
    return user != copy.getDefiningOp() && !placement.isOnHost(user) &&
           !llvm::isa<func::ReturnOp>(user);
  });
}

void FunctionQuantizer::rewriteCasts() {
  SmallVector<Operation *> casts;
  func.walk([&](Operation *op) {
    if (llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op) &&
        !isConstantLike(op->getResult(0)))
      casts.push_back(op);
  });
  for (Operation *op : casts) {
    Value replacement = op->getOperand(0);
    bool meetsFloat =
        !llvm::isa<quant::QuantizedType>(typeOf(replacement).getElementType());
    if (analysis.isConverting(op) || meetsFloat) {
      OpBuilder builder(op);
      replacement =
          nn::ClipOp::create(builder, op->getLoc(), op->getResult(0).getType(),
                             replacement, FloatAttr(), FloatAttr());
    }
    op->getResult(0).replaceAllUsesWith(replacement);
    op->erase();
  }
}

void FunctionQuantizer::rewriteSignature() {
  SmallVector<Type> results;
  func.walk([&](func::ReturnOp op) {
    results.assign(op.getOperandTypes().begin(), op.getOperandTypes().end());
  });
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(), results));
}

LogicalResult FunctionQuantizer::run() {
  if (failed(analysis.run()) || failed(analysis.chooseTypes()))
    return failure();

  SmallVector<Operation *> ops;
  func.getBody().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    if (std::optional<LinearOp> linear = LinearOp::get(op))
      if (failed(rewriteParameters(*linear)))
        return failure();
    if (failed(rewriteOperands(op)))
      return failure();
  }
  auto setType = [&](Value value) {
    value.setType(typeOf(value).clone(analysis.getType(value)));
  };
  SmallVector<Value> computed(func.getArguments());
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (!isConstantLike(result))
        computed.push_back(result);
  for (Value value : computed) {
    if (!analysis.contains(value))
      continue;
    if (analysis.getPlacement().keepsType(value))
      quantizeCopy(value);
    else
      setType(value);
  }
  for (OpOperand *operand : analysis.getConversions()) {
    Operation *op = operand->getOwner();
    OpBuilder builder(op);
    RankedTensorType type =
        typeOf(operand->get()).clone(analysis.getType(op->getResult(0)));
    operand->set(nn::ClipOp::create(builder, op->getLoc(), type, operand->get(),
                                    FloatAttr(), FloatAttr()));
  }
  rewriteCasts();
  eraseDeadConstants(func);
  rewriteSignature();
  return success();
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static LogicalResult quantizeFunction(func::FuncOp func,
                                      const RangeTable &table,
                                      const ActivationBits &bits) {
  return FunctionQuantizer(func, table, bits).run();
}

static llvm::Expected<NamedBits>
parseBits(StringRef text, StringRef expected,
          llvm::function_ref<bool(unsigned)> isValid) {
  NamedBits bits;
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [name, number] =
        part.contains('=') ? part.rsplit('=') : std::pair("", part);
    unsigned count = 0;
    if (number.getAsInteger(10, count) || !isValid(count) ||
        (part.contains('=') && name.empty()))
      return llvm::createStringError("expected " + expected + ", got '" + part +
                                     "'");
    (name.empty() ? bits.all : bits.byName[name.str()]) = count;
  }
  return bits;
}

llvm::Expected<ActivationBits> accopt::parseActivationBits(StringRef text) {
  return parseBits(text, "8 to 16 bits, as 16 or NAME=16",
                   [](unsigned count) { return count >= 8 && count <= 16; });
}

llvm::Expected<WeightBits> accopt::parseWeightBits(StringRef text) {
  return parseBits(
      text, "8 bits, or 10 to 16, as 12 or NAME=12", [](unsigned count) {
        return count == 8 ||
               (count >= kLeastWeightBits && count <= kMostWeightBits);
      });
}

LogicalResult accopt::quantize(ModuleOp module, const RangeTable &table,
                               const ActivationBits &bits) {
  for (auto func : module.getOps<func::FuncOp>())
    if (failed(quantizeFunction(func, table, bits)))
      return failure();
  return verifyQuantized(module);
}

void Quantize::runOnOperation() {
  RangeTable table;
  llvm::Expected<ActivationBits> bits = parseActivationBits(activationBits);
  if (!bits) {
    emitError(UnknownLoc::get(&getContext()))
        << "activation-bits: " << llvm::toString(bits.takeError());
    return signalPassFailure();
  }
  if (!calibration.empty()) {
    llvm::Expected<RangeTable> read = readRanges(calibration);
    if (!read) {
      emitError(UnknownLoc::get(&getContext()))
          << llvm::toString(read.takeError());
      return signalPassFailure();
    }
    table = std::move(*read);
  }
  for (auto func : getOperation().getOps<func::FuncOp>()) {
    if (calibration.empty()) {
      InferRangesOptions options;
      options.sigmas = sigmas;
      llvm::Expected<RangeTable> inferred = inferRanges(func, options);
      if (!inferred) {
        func.emitError() << llvm::toString(inferred.takeError());
        return signalPassFailure();
      }
      table = std::move(*inferred);
    }
    if (failed(quantizeFunction(func, table, *bits)))
      return signalPassFailure();
  }
  if (failed(verifyQuantized(getOperation())))
    signalPassFailure();
}
