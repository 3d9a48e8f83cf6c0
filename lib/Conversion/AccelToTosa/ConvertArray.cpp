//===- ConvertArray.cpp - Convolutions and their requantization -----------===//

#include "lib/Conversion/AccelToTosa/LayerConverter.h"
#include "lib/Conversion/TosaBuilder/SlidingWindow.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;

namespace accopt {

Value LayerConverter::applyScale(Value value, int64_t zeroPoint,
                                 accel::ScaleAttr scale) {
  return b.rescale(widen(value), scale.getMultiplier(),
                   static_cast<int8_t>(scale.getShift()), zeroPoint, 0,
                   b.getI32Type());
}

Value LayerConverter::widen(Value value) {
  return getElementType(value).isInteger(16) ? b.cast(value, b.getI32Type())
                                             : value;
}

Value LayerConverter::clampResult(Value value, Type type, int64_t zeroPoint,
                                  int64_t low, int64_t high) {
  // Bounds less the zero point, so that the addition cannot wrap.
  value = b.maximum(value, b.scalarLike(value, double(low - zeroPoint)));
  value = b.minimum(value, b.scalarLike(value, double(high - zeroPoint)));
  if (zeroPoint != 0)
    value = b.add(value, b.scalarLike(value, double(zeroPoint)));
  return b.cast(value, type);
}

Value LayerConverter::lookup(Value value, ArrayRef<int8_t> table) {
  return tosa::TableOp::create(b, value.getType(), value,
                               b.constantI8({256}, table));
}

Value LayerConverter::requantize(Value accumulators, Value residual,
                                 accel::RequantAttr requant, Type type) {
  SmallVector<int8_t> shifts(requant.getShift());
  Value v = b.rescale(accumulators, requant.getMultiplier(), shifts, 0, 0,
                      b.getI32Type());
  if (residual) {
    Value scaled = applyScale(residual, requant.getResidualZeroPoint(),
                              requant.getResidual());
    v = applyScale(b.add(v, scaled), 0, requant.getSum());
  }
  v = clampResult(v, type, requant.getZeroPoint(), requant.getClampMin(),
                  requant.getClampMax());
  return requant.getTable().empty() ? v : lookup(v, requant.getTable());
}

/// Channels [first, first + count) of the last dimension.
static Value channels(TosaBuilder &b, Value value, int64_t first,
                      int64_t count) {
  SmallVector<int64_t> starts(getShape(value).size(), 0);
  SmallVector<int64_t> sizes(getShape(value));
  starts.back() = first;
  sizes.back() = count;
  return b.slice(value, starts, sizes);
}

/// Rows [first, first + count) of the first dimension.
static Value rows(TosaBuilder &b, Value value, int64_t first, int64_t count) {
  SmallVector<int64_t> starts(getShape(value).size(), 0);
  SmallVector<int64_t> sizes(getShape(value));
  starts.front() = first;
  sizes.front() = count;
  return b.slice(value, starts, sizes);
}

/// The sums of `biases` with a convolution of i32 without padding.
static Value wideConv(TosaBuilder &b, const SlidingWindow &window, Value input,
                      Value weights, Value biases, ArrayRef<int64_t> shape) {
  RankedTensorType type = b.tensorType(shape, b.getI32Type());
  Value init = b.broadcastTo(
      b.reshape(biases, {1, 1, 1, getShape(biases).front()}), shape);
  return linalg::Conv2DNhwcFhwcOp::create(
             b, TypeRange{type},
             ValueRange{input, b.cast(weights, b.getI32Type())},
             ValueRange{init}, b.getI64TensorAttr(window.strides),
             b.getI64TensorAttr(window.dilations))
      .getResult(0);
}

Value LayerConverter::convert(accel::Conv2DOp op) {
  ArrayRef<int64_t> weightShape = getShape(op.getWeights());
  ArrayRef<int64_t> outShape = getShape(op.getResult());
  SlidingWindow window(weightShape.slice(1, 2), op.getStrides(), op.getPads(),
                       op.getDilations(), outShape.slice(1, 2));
  Value input = window.fit(b, op.getInput(), op.getInputZeroPoint());
  if (std::optional<ArrayRef<int64_t>> map = op.getInputChannels())
    input = b.gather(input, 3, *map);
  Type i8 = b.getI8Type(), i32 = b.getI32Type();
  bool isWide = getElementType(input).isInteger(16);
  if (isWide)
    input = window.padExplicitly(b, widen(input), 0);
  Value inputZp = b.zeroPoint(i8, op.getInputZeroPoint());
  Value weightZp = b.zeroPoint(i8, 0);
  // TOSA has no groups: each is a convolution of its own.
  auto groups = static_cast<int64_t>(op.getGroups());
  int64_t filters = weightShape[0] / groups;
  SmallVector<int64_t> groupShape(outShape);
  groupShape.back() = filters;
  SmallVector<Value> results;
  for (int64_t group = 0; group < groups; ++group) {
    Value image = channels(b, input, group * weightShape[3], weightShape[3]);
    Value weights = rows(b, op.getWeights(), group * filters, filters);
    Value bias = rows(b, op.getBias(), group * filters, filters);
    results.push_back(
        isWide ? wideConv(b, window, image, weights, bias, groupShape)
               : tosa::Conv2DOp::create(
                     b, b.tensorType(groupShape, i32), image, weights, bias,
                     inputZp, weightZp, window.tosaPad(),
                     ArrayRef<int64_t>(window.strides),
                     ArrayRef<int64_t>(window.dilations), i32));
  }
  return requantize(b.concat(results, 3), op.getResidual(), op.getRequant(),
                    getElementType(op.getResult()));
}

Value LayerConverter::convert(accel::DepthwiseConv2DOp op) {
  ArrayRef<int64_t> weightShape = getShape(op.getWeights());
  ArrayRef<int64_t> outShape = getShape(op.getResult());
  SlidingWindow window(weightShape.take_front(2), op.getStrides(), op.getPads(),
                       op.getDilations(), outShape.slice(1, 2));
  Value input = window.fit(b, op.getInput(), op.getInputZeroPoint());
  Type i8 = b.getI8Type(), i32 = b.getI32Type();
  Type type = getElementType(op.getResult());
  if (getElementType(input).isInteger(16)) {
    Value init = b.broadcastTo(
        b.reshape(op.getBias(), {1, 1, 1, weightShape.back()}), outShape);
    Value sums = linalg::DepthwiseConv2DNhwcHwcOp::create(
                     b, TypeRange{b.tensorType(outShape, i32)},
                     ValueRange{window.padExplicitly(b, widen(input), 0),
                                b.cast(op.getWeights(), i32)},
                     ValueRange{init}, b.getI64TensorAttr(window.strides),
                     b.getI64TensorAttr(window.dilations))
                     .getResult(0);
    return requantize(sums, op.getResidual(), op.getRequant(), type);
  }
  SmallVector<int64_t> withMultiplier(weightShape);
  withMultiplier.push_back(1);
  Value accumulators = tosa::DepthwiseConv2DOp::create(
      b, b.tensorType(outShape, i32), input,
      b.reshape(op.getWeights(), withMultiplier), op.getBias(),
      b.zeroPoint(i8, op.getInputZeroPoint()), b.zeroPoint(i8, 0),
      window.tosaPad(), ArrayRef<int64_t>(window.strides),
      ArrayRef<int64_t>(window.dilations), i32);
  return requantize(accumulators, op.getResidual(), op.getRequant(), type);
}

} // namespace accopt
