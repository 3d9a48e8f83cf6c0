//===- Quantize.cpp - Rewrite float functions to quantized types ----------===//
//
// First the analysis: every activation is put into a class of values that share
// a type (TiedValues). Ops that only move or select data tie their operands to
// their result; casts that a QDQ model brings fix the type of a class. Then the
// rewrite, which sets types in place and replaces constants.
//
// Two types that meet where values should be tied need a conversion. The
// dialect expresses it as a `clip` without bounds, whose operand and result may
// differ in quantization like those of every op that computes.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeConstants.h"
#include "TiedValues.h"

#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/QuantParams.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"

#include <cmath>

namespace accopt {
#define GEN_PASS_DEF_QUANTIZE
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// Ops whose result holds nothing but elements of their operands.
static bool movesData(Operation *op) {
  return llvm::isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp, nn::ConcatOp,
                   nn::PadOp, nn::MaxPoolOp>(op);
}

/// Ops with results in [0, 1] whatever the data: 1/256 steps from 0, as every
/// int8 implementation of them has it.
static bool isUnitInterval(Operation *op) {
  return llvm::isa<nn::SigmoidOp, nn::HardSigmoidOp, nn::SoftmaxOp>(op);
}
static constexpr Range unitInterval{0.0, 255.0 / 256.0};

namespace {
class FunctionQuantizer {
public:
  FunctionQuantizer(func::FuncOp func, const RangeTable &table)
      : func(func), table(table), names(nameValues(func)) {}

  LogicalResult run();

private:
  /// Refuses what the quantized form cannot say.
  LogicalResult check(Operation *op) const;
  /// Whether operand `index` is weights or bias and not an activation.
  static bool isParameter(Operation *op, unsigned index);

  void insertValues();
  LogicalResult takeCasts();
  void tieValues();
  LogicalResult addRanges();
  LogicalResult addRange(Value value);
  quant::UniformQuantizedType chooseType(Value value);

  LogicalResult rewriteParameters(LinearOp linear);
  LogicalResult rewriteOperands(Operation *op);
  void rewriteCasts();
  void rewriteSignature();

  func::FuncOp func;
  const RangeTable &table;
  llvm::MapVector<Value, std::string> names;
  TiedValues values;
  /// Operands that must be converted to the type of their op's result.
  SmallVector<OpOperand *> conversions;
  /// Casts that convert between two quantized types.
  llvm::DenseSet<Operation *> convertingCasts;
};

struct Quantize : accopt::impl::QuantizeBase<Quantize> {
  using QuantizeBase::QuantizeBase;
  void runOnOperation() override;
};
} // namespace

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

LogicalResult FunctionQuantizer::check(Operation *op) const {
  if (llvm::isa<func::ReturnOp, nn::ConstantOp>(op))
    return success();
  if (!llvm::isa_and_nonnull<nn::NNDialect, quant::QuantDialect>(
          op->getDialect()))
    return emitNodeError(op) << "expected an op of nn or quant";
  if (llvm::isa<nn::BatchNormOp>(op))
    return emitNodeError(op)
           << "expected batch normalization with constant parameters and a "
              "positive variance, which nn-fold-batch-norm folds";
  if (llvm::isa<nn::ConvOp, nn::GemmOp>(op)) {
    std::optional<LinearOp> linear = LinearOp::get(op);
    if (!linear)
      return emitNodeError(op) << "expected the form that nn-normalize makes";
    if (!isConstantLike(linear->getWeights()))
      return emitNodeError(op) << "expected constant weights";
    if (linear->getBias() && !isConstantLike(linear->getBias()))
      return emitNodeError(op) << "expected a constant bias";
  }
  for (Value result : op->getResults()) {
    Type element = typeOf(result).getElementType();
    if (!element.isF32() && !llvm::isa<quant::QuantizedType>(element))
      return emitNodeError(op) << "expected a result of f32, got " << element;
  }
  return success();
}

bool FunctionQuantizer::isParameter(Operation *op, unsigned index) {
  std::optional<LinearOp> linear = LinearOp::get(op);
  if (!linear || index == 0)
    return false;
  Value value = op->getOperand(index);
  // A residual may be the same constant as a bias; it comes last.
  bool isLast = index + 1 == op->getNumOperands();
  return !(linear->getResidual() && isLast) &&
         (index == 1 || value == linear->getBias());
}

void FunctionQuantizer::insertValues() {
  for (Value argument : func.getArguments())
    values.insert(argument);
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (!isConstantLike(result))
        values.insert(result);
    if (llvm::isa<quant::DequantizeCastOp>(op))
      return;
    for (OpOperand &operand : op->getOpOperands())
      if (isConstantLike(operand.get()) &&
          !isParameter(op, operand.getOperandNumber()))
        values.insert(operand.get());
  });
}

