//===- NNShapeInference.cpp - Shapes of nn ops ----------------------------===//

#include "dialects/NN/NNShapeInference.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;

/// Bounds that keep every sum and product below inside 64 bits.
static constexpr int64_t maxElements = int64_t(1) << 40;
static constexpr int64_t maxAttribute = int64_t(1) << 31;

std::optional<int64_t>
accopt::nn::checkedElementCount(ArrayRef<int64_t> shape) {
  // A zero makes the product zero; the product of the others still has to fit,
  // so that every part of the shape has a count.
  int64_t count = 1;
  bool isEmpty = false;
  for (int64_t size : shape) {
    if (size < 0 || size > maxElements)
      return std::nullopt;
    if (size == 0) {
      isEmpty = true;
      continue;
    }
    if (count > maxElements / size)
      return std::nullopt;
    count *= size;
  }
  return isEmpty ? 0 : count;
}

std::optional<int64_t> accopt::nn::windowOutputSize(const WindowDim &dim) {
  auto inRange = [](int64_t value, int64_t low) {
    return value >= low && value <= maxAttribute;
  };
  if (!inRange(dim.input, 1) || !inRange(dim.kernel, 1) ||
      !inRange(dim.stride, 1) || !inRange(dim.dilation, 1) ||
      !inRange(dim.padBegin, 0) || !inRange(dim.padEnd, 0))
    return std::nullopt;
  int64_t reach = (dim.kernel - 1) * dim.dilation + 1;
  int64_t free = dim.input + dim.padBegin + dim.padEnd - reach;
  if (free < 0)
    return std::nullopt;
  int64_t size = (free + (dim.ceilMode ? dim.stride - 1 : 0)) / dim.stride + 1;
  if (dim.ceilMode && (size - 1) * dim.stride >= dim.input + dim.padBegin)
    --size;
  return size;
}

LogicalResult accopt::nn::inferBroadcast(std::optional<Location> loc,
                                         ArrayRef<int64_t> lhs,
                                         ArrayRef<int64_t> rhs, Shape &result) {
  size_t rank = std::max(lhs.size(), rhs.size());
  result.assign(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    int64_t a = i < lhs.size() ? lhs[lhs.size() - 1 - i] : 1;
    int64_t b = i < rhs.size() ? rhs[rhs.size() - 1 - i] : 1;
    if (a != b && a != 1 && b != 1)
      return emitOptionalError(loc,
                               "expected shapes that broadcast, got sizes ", a,
                               " and ", b, " in dimension ", rank - 1 - i);
    result[rank - 1 - i] = a == 1 ? b : a;
  }
  return success();
}

LogicalResult
accopt::nn::inferWindow(std::optional<Location> loc, ArrayRef<int64_t> input,
                        ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                        ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations,
                        bool ceilMode, Shape &result) {
  if (input.size() != 3 && input.size() != 4)
    return emitOptionalError(loc, "expected an input of rank 3 or 4, got rank ",
                             input.size());
  size_t spatial = input.size() - 2;
  if (kernel.size() != spatial || strides.size() != spatial ||
      dilations.size() != spatial || pads.size() != 2 * spatial)
    return emitOptionalError(
        loc, "expected ", spatial, " kernel sizes, strides and dilations and ",
        2 * spatial, " pads, got ", kernel.size(), ", ", strides.size(), ", ",
        dilations.size(), " and ", pads.size());
  for (size_t i = 0; i < spatial; ++i) {
    std::optional<int64_t> size =
        windowOutputSize({input[2 + i], kernel[i], strides[i], pads[i],
                          pads[spatial + i], dilations[i], ceilMode});
    if (!size)
      return emitOptionalError(
          loc, "expected a window that fits the padded input in dimension ",
          2 + i, ", got input ", input[2 + i], ", kernel ", kernel[i],
          ", stride ", strides[i], ", pads ", pads[i], " and ",
          pads[spatial + i], ", dilation ", dilations[i]);
    result.push_back(*size);
  }
  return success();
}

LogicalResult accopt::nn::addResult(std::optional<Location> loc, Type like,
                                    ArrayRef<int64_t> shape,
                                    SmallVectorImpl<Type> &types) {
  std::optional<int64_t> count = checkedElementCount(shape);
  if (!count)
    return emitOptionalError(loc, "expected a result of at most ", maxElements,
                             " elements, got a larger one");
  types.push_back(
      RankedTensorType::get(shape, cast<ShapedType>(like).getElementType()));
  return success();
}

bool accopt::nn::areCompatible(TypeRange lhs, TypeRange rhs) {
  if (lhs.size() != rhs.size())
    return false;
  for (auto [a, b] : llvm::zip(lhs, rhs)) {
    auto x = dyn_cast<RankedTensorType>(a), y = dyn_cast<RankedTensorType>(b);
    if (!x || !y || x.getShape() != y.getShape())
      return false;
    if (x.getElementType() != y.getElementType() &&
        !isa<quant::QuantizedType>(x.getElementType()) &&
        !isa<quant::QuantizedType>(y.getElementType()))
      return false;
  }
  return true;
}
