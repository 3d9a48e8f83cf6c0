//===- IntegerSemantics.cpp - Ops on integers -----------------------------===//
//
// Part of AccOpt. lib/Conversion/NNToAccel has the formulas, file by file:
// LinearOps, ElementwiseOps, WindowOps, ShapeOps.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"
#include "Semantics.h"

#include <cmath>
#include <functional>

namespace accopt::training {
namespace {

//===----------------------------------------------------------------------===//
// Convolution and gemm
//===----------------------------------------------------------------------===//

/// The node without what comes after the products.
Node bareProduct(const Node &node) {
  Node bare = node;
  bare.attributes.erase("clamp_min");
  bare.attributes.erase("clamp_max");
  for (size_t i = 2; i < bare.operands.size(); ++i)
    bare.operands[i].value = -1;
  return bare;
}

/// Sums of products, exact. In f32 where no sum can reach 2^24 and the kernels
/// are known to add and multiply only; else in f64, where 2^53 is out of reach.
at::Tensor multiply(const IntegerCall &call) {
  const IntegerTensor &input = call.operands[0];
  at::Tensor x = input.values.sub(double(input.type.zeroPoint));
  at::Tensor weights = call.layer->weights;
  bool isFloat = false;
#if defined(__x86_64__)
  if (x.is_cpu() && weights.numel() > 0 && x.numel() > 0) {
    StepBounds bounds = input.type.bounds();
    double most = double(std::max(-bounds.low, bounds.high));
    double sum = weights.abs()
                     .reshape({weights.size(0), -1})
                     .sum(1)
                     .max()
                     .item<double>();
    isFloat = most * sum < 0x1p24;
  }
#endif
  if (!isFloat) {
    x = x.to(at::kDouble);
    weights = weights.to(at::kDouble);
  }
  return findSemantics(call.node.op)(bareProduct(call.node),
                                     {x, weights, at::Tensor(), at::Tensor()},
                                     call.shape, call.context)
      .to(at::kLong);
}

at::Tensor linear(const IntegerCall &call) {
  at::Tensor sums = multiply(call);
  std::vector<int64_t> perRow(sums.dim(), 1);
  perRow[1] = static_cast<int64_t>(call.layer->scales.size());
  if (call.layer->bias.defined())
    sums.add_(call.layer->bias.expand({perRow[1]}).reshape(perRow));
  sums = wrapToInt32(sums);
  int64_t index = findOperand(call.node, Role::Residual);
  double target = call.type.scale;
  if (index >= 0)
    target = std::max(call.operands[index].type.scale, target) / 65536;
  std::vector<double> scales = call.layer->scales;
  for (double &scale : scales)
    scale = scale * call.operands[0].type.scale / target;
  at::Tensor y =
      rescale(sums, ScaleFactors::get(scales, perRow, sums.device()));
  if (index >= 0) {
    const IntegerTensor &residual = call.operands[index];
    y = wrapToInt32(y +
                    rescale(center(residual), residual.type.scale / target));
    y = rescale(y, target / call.type.scale);
  }
  return finish(y, call);
}

//===----------------------------------------------------------------------===//
// Elementwise ops
//===----------------------------------------------------------------------===//

at::Tensor addOrSub(const IntegerCall &call) {
  const IntegerTensor &a = call.operands[0], &b = call.operands[1];
  double common = std::max(a.type.scale, b.type.scale) / (1 << 20);
  at::Tensor x = rescale(center(a), a.type.scale / common);
  at::Tensor y = rescale(center(b), b.type.scale / common);
  at::Tensor sum = wrapToInt32(call.node.op == "sub" ? x - y : x + y);
  return finish(rescale(sum, common / call.type.scale), call);
}

at::Tensor mul(const IntegerCall &call) {
  const IntegerTensor &a = call.operands[0], &b = call.operands[1];
  return finish(rescale(center(a) * center(b),
                        a.type.scale * b.type.scale / call.type.scale),
                call);
}

/// A table of 256 entries, applied to `x`.
at::Tensor lookUp(const IntegerTensor &x, const ActivationType &type,
                  const std::function<double(double)> &function) {
  std::vector<float> table;
  for (int64_t q = -128; q <= 127; ++q) {
    double real = function(double(q - x.type.zeroPoint) * x.type.scale);
    double value = std::nearbyint(real / type.scale) + double(type.zeroPoint);
    table.push_back(float(std::clamp(value, double(type.integers.min),
                                     double(type.integers.max))));
  }
  at::Tensor entries = at::from_blob(table.data(), {256}, at::kFloat)
                           .clone()
                           .to(x.values.device());
  return entries.index_select(0, x.values.to(at::kLong).add_(128).flatten())
      .reshape(x.values.sizes());
}

double bounded(const Node &node, const char *name, double none) {
  auto found = node.attributes.find(name);
  return found == node.attributes.end() ? none
                                        : std::get<double>(found->second);
}

at::Tensor unary(const IntegerCall &call) {
  const Node &node = call.node;
  double alpha = bounded(node, "alpha", 1.0 / 6);
  double beta = bounded(node, "beta", 0.5);
  double low = bounded(node, "minimum", -INFINITY);
  double high = bounded(node, "maximum", INFINITY);
  auto gate = [&](double x) { return std::clamp(alpha * x + beta, 0.0, 1.0); };
  return lookUp(call.operands[0], call.type, [&](double x) -> double {
    if (node.op == "relu")
      return std::max(x, 0.0);
    if (node.op == "clip")
      return std::min(std::max(x, low), high);
    if (node.op == "leaky_relu")
      return x < 0 ? alpha * x : x;
    if (node.op == "sigmoid")
      return 1 / (1 + std::exp(-x));
    if (node.op == "silu")
      return x / (1 + std::exp(-x));
    return node.op == "hard_swish" ? x * gate(x) : gate(x);
  });
}

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

/// Factors by the number of values in a mean; entry 0 is for empty windows.
ScaleFactors meanFactors(const IntegerCall &call, int64_t most,
                         at::Device device) {
  std::vector<double> reals = {1};
  for (int64_t n = 1; n <= most; ++n)
    reals.push_back(call.operands[0].type.scale /
                    (call.type.scale * double(n)));
  return ScaleFactors::get(reals, {most + 1}, device);
}

at::Tensor reduceMean(const IntegerCall &call) {
  const auto &axes = getList(call.node, "axes");
  const IntegerTensor &x = call.operands[0];
  if (axes.empty())
    return requantize(x, call.type).reshape(call.shape);
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= x.values.size(axis);
  if (count > 4096)
    return computeOnHost(call);
  at::Tensor sums = center(x).sum(axes).reshape(call.shape);
  at::Tensor index = at::full({1}, count, sums.options());
  return finish(
      rescale(sums, meanFactors(call, count, sums.device()).at(index)), call);
}

/// What a window over two spatial dimensions reads.
struct MeanWindow {
  std::vector<int64_t> kernel, strides, dilations, begins, declared, ends;

