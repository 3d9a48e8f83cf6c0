//===- ImportUnpool.cpp - Places of maxima, and back ----------------------===//
//
// The second output of MaxPool names the place of each maximum as an index into
// the whole input. It is found tap by tap: where a tap is larger than all
// before, its place is taken, so that the first of equals counts. MaxUnpool
// writes values to such places.
//
//===----------------------------------------------------------------------===//

#include "ImportUnpool.h"

#include "ConstantEvaluator.h"
#include "OpTable.h"

#include <limits>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

namespace {
/// The windows of a pooling over `input` [N, C, spatial].
class ArgMaxPool {
public:
  ArgMaxPool(NodeImporter &node, Value input, const WindowAttributes &window,
             ArrayRef<int64_t> pooled)
      : node(node), input(input), window(window), shape(shapeOf(input)),
        pooled(pooled), isColumnMajor(node.intAttr("storage_order", 0) != 0) {}

  Value run();

private:
  Value pad();
  Value slice(Value padded, ArrayRef<int64_t> tap);
  Value places(ArrayRef<int64_t> tap);
  Value planes();

  size_t spatial() const { return window.kernel.size(); }

  NodeImporter &node;
  Value input;
  const WindowAttributes &window;
  ArrayRef<int64_t> shape, pooled;
  bool isColumnMajor;
};
} // namespace

/// The input with the smallest number around it, as far as windows reach.
Value ArgMaxPool::pad() {
  Shape pads(2 * shape.size(), 0);
  for (size_t d = 0; d < spatial(); ++d) {
    int64_t reach = (pooled[2 + d] - 1) * window.strides[d] +
                    (window.kernel[d] - 1) * window.dilations[d] + 1;
    pads[2 + d] = window.pads[d];
    pads[shape.size() + 2 + d] =
        std::max<int64_t>(0, reach - window.pads[d] - shape[2 + d]);
  }
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return input;
  return node.emit<nn::PadOp>(input, node.array(pads),
                              node.builder.getStringAttr("constant"),
                              node.f32(std::numeric_limits<float>::lowest()));
}

/// What one tap of all windows reads.
Value ArgMaxPool::slice(Value padded, ArrayRef<int64_t> tap) {
  Shape starts(shape.size(), 0), steps(shape.size(), 1);
  for (size_t d = 0; d < spatial(); ++d) {
    starts[2 + d] = tap[d] * window.dilations[d];
    steps[2 + d] = window.strides[d];
  }
  return node.emit<nn::SliceOp>(padded, node.array(starts), node.array(pooled),
                                node.array(steps));
}

/// Where it reads, within a plane: [1, 1, spatial].
Value ArgMaxPool::places(ArrayRef<int64_t> tap) {
  Shape strides(spatial(), 1), sizes(pooled);
  sizes[0] = sizes[1] = 1;
  for (size_t i = 1; i < spatial(); ++i) {
    size_t d = isColumnMajor ? i : spatial() - 1 - i;
    size_t inner = isColumnMajor ? d - 1 : d + 1;
    strides[d] = strides[inner] * shape[2 + inner];
  }
  int64_t offset = 0;
  Shape steps = {0, 0};
  for (size_t d = 0; d < spatial(); ++d) {
    offset += (tap[d] * window.dilations[d] - window.pads[d]) * strides[d];
    steps.push_back(window.strides[d] * strides[d]);
  }
  return node.constantI64(sizes, stridedIndices(sizes, steps, offset));
}

/// Where each plane begins: [N, C, 1...].
Value ArgMaxPool::planes() {
  Shape sizes(shape.size(), 1);
  sizes[0] = shape[0];
  sizes[1] = shape[1];
  int64_t plane = 1;
  for (int64_t size : shape.drop_front(2))
    plane *= size;
  SmallVector<int64_t> starts;
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i)
    starts.push_back(i * plane);
  return node.constantI64(sizes, starts);
}

