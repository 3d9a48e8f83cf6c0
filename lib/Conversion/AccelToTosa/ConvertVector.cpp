//===- ConvertVector.cpp - Pooling, elementwise ops, tables ---------------===//

#include "lib/Conversion/AccelToTosa/LayerConverter.h"
#include "lib/Conversion/TosaBuilder/SlidingWindow.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;

namespace accopt {

/// The least value of an integer type.
static int64_t lowestOf(Type type) {
  return -(int64_t(1) << (type.getIntOrFloatBitWidth() - 1));
}

Value LayerConverter::clamp(Value value, int64_t low, int64_t high) {
  Type type = getElementType(value);
  if (low > lowestOf(type))
    value = b.maximum(value, b.splat(getShape(value), type, double(low)));
  if (high < -lowestOf(type) - 1)
    value = b.minimum(value, b.splat(getShape(value), type, double(high)));
  return value;
}

Value LayerConverter::convert(accel::MaxPoolOp op) {
  Type type = getElementType(op.getInput());
  int64_t lowest = lowestOf(type);
  ArrayRef<int64_t> outShape = getShape(op.getResult());
  SlidingWindow window(op.getKernel(), op.getStrides(), op.getPads(),
                       op.getDilations(), outShape.slice(1, 2));
  Value input = window.fit(b, op.getInput(), lowest);
  if (window.isDilated() || window.hasWidePadding())
    input = window.padExplicitly(b, input, lowest);
  if (!window.isDilated())
    return clamp(tosa::MaxPool2dOp::create(
                     b, op.getType(), input, ArrayRef<int64_t>(window.kernel),
                     ArrayRef<int64_t>(window.strides), window.tosaPad()),
                 int32_t(op.getClampMin()), int32_t(op.getClampMax()));
  // TOSA's maximum has no dilation.
  Value init = b.splat(outShape, type, double(lowest));
  Value kernel = tensor::EmptyOp::create(b, ArrayRef(window.kernel), type);
  Value highest = linalg::PoolingNhwcMaxOp::create(
                      b, TypeRange{init.getType()}, ValueRange{input, kernel},
                      ValueRange{init}, b.getI64TensorAttr(window.strides),
                      b.getI64TensorAttr(window.dilations))
                      .getResult(0);
  return clamp(highest, int32_t(op.getClampMin()), int32_t(op.getClampMax()));
}

/// Taps of each window, in row-major order, that lie inside the input.
static SmallVector<int64_t> countTaps(const SlidingWindow &window,
                                      ArrayRef<int64_t> inputSize) {
  SmallVector<int64_t> counts[2];
  for (int i = 0; i < 2; ++i)
    for (int64_t o = 0; o < window.out[i]; ++o) {
      int64_t count = 0;
      for (int64_t k = 0; k < window.kernel[i]; ++k) {
        int64_t position =
            o * window.strides[i] + k * window.dilations[i] - window.low[i];
        count += position >= 0 && position < inputSize[i];
      }
      counts[i].push_back(count);
    }
  SmallVector<int64_t> result;
  for (int64_t rows : counts[0])
    for (int64_t columns : counts[1])
      result.push_back(rows * columns);
  return result;
}

Value LayerConverter::convert(accel::AvgPoolOp op) {
  ArrayRef<int64_t> outShape = getShape(op.getResult());
  ArrayRef<int64_t> inShape = getShape(op.getInput());
  SlidingWindow window(op.getKernel(), op.getStrides(), op.getPads(),
                       op.getDilations(), outShape.slice(1, 2));
  SmallVector<int64_t> taps = countTaps(window, inShape.slice(1, 2));
  Value input = window.fit(b, op.getInput(), op.getInputZeroPoint());

  // The sum of a window is a depthwise convolution with weights of one; TOSA's
  // own average divides by another rule than the machine.
  Type i8 = b.getI8Type(), i32 = b.getI32Type();
  int64_t channels = inShape[3];
  Value sum;
  if (getElementType(input).isInteger(16)) {
    Value kernel = tensor::EmptyOp::create(b, ArrayRef(window.kernel), i32);
    sum = linalg::PoolingNhwcSumOp::create(
              b, TypeRange{b.tensorType(outShape, i32)},
              ValueRange{window.padExplicitly(b, widen(input), 0), kernel},
              ValueRange{b.splat(outShape, i32, 0)},
              b.getI64TensorAttr(window.strides),
              b.getI64TensorAttr(window.dilations))
              .getResult(0);
  } else {
    Value ones =
        b.splat({window.kernel[0], window.kernel[1], channels, 1}, i8, 1);
    sum = tosa::DepthwiseConv2DOp::create(
        b, b.tensorType(outShape, i32), input, ones,
        b.splat({channels}, i32, 0), b.zeroPoint(i8, op.getInputZeroPoint()),
        b.zeroPoint(i8, 0), window.tosaPad(), ArrayRef<int64_t>(window.strides),
        ArrayRef<int64_t>(window.dilations), i32);
  }

  // The scale goes by pixel; tosa.rescale goes by the last dimension.
  SmallVector<int32_t> multipliers;
  SmallVector<int8_t> shifts;
  for (int64_t count : taps) {
    // An empty window sums to zero under any scale.
    int64_t entry = op.getCountIncludePad() ? 1 : std::max<int64_t>(count, 1);
    multipliers.push_back(op.getMultiplier()[entry - 1]);
    shifts.push_back(static_cast<int8_t>(op.getShift()[entry - 1]));
  }
  int64_t pixels = outShape[1] * outShape[2];
  bool uniform = llvm::all_equal(multipliers) && llvm::all_equal(shifts);
  Value scaled;
  if (uniform) {
    scaled = b.rescale(sum, multipliers.front(), shifts.front(), 0, 0, i32);
  } else {
    scaled = b.reshape(sum, {outShape[0], pixels, channels});
    scaled = b.transpose(scaled, {0, 2, 1});
    scaled = b.rescale(scaled, multipliers, shifts, 0, 0, i32);
    scaled = b.reshape(b.transpose(scaled, {0, 2, 1}), outShape);
  }
  return clampResult(scaled, getElementType(op.getResult()),
                     int32_t(op.getOutputZeroPoint()),
                     int32_t(op.getClampMin()), int32_t(op.getClampMax()));
}

Value LayerConverter::convert(accel::BinaryOp op) {
  Value v;
  if (op.getKind() == accel::BinaryOpKind::Mul) {
    auto centred = [&](Value value, int64_t zeroPoint) {
      Value wide = b.cast(value, b.getI32Type());
      return b.sub(wide, b.scalarLike(wide, double(zeroPoint)));
    };
    v = b.mul(centred(op.getLhs(), op.getLhsZeroPoint()),
              centred(op.getRhs(), op.getRhsZeroPoint()));
  } else {
    Value lhs =
        applyScale(op.getLhs(), op.getLhsZeroPoint(), op.getLhsScaleAttr());
    Value rhs =
        applyScale(op.getRhs(), op.getRhsZeroPoint(), op.getRhsScaleAttr());
    v = op.getKind() == accel::BinaryOpKind::Add ? b.add(lhs, rhs)
                                                 : b.sub(lhs, rhs);
  }
  v = applyScale(v, 0, op.getOutputScaleAttr());
  return clampResult(v, getElementType(op.getResult()), op.getOutputZeroPoint(),
                     op.getClampMin(), op.getClampMax());
}

Value LayerConverter::convert(accel::LookupOp op) {
  return lookup(op.getInput(), op.getTable());
}

/// TOSA's table of 513 entries takes inputs of 16 bits and leaves seven bits
/// behind the point, which are rounded half up here.
Value LayerConverter::convert(accel::InterpolateOp op) {
  Type i16 = b.getI16Type(), i32 = b.getI32Type();
  Value input = op.getInput();
  if (unsigned missing = 16 - unsigned(op.getInputBits())) {
    Value wide = b.cast(input, i32);
    input = b.cast(b.mul(wide, b.scalarLike(wide, double(1 << missing))), i16);
  }
  auto tableType = b.tensorType({513}, i16);
  Value table = b.constant(DenseElementsAttr::get(tableType, op.getTable()));
  ArrayRef<int64_t> shape = getShape(op.getResult());
  Value fine = tosa::TableOp::create(b, b.tensorType(shape, i32), input, table);
  return b.cast(b.rescale(fine, 1 << 30, int8_t(37), 0, 0, i32), i16);
}

} // namespace accopt
