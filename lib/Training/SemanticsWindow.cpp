//===- SemanticsWindow.cpp - Convolution, pooling, and what crops ---------===//
//
// Torch pads alike on both sides, by half a window at the most; ONNX does not.
// Where they differ the padding is made explicit.
//
//===----------------------------------------------------------------------===//

#include "Semantics.h"

#include <algorithm>
#include <limits>

using namespace accopt::training;

namespace {
using Tensors = std::vector<at::Tensor>;
using Shape = std::vector<int64_t>;

/// Kernel, strides, dilations and pads, always of two dimensions: a 1-D window
/// is a 2-D one of height 1.
struct Window {
  Shape kernel, strides, dilations, begins, ends;

  Window(const Node &node, Shape kernelSizes, size_t spatial)
      : kernel(std::move(kernelSizes)), strides(getList(node, "strides")),
        dilations(getList(node, "dilations")) {
    const Shape &pads = getList(node, "pads");
    begins.assign(pads.begin(), pads.begin() + static_cast<long>(spatial));
    ends.assign(pads.begin() + static_cast<long>(spatial), pads.end());
    if (spatial == 1) {
      for (Shape *list : {&kernel, &strides, &dilations})
        list->insert(list->begin(), 1);
      for (Shape *list : {&begins, &ends})
        list->insert(list->begin(), 0);
    }
  }

  /// Elements from the first that is read to the last, for `outputs` results.
  int64_t reach(size_t d, int64_t outputs) const {
    return (outputs - 1) * strides[d] + (kernel[d] - 1) * dilations[d] + 1;
  }
};
} // namespace

/// Pads by begins and whatever makes the ends what `outputs` results read.
static at::Tensor padToReach(const at::Tensor &x, const Window &window,
                             const Shape &outputs, double value) {
  Shape pads;
  for (size_t d : {1, 0}) {
    int64_t size = x.size(static_cast<int64_t>(d) + 2);
    pads.push_back(window.begins[d]);
    pads.push_back(window.reach(d, outputs[d]) - size - window.begins[d]);
  }
  if (std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; }))
    return x;
  return at::constant_pad_nd(x, pads, value);
}

/// Whether pooling in torch with pads `begins` on both sides, rounding down,
/// gives `outputs` and reads what ONNX says.
static bool isNative(const at::Tensor &x, const Window &window,
                     const Shape &outputs) {
  for (size_t d : {0, 1}) {
    int64_t size = x.size(static_cast<int64_t>(d) + 2);
    int64_t begin = window.begins[d];
    int64_t free = size + 2 * begin - window.reach(d, 1);
    if (2 * begin > window.kernel[d] || free < 0 ||
        free / window.strides[d] + 1 != outputs[d])
      return false;
    // Nothing but the same padding may lie at the end.
    int64_t over = window.reach(d, outputs[d]) - size - begin;
    if (over > std::min(begin, window.ends[d]))
      return false;
  }
  return true;
}

