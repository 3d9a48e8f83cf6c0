//===- WindowOps.cpp - Pooling and means on the vector unit ---------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;

namespace accopt {
namespace {

/// A window over one or two spatial dimensions, as two; the end pads give
/// exactly the output size that ONNX's rounding gave.
struct Window2D {
  Shape kernel, strides, dilations, pads;
  /// True where ceil_mode added positions past the declared end padding.
  bool overhangs = false;

  template <typename OpT> explicit Window2D(OpT op) {
    auto widen = [](ArrayRef<int64_t> values, int64_t missing) {
      return values.size() == 1 ? Shape{missing, values[0]} : Shape(values);
    };
    kernel = widen(op.getKernel(), 1);
    strides = widen(op.getStrides(), 1);
    dilations = widen(op.getDilations(), 1);
    ArrayRef<int64_t> given = op.getPads();
    pads = given.size() == 2 ? Shape{0, given[0], 0, given[1]} : Shape(given);
    Shape in = widen(shapeOf(op.getInput()).drop_front(2), 1);
    Shape out = widen(shapeOf(op.getResult()).drop_front(2), 1);
    for (unsigned d = 0; d < 2; ++d) {
      int64_t reach =
          (out[d] - 1) * strides[d] + dilations[d] * (kernel[d] - 1) + 1;
      int64_t needed = std::max<int64_t>(0, reach - in[d] - pads[d]);
      overhangs |= needed > pads[d + 2];
      pads[d + 2] = needed;
    }
  }
};

/// N x L x C as N x 1 x L x C.
Shape asImage(ArrayRef<int64_t> shape) {
  Shape image(shape);
  if (image.size() == 3)
    image.insert(image.begin() + 1, 1);
  return image;
}

Shape permuted(ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  Shape result;
  for (int64_t dimension : order)
    result.push_back(shape[dimension]);
  return result;
}
} // namespace

LogicalResult Lowering::convertOp(nn::MaxPoolOp op) {
  Window2D window(op);
  Shape order = channelsLast(shapeOf(op.getInput()).size());
  ActivationQuant in = *activationQuant(op.getInput());
  Value input = get(op.getInput(), order);
  input = reshape(input, asImage(shapeOf(input)));
  Shape result = permuted(shapeOf(op.getResult()), order);
  Value pooled = accel::MaxPoolOp::create(
      builder, RankedTensorType::get(asImage(result), elementType(in)), input,
      window.kernel, window.strides, window.pads, window.dilations, in.low,
      in.high);
  setMoved(op.getResult(), op.getInput(), reshape(pooled, result), order);
  return success();
}

LogicalResult Lowering::convertOp(nn::AveragePoolOp op) {
  Window2D window(op);
  // A table has a scale for each number of taps that a window may see.
  // The sum of wide values has 32 bits.
  int64_t maxTaps = activationQuant(op.getInput())->isWide ? 65535 : 1 << 20;
  if (window.kernel[0] > maxTaps / window.kernel[1])
    return refuse("an average over more than " + Twine(maxTaps) +
                  " elements exceeds the vector unit's window");
  Shape order = channelsLast(shapeOf(op.getInput()).size());
  ActivationQuant in = *activationQuant(op.getInput());
  ActivationQuant out = *activationQuant(op.getResult());
  Value input = get(op.getInput(), order);
  input = reshape(input, asImage(shapeOf(input)));
  bool includePad = op.getCountIncludePad();
  if (includePad && window.overhangs) {
    // What ceil_mode added must not count, the declared padding must: pad with
    // real zeros first, then count what is inside.
    Shape declared = op.getPads().size() == 2
                         ? Shape{0, op.getPads()[0], 0, op.getPads()[1]}
                         : Shape(op.getPads());
    Shape pads = {0, declared[0], declared[1], 0,
                  0, declared[2], declared[3], 0};
    Shape padded(shapeOf(input));
    for (unsigned d = 0; d < 4; ++d)
      padded[d] += pads[d] + pads[d + 4];
    input = accel::PadOp::create(builder,
                                 RankedTensorType::get(padded, elementType(in)),
                                 input, pads, in.zeroPoint);
    for (unsigned d = 0; d < 2; ++d) {
      window.pads[d] = 0;
      window.pads[d + 2] =
          std::max<int64_t>(0, window.pads[d + 2] - declared[d + 2]);
    }
    includePad = false;
  }
  // Where no window reaches beyond the image, all count the same taps.
  includePad |= llvm::all_of(window.pads, [](int64_t pad) { return !pad; });
  SmallVector<int32_t> multipliers, shifts;
  int64_t taps = window.kernel[0] * window.kernel[1];
  for (int64_t n = includePad ? taps : 1; n <= taps; ++n) {
    ScaleFactor factor = scaleOrTiny(in.scale / (out.scale * double(n)));
    multipliers.push_back(factor.multiplier);
    shifts.push_back(factor.shift);
  }
  Shape result = permuted(shapeOf(op.getResult()), order);
  Value pooled = accel::AvgPoolOp::create(
      builder, RankedTensorType::get(asImage(result), elementType(out)), input,
      window.kernel, window.strides, window.pads, window.dilations, includePad,
      in.zeroPoint, out.zeroPoint, multipliers, shifts, out.low, out.high);
  set(op.getResult(), reshape(pooled, result), order);
  return success();
}

LogicalResult Lowering::convertOp(nn::ReduceMeanOp op) {
  ArrayRef<int64_t> axes = op.getAxes();
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  if (axes.empty()) {
    Stored input = stored(op.getInput());
    setMoved(op.getResult(), op.getInput(), input.value, input.order);
    return success();
  }
  // Bring the reduced dimensions together where they stand first in memory.
  Shape from = stored(op.getInput()).order, order, inner;
  bool seen = false;
  int64_t outerSize = 1, reducedSize = 1, innerSize = 1;
  for (int64_t dimension : from) {
    if (llvm::is_contained(axes, dimension)) {
      reducedSize *= shape[dimension];
      seen = true;
    } else if (!seen) {
      order.push_back(dimension);
      outerSize *= shape[dimension];
    } else {
      inner.push_back(dimension);
      innerSize *= shape[dimension];
    }
  }
  Shape keptOrder = order;
  keptOrder.append(inner);
  order.append(axes.begin(), axes.end());
  order.append(inner);
  if (reducedSize > 65535)
    return refuse("a mean over more than 65535 elements exceeds the vector "
                  "unit's window");

  Value input = get(op.getInput(), order);
  ActivationQuant in = *activationQuant(op.getInput());
  ActivationQuant out = *activationQuant(op.getResult());
  ScaleFactor factor =
      scaleOrTiny(in.scale / (out.scale * double(reducedSize)));
  int32_t multiplier = factor.multiplier, shift = factor.shift;
  Shape one = {1, 1}, none = {0, 0, 0, 0}, kernel = {reducedSize, 1};
  Value pooled = accel::AvgPoolOp::create(
      builder,
      RankedTensorType::get({outerSize, 1, 1, innerSize}, elementType(out)),
      reshape(input, {outerSize, reducedSize, 1, innerSize}), kernel, one, none,
      one, /*count_include_pad=*/true, in.zeroPoint, out.zeroPoint,
      ArrayRef(multiplier), ArrayRef(shift), out.low, out.high);

  // The result's dimensions, in the order in which they are stored now.
  Shape resultOrder;
  if (op.getKeepDims()) {
    resultOrder = order;
  } else {
    for (int64_t dimension : keptOrder)
      resultOrder.push_back(dimension - llvm::count_if(axes, [&](int64_t axis) {
                              return axis < dimension;
                            }));
  }
  set(op.getResult(),
      reshape(pooled, permuted(shapeOf(op.getResult()), resultOrder)),
      resultOrder);
  return success();
}

} // namespace accopt
