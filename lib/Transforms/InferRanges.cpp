//===- InferRanges.cpp - Ranges from the model's own statistics -----------===//
//
// Every channel is taken for a Gaussian, channels and weights for independent:
//   W x + b        mean W mu + b, variance (W * W) sigma^2
//   clamp, f(x)    moments of the clamped or transformed Gaussian
//   a + b, a b     moments of independent variables
//   mean of n      variance over sqrt(n): neighbours are correlated, and
//   sqrt(n)
//                  of them are counted as independent
// A normalization that was folded into a convolution has left its mean and
// standard deviation, which replace the first line. The range is mean +- k
// sigma over the channels before the clamp, cut by the clamp and by bounds
// known for certain. Two passes over the weights at most; nothing is copied.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "HostPlacement.h"
#include "RangeInference.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

void RangeInference::addArgument(Value argument, StringRef name) {
  Moments result;
  if (const Range *range = options.inputs.find(name)) {
    double width = range->max - range->min;
    result.channels = {{0.5 * (range->min + range->max), width * width / 12.0}};
    result.reach = *range;
  } else {
    result.channels = {{0.0, 1.0}};
    result.reachSigmas(options.inputSigmas);
  }
  moments[argument] = std::move(result);
}

/// Moments of a constant over each channel of `type`, to which it broadcasts.
static Moments getConstantMoments(ArrayRef<float> values,
                                  ArrayRef<int64_t> shape,
                                  RankedTensorType type) {
  int64_t axis = int64_t(shape.size()) - type.getRank() + 1;
  bool hasChannels = type.getRank() >= 2 && axis >= 0 && shape[axis] != 1;
  int64_t channels = hasChannels ? shape[axis] : 1, inner = 1;
  if (hasChannels)
    for (int64_t size : shape.drop_front(axis + 1))
      inner *= size;

  SmallVector<double> sums(channels, 0.0), squares(channels, 0.0);
  Moments result;
  result.reach = {INFINITY, -INFINITY};
  int64_t size = values.size();
  for (int64_t i = 0; i < size; ++i) {
    double value = values[i];
    int64_t c = hasChannels ? i / inner % channels : 0;
    sums[c] += value;
    squares[c] += value * value;
    result.reach = unite(result.reach, {value, value});
  }
  double count = double(size) / double(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double mean = sums[c] / count;
    result.channels.push_back(
        {mean, std::max(0.0, squares[c] / count - mean * mean)});
  }
  return result;
}

Moments RangeInference::get(Value value, RankedTensorType type) const {
  if (std::optional<ConstantFloats> constant = readDequantized(value))
    return getConstantMoments(*constant, typeOf(value).getShape(), type);
  const Moments &result = get(value);
  RankedTensorType own = typeOf(value);
  bool isAligned =
      own.getRank() == type.getRank() && numChannels(own) == numChannels(type);
  return isAligned || result.channels.size() == 1 ? result : result.collapsed();
}

/// A quantization that the model brings saturates.
Moments RangeInference::visitCast(quant::QuantizeCastOp op) const {
  Moments result = get(op.getInput());
  auto type = llvm::dyn_cast<quant::UniformQuantizedType>(
      llvm::cast<ShapedType>(op.getType()).getElementType());
  if (!type)
    return result;
  auto toReal = [&](int64_t q) {
    return type.getScale() * double(q - type.getZeroPoint());
  };
  result.clamp(toReal(type.getStorageTypeMin()),
               toReal(type.getStorageTypeMax()));
  return result;
}