/// N x C x L as N x C x 1 x L.
static at::Tensor toImage(const at::Tensor &x) {
  return x.dim() == 3 ? x.unsqueeze(2) : x;
}
static Shape spatialOf(const Shape &shape) {
  return shape.size() == 3 ? Shape{1, shape[2]} : Shape{shape[2], shape[3]};
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

at::Tensor semantics::conv(const Node &node, const Tensors &operands,
                           const Shape &resultShape, const RunContext &) {
  at::Tensor x = operands[0];
  const Shape &pads = getList(node, "pads");
  size_t spatial = pads.size() / 2;
  Shape symmetric(pads.begin(), pads.begin() + static_cast<long>(spatial));
  if (!std::equal(symmetric.begin(), symmetric.end(),
                  pads.begin() + static_cast<long>(spatial))) {
    Shape reversed;
    for (size_t d = spatial; d-- > 0;) {
      reversed.push_back(pads[d]);
      reversed.push_back(pads[spatial + d]);
    }
    x = at::constant_pad_nd(x, reversed);
    symmetric.assign(spatial, 0);
  }
  x = at::convolution(x, operands[1], operands[2], getList(node, "strides"),
                      symmetric, getList(node, "dilations"),
                      /*transposed=*/false, Shape(spatial, 0),
                      get<int64_t>(node, "groups"));
  if (operands[3].defined())
    x = x + operands[3];
  return clampBy(node, "clamp_min", "clamp_max", x);
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

at::Tensor semantics::maxPool(const Node &node, const Tensors &operands,
                              const Shape &resultShape, const RunContext &) {
  at::Tensor x = toImage(operands[0]);
  Window window(node, getList(node, "kernel"),
                static_cast<size_t>(operands[0].dim()) - 2);
  Shape outputs = spatialOf(resultShape), pads = window.begins;
  // A window that dilation puts wholly into the padding gives the least float,
  // as in onnxruntime, and not torch's infinity.
  bool mayMissInput = window.dilations != Shape{1, 1} && pads != Shape{0, 0};
  if (mayMissInput || !isNative(x, window, outputs)) {
    x = padToReach(x, window, outputs, std::numeric_limits<float>::lowest());
    pads = {0, 0};
  }
  return at::max_pool2d(x, window.kernel, window.strides, pads,
                        window.dilations, /*ceil_mode=*/false)
      .reshape(resultShape);
}

/// For each result along dimension `d`, how many positions of the window lie in
/// the input, or in the padded input.
static std::vector<float> countPositions(const Window &window, size_t d,
                                         int64_t size, int64_t outputs,
                                         bool includePad) {
  int64_t low = includePad ? 0 : window.begins[d];
  int64_t high = window.begins[d] + size + (includePad ? window.ends[d] : 0);
  std::vector<float> counts;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t count = 0;
    for (int64_t k = 0; k < window.kernel[d]; ++k) {
      int64_t at = i * window.strides[d] + k * window.dilations[d];
      count += at >= low && at < high;
    }
    counts.push_back(static_cast<float>(std::max<int64_t>(count, 1)));
  }
  return counts;
}

at::Tensor semantics::averagePool(const Node &node, const Tensors &operands,
                                  const Shape &resultShape,
                                  const RunContext &) {
  at::Tensor x = toImage(operands[0]);
  Window window(node, getList(node, "kernel"),
                static_cast<size_t>(operands[0].dim()) - 2);
  Shape outputs = spatialOf(resultShape);
  auto includePad = get<bool>(node, "count_include_pad");
  bool isDense = window.dilations == Shape{1, 1};
  if (isDense && isNative(x, window, outputs))
    return at::avg_pool2d(x, window.kernel, window.strides, window.begins,
                          /*ceil_mode=*/false, includePad)
        .reshape(resultShape);

  std::vector<float> rows =
      countPositions(window, 0, x.size(2), outputs[0], includePad);
  std::vector<float> columns =
      countPositions(window, 1, x.size(3), outputs[1], includePad);
  auto vector = [&](std::vector<float> &values, int64_t height) {
    auto size = static_cast<int64_t>(values.size());
    return at::from_blob(values.data(), {height, size / height}, at::kFloat)
        .to(x.options(), /*non_blocking=*/false, /*copy=*/true);
  };
  at::Tensor counts = vector(rows, outputs[0]) * vector(columns, 1);
  at::Tensor padded = padToReach(x, window, outputs, 0.0);
  at::Tensor sums;
  if (isDense) {
    sums = at::avg_pool2d(padded, window.kernel, window.strides, {0, 0}, false,
                          true, /*divisor_override=*/1);
  } else {
    // Torch's average has no dilation, but a convolution has.
    at::Tensor single = padded.reshape(
        {padded.size(0) * padded.size(1), 1, padded.size(2), padded.size(3)});
    sums = at::conv2d(
        single,
        at::ones({1, 1, window.kernel[0], window.kernel[1]}, x.options()), {},
        window.strides, c10::IntArrayRef{0, 0}, window.dilations);
    sums = sums.reshape({x.size(0), x.size(1), outputs[0], outputs[1]});
  }
  return (sums / counts).reshape(resultShape);
}

//===----------------------------------------------------------------------===//
// Movement that picks elements by index
//===----------------------------------------------------------------------===//

static at::Tensor pick(const at::Tensor &x, int64_t dimension,
                       const Shape &indices) {
  at::Tensor index = at::tensor(indices, at::kLong).to(x.device());
  return at::index_select(x, dimension, index);
}

at::Tensor semantics::slice(const Node &node, const Tensors &operands,
                            const Shape &resultShape, const RunContext &) {
  at::Tensor x = operands[0];
  const Shape &starts = getList(node, "starts"),
              &steps = getList(node, "steps");
  for (size_t d = 0; d < resultShape.size(); ++d) {
    auto dimension = static_cast<int64_t>(d);
    // Dimension 0 of a batch is whole; its size is the result's, not the op's.
    int64_t size = resultShape[d];
    if (starts[d] == 0 && steps[d] == 1 && size == x.size(dimension))
      continue;
    if (steps[d] > 0) {
      x = x.slice(dimension, starts[d], starts[d] + (size - 1) * steps[d] + 1,
                  steps[d]);
      continue;
    }
    Shape indices;
    for (int64_t i = 0; i < size; ++i)
      indices.push_back(starts[d] + i * steps[d]);
    x = pick(x, dimension, indices);
  }
  return x;
}

/// Where element `i` of a padded dimension comes from; `i` counts from the
/// first element of the unpadded one.
static int64_t sourceIndex(const std::string &mode, int64_t size, int64_t i) {
  if (mode == "edge")
    return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == "wrap")
    return ((i % size) + size) % size;
  if (size == 1)
    return 0;
  int64_t period = 2 * (size - 1), index = ((i % period) + period) % period;
  return index < size ? index : period - index;
}

at::Tensor semantics::pad(const Node &node, const Tensors &operands,
                          const Shape &resultShape, const RunContext &) {
  at::Tensor x = operands[0];
  const Shape &pads = getList(node, "pads");
  const auto &mode = get<std::string>(node, "mode");
  size_t rank = pads.size() / 2;
  if (mode == "constant") {
    Shape reversed;
    for (size_t d = rank; d-- > 0;) {
      reversed.push_back(pads[d]);
      reversed.push_back(pads[rank + d]);
    }
    return at::constant_pad_nd(x, reversed, get<double>(node, "value"));
  }
  for (size_t d = 0; d < rank; ++d) {
    if (pads[d] == 0 && pads[rank + d] == 0)
      continue;
    Shape indices;
    int64_t size = x.size(static_cast<int64_t>(d));
    for (int64_t i = -pads[d]; i < size + pads[rank + d]; ++i)
      indices.push_back(sourceIndex(mode, size, i));
    x = pick(x, static_cast<int64_t>(d), indices);
  }
  return x;
}

at::Tensor semantics::concat(const Node &node, const Tensors &operands,
                             const Shape &resultShape, const RunContext &) {
  auto axis = get<int64_t>(node, "axis");
  Tensors parts;
  for (const at::Tensor &operand : operands) {
    Shape shape = resultShape;
    shape[static_cast<size_t>(axis)] = operand.size(axis);
    // What is the same for every sample is written for one.
    parts.push_back(axis == 0 ? operand : operand.expand(shape));
  }
  return at::cat(parts, axis);
}