  MeanWindow(const IntegerCall &call, at::IntArrayRef input) {
    size_t spatial = input.size() - 2;
    auto list = [&](const char *name, int64_t missing) {
      std::vector<int64_t> values = getList(call.node, name);
      if (spatial == 1)
        values.insert(values.begin(), missing);
      return values;
    };
    kernel = list("kernel", 1);
    strides = list("strides", 1);
    dilations = list("dilations", 1);
    const std::vector<int64_t> &pads = getList(call.node, "pads");
    begins.assign(pads.begin(), pads.begin() + long(spatial));
    declared.assign(pads.begin() + long(spatial), pads.end());
    if (spatial == 1) {
      begins.insert(begins.begin(), 0);
      declared.insert(declared.begin(), 0);
    }
    for (size_t d = 0; d < 2; ++d) {
      int64_t in = spatial == 1 && d == 0 ? 1 : input[input.size() - 2 + d];
      int64_t out =
          spatial == 1 && d == 0 ? 1 : call.shape[call.shape.size() - 2 + d];
      int64_t reach =
          (out - 1) * strides[d] + dilations[d] * (kernel[d] - 1) + 1;
      ends.push_back(std::max<int64_t>(0, reach - in - begins[d]));
    }
  }

  /// Sums of windows of images (n, 1, rows, columns).
  at::Tensor sum(const at::Tensor &padded) const {
    at::Tensor ones = at::ones({1, 1, kernel[0], kernel[1]}, padded.options());
    return at::conv2d(padded, ones, {}, strides, at::IntArrayRef({0, 0}),
                      dilations);
  }
  at::Tensor pad(const at::Tensor &images, const std::vector<int64_t> &after,
                 double value) const {
    return at::constant_pad_nd(
        images, {begins[1], after[1], begins[0], after[0]}, value);
  }
};

at::Tensor averagePool(const IntegerCall &call) {
  at::Tensor x = call.operands[0].values;
  MeanWindow window(call, x.sizes());
  int64_t rows = x.dim() == 3 ? 1 : x.size(2), columns = x.size(-1);
  at::Tensor images = x.to(at::kDouble)
                          .sub_(double(call.operands[0].type.zeroPoint))
                          .reshape({-1, 1, rows, columns});
  at::Tensor sums = window.sum(window.pad(images, window.ends, 0));
  // What counts: the input, and the padding that was asked for.
  at::Tensor inside = at::ones({1, 1, rows, columns}, images.options());
  std::vector<int64_t> counted, rest;
  for (size_t d = 0; d < 2; ++d) {
    counted.push_back(std::min(window.declared[d], window.ends[d]));
    rest.push_back(window.ends[d] - counted[d]);
  }
  bool countsPads = get<bool>(call.node, "count_include_pad");
  inside = window.pad(inside, counted, countsPads ? 1 : 0);
  inside = at::constant_pad_nd(inside, {0, rest[1], 0, rest[0]}, 0);
  at::Tensor counts = window.sum(inside).to(at::kLong);
  ScaleFactors factors =
      meanFactors(call, window.kernel[0] * window.kernel[1], images.device());
  at::Tensor y = rescale(wrapToInt32(sums.to(at::kLong)), factors.at(counts));
  return finish(y, call).reshape(call.shape);
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// The float function moves integers as well; a padding's value becomes one.
at::Tensor move(const IntegerCall &call) {
  std::vector<at::Tensor> operands;
  operands.reserve(call.operands.size());
  for (const IntegerTensor &operand : call.operands)
    operands.push_back(requantize(operand, call.type));
  Node node = call.node;
  if (node.op == "pad")
    node.attributes["value"] =
        toIntegers(at::full({1}, get<double>(node, "value"), at::kDouble),
                   call.type)
            .item<double>();
  // A maximum over nothing is the least integer.
  return findSemantics(node.op)(node, operands, call.shape, call.context)
      .clamp_min(double(call.type.integers.min));
}
} // namespace

at::Tensor requantize(const IntegerTensor &x, const ActivationType &type) {
  if (x.type == type)
    return x.values;
  return lookUp(x, type, [](double real) { return real; });
}

IntegerSemantics findIntegerSemantics(llvm::StringRef op) {
  static const std::pair<llvm::StringRef, IntegerSemantics> registry[] = {
      {"add", addOrSub},
      {"average_pool", averagePool},
      {"clip", unary},
      {"concat", move},
      {"conv", linear},
      {"gemm", linear},
      {"hard_sigmoid", unary},
      {"hard_swish", unary},
      {"leaky_relu", unary},
      {"max_pool", move},
      {"mul", mul},
      {"pad", move},
      {"reduce_mean", reduceMean},
      {"relu", unary},
      {"reshape", move},
      {"sigmoid", unary},
      {"silu", unary},
      {"slice", move},
      {"sub", addOrSub},
      {"transpose", move}};
  for (const auto &[name, semantics] : registry)
    if (name == op)
      return semantics;
  return nullptr;
}

} // namespace accopt::training