/// The casts fix types. A value that is quantized twice keeps the first type;
/// the others become conversions.
LogicalResult FunctionQuantizer::takeCasts() {
  WalkResult result = func.walk([&](Operation *op) -> WalkResult {
    if (!llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op) ||
        !values.contains(op->getResult(0)))
      return WalkResult::advance();
    bool isQuantize = llvm::isa<quant::QuantizeCastOp>(op);
    Value quantized = isQuantize ? op->getResult(0) : op->getOperand(0);
    auto type = llvm::dyn_cast<quant::UniformQuantizedType>(
        typeOf(quantized).getElementType());
    if (!type || !type.isSigned() || type.getStorageTypeIntegralWidth() != 8)
      return emitNodeError(op)
             << "expected int8 per tensor for an activation, got "
             << typeOf(quantized).getElementType();
    values.setType(op->getResult(0), type);
    if (!values.contains(op->getOperand(0)))
      return WalkResult::advance();
    if (!values.tie(op->getOperand(0), op->getResult(0)))
      convertingCasts.insert(op);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

void FunctionQuantizer::tieValues() {
  func.walk([&](Operation *op) {
    if (!movesData(op))
      return;
    for (OpOperand &operand : op->getOpOperands())
      if (!values.tie(op->getResult(0), operand.get()))
        conversions.push_back(&operand);
  });
}

LogicalResult FunctionQuantizer::addRange(Value value) {
  Operation *op = value.getDefiningOp();
  if (op && isConstantLike(value)) {
    std::optional<ConstantFloats> constant = readDequantized(value);
    if (!constant)
      return emitNodeError(op) << "expected a constant with its data";
    for (float element : constant->values()) {
      if (!std::isfinite(element))
        return emitNodeError(op) << "expected finite values";
      values.addRange(value, {element, element});
    }
    return success();
  }
  if (op && isUnitInterval(op)) {
    values.addRange(value, unitInterval);
    return success();
  }
  const Range *found = table.find(names.find(value)->second);
  if (!found) {
    if (op)
      return emitNodeError(op) << "expected a range for '"
                               << names.find(value)->second << "', got none";
    return func.emitError() << "expected a range for argument '"
                            << names.find(value)->second << "', got none";
  }
  Range range = *found;
  auto clamp = [&](StringRef name, auto apply) {
    auto attr = op ? op->getAttrOfType<FloatAttr>(name) : FloatAttr();
    if (!attr)
      return;
    range.min = apply(range.min, attr.getValueAsDouble());
    range.max = apply(range.max, attr.getValueAsDouble());
  };
  auto larger = [](double a, double b) { return std::max(a, b); };
  auto smaller = [](double a, double b) { return std::min(a, b); };
  clamp("clamp_min", larger);
  clamp("clamp_max", smaller);
  values.addRange(value, range);
  return success();
}

/// Ranges come from where values are made: an op that moves data adds at most
/// the padding.
LogicalResult FunctionQuantizer::addRanges() {
  llvm::SmallVector<Value> sources(func.getArguments());
  llvm::DenseSet<Value> constants;
  func.walk([&](Operation *op) {
    if (auto pad = llvm::dyn_cast<nn::PadOp>(op))
      if (pad.getMode() == "constant") {
        double value = pad.getValue().convertToDouble();
        values.addRange(pad, {value, value});
      }
    for (Value operand : op->getOperands())
      if (isConstantLike(operand) && values.contains(operand) &&
          constants.insert(operand).second)
        sources.push_back(operand);
    if (!movesData(op) &&
        !llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
      for (Value result : op->getResults())
        if (!isConstantLike(result))
          sources.push_back(result);
  });
  for (Value value : sources)
    if (!values.getType(value) && failed(addRange(value)))
      return failure();
  return success();
}

quant::UniformQuantizedType FunctionQuantizer::chooseType(Value value) {
  if (auto type = values.getType(value))
    return type;
  QuantParams params =
      chooseParams(values.getRange(value).value_or(Range{0.0, 0.0}));
  Builder builder(func.getContext());
  auto type = quant::UniformQuantizedType::get(
      quant::QuantizationFlags::Signed, builder.getIntegerType(8),
      builder.getF32Type(), params.scale, params.zeroPoint, -128, 127);
  values.setType(value, type);
  return type;
}

//===----------------------------------------------------------------------===//
// Rewrite
//===----------------------------------------------------------------------===//

LogicalResult FunctionQuantizer::rewriteParameters(LinearOp linear) {
  Operation *op = linear.getOperation();
  OpBuilder builder(op);
  double inputScale = chooseType(linear.getInput()).getScale();
  double outputScale = chooseType(linear.getResult()).getScale();
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
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (isParameter(op, operand.getOperandNumber()) || !isConstantLike(value) ||
        !values.contains(value))
      continue;
    Value constant = quantizeActivation(builder, value, chooseType(value));
    if (!constant)
      return emitNodeError(op) << "expected a constant with its data";
    operand.set(constant);
  }
  return success();
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
    if (convertingCasts.contains(op)) {
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
  WalkResult checked = func.getBody().walk(
      [&](Operation *op) -> WalkResult { return check(op); });
  if (checked.wasInterrupted())
    return failure();
  for (BlockArgument argument : func.getArguments())
    if (!typeOf(argument).getElementType().isF32())
      return func.emitError()
             << "expected argument '" << names.find(argument)->second
             << "' of f32, got " << typeOf(argument).getElementType();
  insertValues();
  if (failed(takeCasts()))
    return failure();
  tieValues();
  if (failed(addRanges()))
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
    value.setType(typeOf(value).clone(chooseType(value)));
  };
  llvm::for_each(func.getArguments(), setType);
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (values.contains(result) && !isConstantLike(result))
        setType(result);
  for (OpOperand *operand : conversions) {
    Operation *op = operand->getOwner();
    OpBuilder builder(op);
    RankedTensorType type =
        typeOf(operand->get()).clone(chooseType(op->getResult(0)));
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
                                      const RangeTable &table) {
  if (func.isDeclaration())
    return func.emitError() << "expected a function with a body";
  return FunctionQuantizer(func, table).run();
}

LogicalResult accopt::quantize(ModuleOp module, const RangeTable &table) {
  for (auto func : module.getOps<func::FuncOp>())
    if (failed(quantizeFunction(func, table)))
      return failure();
  return verifyQuantized(module);
}

void Quantize::runOnOperation() {
  RangeTable table;
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
    if (failed(quantizeFunction(func, table)))
      return signalPassFailure();
  }
  if (failed(verifyQuantized(getOperation())))
    signalPassFailure();
}
