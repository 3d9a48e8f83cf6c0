//===- ConvertWindow.cpp - Pooling and reductions -------------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"
#include "lib/Conversion/TosaBuilder/SlidingWindow.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

#include <limits>

using namespace mlir;

namespace accopt {

/// A pooling of linalg's, which can be dilated, over explicitly padded input.
template <typename OpT>
static Value dilatedPool(TosaBuilder &b, Value input,
                         const SlidingWindow &window, double init) {
  SmallVector<int64_t> shape = {getShape(input)[0], window.out[0],
                                window.out[1], getShape(input)[3]};
  Value start = b.splat(shape, b.getF32Type(), init);
  Value kernel =
      tensor::EmptyOp::create(b, ArrayRef(window.kernel), b.getF32Type());
  return OpT::create(b, TypeRange{start.getType()}, ValueRange{input, kernel},
                     ValueRange{start}, b.getI64TensorAttr(window.strides),
                     b.getI64TensorAttr(window.dilations))
      .getResult(0);
}

void Converter::convertOp(nn::MaxPoolOp op) {
  constexpr double lowest = std::numeric_limits<float>::lowest();
  SlidingWindow window(op.getKernel(), op.getStrides(), op.getPads(),
                       op.getDilations(),
                       getShape(op.getResult()).drop_front(2));
  Value input = window.fit(b, last(op.getInput()), lowest);
  if (window.isDilated() || window.hasWidePadding())
    input = window.padExplicitly(b, input, lowest);
  Value result;
  if (window.isDilated())
    result = dilatedPool<linalg::PoolingNhwcMaxOp>(b, input, window, lowest);
  else
    result = tosa::MaxPool2dOp::create(
        b, b.tensorType(lastShape(getShape(op.getResult())), b.getF32Type()),
        input, ArrayRef<int64_t>(window.kernel),
        ArrayRef<int64_t>(window.strides), window.tosaPad());
  setLast(op.getResult(), result);
}

/// How many positions of each window count: those in [begin, end) of the
/// padded input, whose first element is position 0.
static SmallVector<float> countPositions(const SlidingWindow &window,
                                         const int64_t *begin,
                                         const int64_t *end) {
  SmallVector<float> counts[2];
  for (int i = 0; i < 2; ++i)
    for (int64_t o = 0; o < window.out[i]; ++o) {
      int64_t count = 0;
      for (int64_t k = 0; k < window.kernel[i]; ++k) {
        int64_t position = o * window.strides[i] + k * window.dilations[i];
        count += position >= begin[i] && position < end[i];
      }
      counts[i].push_back(static_cast<float>(count));
    }
  SmallVector<float> result;
  for (float rows : counts[0])
    for (float columns : counts[1])
      result.push_back(rows * columns);
  return result;
}

void Converter::convertOp(nn::AveragePoolOp op) {
  SlidingWindow window(op.getKernel(), op.getStrides(), op.getPads(),
                       op.getDilations(),
                       getShape(op.getResult()).drop_front(2));
  Value input = last(op.getInput());
  bool includePad = op.getCountIncludePad();
  int64_t begin[2], end[2];
  for (int i = 0; i < 2; ++i) {
    int64_t size = getShape(input)[i + 1];
    begin[i] = includePad ? 0 : window.low[i];
    end[i] = window.low[i] + size + (includePad ? window.high[i] : 0);
  }
  Type f32 = b.getF32Type();
  // TOSA counts what is not padding. Padding that counts is made input.
  SlidingWindow plain = window;
  Value plainInput = includePad ? plain.padExplicitly(b, input, 0) : input;
  plainInput = plain.fit(b, plainInput, 0);
  if (!plain.isDilated() && !plain.hasWidePadding()) {
    Value zero = b.zeroPoint(f32, 0);
    setLast(op.getResult(),
            tosa::AvgPool2dOp::create(
                b, b.tensorType(lastShape(getShape(op.getResult())), f32),
                plainInput, zero, zero, ArrayRef<int64_t>(plain.kernel),
                ArrayRef<int64_t>(plain.strides), plain.tosaPad(), f32));
    return;
  }
  SmallVector<float> counts = countPositions(window, begin, end);
  input = window.fit(b, input, 0);
  input = window.padExplicitly(b, input, 0);
  Value sum = dilatedPool<linalg::PoolingNhwcSumOp>(b, input, window, 0);
  Value divisor = b.constantF32({1, window.out[0], window.out[1], 1}, counts);
  setLast(op.getResult(), b.div(sum, divisor));
}

void Converter::convertOp(nn::ReduceMeanOp op) {
  Shape inputShape = getShape(op.getInput());
  auto rank = static_cast<int64_t>(inputShape.size());
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  int64_t count = 1;
  SmallVector<int64_t> kept(inputShape);
  for (int64_t axis : op.getAxes()) {
    count *= inputShape[axis];
    kept[axis] = 1;
    x = b.reduceSum(x, axisIn(layout, axis, rank));
  }
  x = b.div(x, b.scalarLike(x, static_cast<double>(count)));
  if (op.getKeepDims())
    return set(op.getResult(), x, layout);
  if (layout == Layout::ChannelsLast)
    x = toLayout(x, layout, kept);
  setFirst(op.getResult(), b.reshape(x, getShape(op.getResult())));
}

} // namespace accopt