Moments RangeInference::transfer(Operation *op) const {
  return llvm::TypeSwitch<Operation *, Moments>(op)
      .Case([&](nn::ConvOp o) { return visitLinear(*LinearOp::get(o)); })
      .Case([&](nn::GemmOp o) {
        std::optional<LinearOp> linear = LinearOp::get(o);
        return linear ? visitLinear(*linear) : visitProduct(o.getA(), o.getB());
      })
      .Case([&](nn::MatMulOp o) { return visitProduct(o.getA(), o.getB()); })
      .Case([&](nn::SoftmaxOp o) { return visitSoftmax(o); })
      .Case<nn::ReduceOp, nn::BinaryMathOp, nn::SelectOp, nn::GatherOp,
            nn::GatherNDOp, nn::ScatterNDOp, nn::RoiAlignOp, nn::ExpandOp,
            nn::TopKOp, nn::CastOp, nn::ArgReduceOp, nn::CumSumOp>(
          [&](Operation *o) { return visitHostOp(o); })
      .Case([&](nn::BatchNormOp o) { return visitBatchNorm(o); })
      .Case([&](nn::LrnOp o) { return visitLrn(o); })
      .Case([&](nn::AveragePoolOp o) { return visitAveragePool(o); })
      .Case([&](nn::ReduceMeanOp o) { return visitReduceMean(o); })
      .Case([&](nn::ConcatOp o) { return visitConcat(o); })
      .Case([&](nn::SliceOp o) { return visitSlice(o); })
      .Case([&](nn::ReshapeOp o) { return visitReshape(o); })
      .Case([&](nn::TransposeOp o) { return visitTranspose(o); })
      .Case([&](nn::PadOp o) { return visitPad(o); })
      .Case([&](nn::ResampleOp o) { return visitResample(o); })
      .Case([&](nn::RecurrentOp o) { return visitRecurrent(o); })
      .Case([&](quant::QuantizeCastOp o) { return visitCast(o); })
      .Default([&](Operation *) { return visitActivation(op); });
}

LogicalResult RangeInference::visit(Operation *op) {
  if (op->getNumResults() == 0 || isConstantLike(op->getResult(0)))
    return success();
  // Integers and booleans have no range that matters, nor what they came from.
  if (llvm::isa<IntegerType>(typeOf(op->getResult(0)).getElementType())) {
    for (Value result : op->getResults())
      moments[result] = unknown();
    return success();
  }
  // Ops on constants that were too large to fold. Weights and biases, operands
  // 1 and 2, are read where they are needed.
  bool isLinear = LinearOp::get(op).has_value();
  for (OpOperand &operand : op->getOpOperands())
    if (isConstantLike(operand.get()) &&
        !(isLinear && operand.getOperandNumber() > 0) &&
        !moments.contains(operand.get()) &&
        !llvm::isa<IntegerType>(typeOf(operand.get()).getElementType()))
      moments[operand.get()] = get(operand.get(), typeOf(operand.get()));
  Value result = op->getResult(0);
  for (Value other : op->getResults().drop_front())
    moments[other] = unknown();
  if (llvm::isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(op)) {
    if (failed(visitBinary(op)))
      return failure();
  } else {
    // Not in one expression: the insertion would move what transfer() reads.
    Moments transferred = transfer(op);
    moments[result] = std::move(transferred);
  }
  // The clamp comes last, whatever the op.
  auto minimum = op->getAttrOfType<FloatAttr>("clamp_min");
  auto maximum = op->getAttrOfType<FloatAttr>("clamp_max");
  if (minimum || maximum)
    moments[result].clamp(minimum ? minimum.getValueAsDouble() : -INFINITY,
                          maximum ? maximum.getValueAsDouble() : INFINITY);
  return success();
}

/// "node 'NAME' (nn.op): MESSAGE"
static llvm::Error makeNodeError(Operation *op, StringRef message) {
  return llvm::createStringError("node '" + getNodeName(op->getLoc()) + "' (" +
                                 op->getName().getStringRef() +
                                 "): " + message);
}

llvm::Expected<RangeTable>
accopt::inferRanges(func::FuncOp func, const InferRangesOptions &options) {
  llvm::MapVector<Value, std::string> names = nameValues(func);
  RangeInference inference(options);
  for (Value argument : func.getArguments())
    inference.addArgument(argument, names[argument]);
  HostPlacement placement(func);
  for (Operation &op : func.getBody().front().without_terminator())
    if (failed(inference.visit(&op)) && placement.needsRange(op.getResult(0)))
      return makeNodeError(
          &op, "expected a divisor that is never zero to infer a range, got "
               "one that may be; give calibration data");
  RangeTable table;
  for (auto &[value, name] : names) {
    Range range = inference.getRange(value);
    Operation *op = value.getDefiningOp();
    bool isFinite = std::isfinite(range.min) && std::isfinite(range.max);
    if (!isFinite && !placement.needsRange(value))
      continue;
    if (op && !isFinite)
      return makeNodeError(op,
                           "expected finite weights and statistics to infer a "
                           "range; give calibration data");
    table.set(name, range);
  }
  return table;
}