Value ArgMaxPool::run() {
  Value padded = pad(), best, at;
  if (!padded)
    return nullptr;
  Shape rowMajor = rowMajorStrides(window.kernel);
  int64_t taps = *nn::checkedElementCount(window.kernel);
  for (int64_t i = 0; i < taps; ++i) {
    Shape tap;
    for (size_t d = 0; d < spatial(); ++d)
      tap.push_back(i / rowMajor[d] % window.kernel[d]);
    Value read = slice(padded, tap);
    if (!read)
      return nullptr;
    if (i == 0) {
      best = read;
      at = places(tap);
      continue;
    }
    Value isLarger =
        node.emit<nn::BinaryMathOp>(nn::BinaryKind::Greater, read, best);
    if (!isLarger)
      return nullptr;
    at = node.emit<nn::SelectOp>(isLarger, places(tap), at);
    best = node.emit<nn::SelectOp>(isLarger, read, best);
    if (!at || !best)
      return nullptr;
  }
  return emitArithmetic(node, "Add", at, planes());
}

Value accopt::importer::emitMaxPoolIndices(NodeImporter &node, Value input,
                                           const WindowAttributes &window,
                                           ArrayRef<int64_t> pooled) {
  return ArgMaxPool(node, input, window, pooled).run();
}

/// The sizes that MaxUnpool's attributes give.
static std::optional<Shape> unpooledShape(NodeImporter &node) {
  ArrayRef<int64_t> shape = node.shape(0);
  std::optional<Shape> kernel = node.intsAttr("kernel_shape");
  size_t spatial = kernel ? kernel->size() : 0;
  Shape strides = node.intsAttr("strides").value_or(Shape(spatial, 1));
  Shape pads = node.intsAttr("pads").value_or(Shape(2 * spatial, 0));
  if (spatial == 0 || shape.size() != spatial + 2 ||
      strides.size() != spatial || pads.size() != 2 * spatial) {
    (void)node.error("expected kernel sizes and strides for each spatial "
                     "dimension, and two pads");
    return std::nullopt;
  }
  Shape result(shape);
  for (size_t d = 0; d < spatial; ++d) {
    for (int64_t value : {(*kernel)[d], strides[d], pads[d], pads[spatial + d]})
      if (value < 0 || value > INT32_MAX) {
        (void)node.error("expected kernel sizes, strides and pads in "
                         "[0, 2^31), got " +
                         Twine(value));
        return std::nullopt;
      }
    result[2 + d] = (shape[2 + d] - 1) * strides[d] + (*kernel)[d] - pads[d] -
                    pads[spatial + d];
    if (result[2 + d] < 1) {
      (void)node.error("expected a positive size of the result, got " +
                       Twine(result[2 + d]));
      return std::nullopt;
    }
  }
  return result;
}

/// A given output_shape adds zeros at the ends, as ONNX's reference does; the
/// indices are those of the shape without it.
LogicalResult accopt::importer::importMaxUnpool(NodeImporter &node) {
  Value input = node.operand(0), places = node.number(1);
  if (!input || !places)
    return failure();
  if (node.shape(0) != node.shape(1))
    return node.error("expected an index for each value");
  std::optional<Shape> shape = unpooledShape(node);
  if (!shape)
    return failure();
  std::optional<int64_t> count = nn::checkedElementCount(*shape);
  if (!count || *count > maxTensorElements)
    return node.error("expected a result of at most " +
                      Twine(maxTensorElements) + " elements, got more");
  int64_t values = *nn::checkedElementCount(node.shape(0));
  input = node.reshape(input, {values});
  places = node.reshape(places, {values, 1});
  auto flat = RankedTensorType::get({*count}, node.builder.getF32Type());
  Value zeros = node.constant(ElementsAttr(DenseElementsAttr::get(flat, 0.0f)));
  if (!input || !places)
    return failure();
  Value result = node.emit<nn::ScatterNDOp>(nn::ScatterKind::Replace, zeros,
                                            places, input);
  result = result ? node.reshape(result, *shape) : nullptr;
  if (!result || !node.hasInput(2))
    return node.setOutput(0, result);
  std::optional<Shape> given = node.ints(2, "output_shape");
  if (!given)
    return failure();
  if (given->size() != shape->size())
    return node.error("expected an output_shape of " + Twine(shape->size()) +
                      " sizes, got " + Twine(given->size()));
  Shape pads(shape->size(), 0);
  for (auto [to, from] : llvm::zip_equal(*given, *shape)) {
    if (to < from || to > INT32_MAX)
      return node.error("expected an output_shape of at least " + Twine(from) +
                        ", got " + Twine(to));
    pads.push_back(to - from);
  }
  return node.setOutput(
      0, node.emit<nn::PadOp>(result, node.array(pads),
                              node.builder.getStringAttr("constant"),
                              node.f32(0.0f)));
}
