//===- ImportNorm.cpp - Norms of instances, of axes, of windows -----------===//
//
// Each is written with means, sums and functions of one value.
//
//===----------------------------------------------------------------------===//

#include "ImportVolume.h"
#include "NodeImporter.h"
#include "OpTable.h"
#include "WindowAttributes.h"

#include "dialects/NN/NNOps.h"

#include <cfloat>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static Shape spatialAxes(NodeImporter &node) {
  Shape axes;
  for (int64_t axis = 2; axis < node.rank(0); ++axis)
    axes.push_back(axis);
  return axes;
}

LogicalResult accopt::importer::importInstanceNorm(NodeImporter &node) {
  Value input = node.operand(0), scale = node.operand(1),
        bias = node.operand(2);
  if (!input || !scale || !bias)
    return failure();
  if (node.rank(0) < 3)
    return node.error("expected an input with spatial dimensions, got rank " +
                      Twine(node.rank(0)));
  Shape axes = spatialAxes(node), channels(node.rank(0) - 1, 1);
  channels.front() = node.shape(0)[1];
  for (size_t i : {1, 2})
    if (node.shape(i) != ArrayRef<int64_t>{channels.front()})
      return node.error("expected one value for each channel, got input " +
                        Twine(i) + " of another shape");
  auto mean = [&](Value value) -> Value {
    return value ? node.emit<nn::ReduceMeanOp>(value, node.array(axes),
                                               node.boolean(true))
                 : Value();
  };
  Value centred = emitArithmetic(node, "Sub", input, mean(input));
  Value variance = mean(emitArithmetic(node, "Mul", centred, centred));
  Value epsilon = node.constant({}, {node.floatAttr("epsilon", 1e-5f)});
  Value deviation = emitUnary(node, nn::UnaryKind::Sqrt,
                              emitArithmetic(node, "Add", variance, epsilon));
  Value result = emitArithmetic(node, "Div", centred, deviation);
  result = emitArithmetic(node, "Mul", result, node.reshape(scale, channels));
  return node.setOutput(
      0, emitArithmetic(node, "Add", result, node.reshape(bias, channels)));
}

namespace {
/// |x|^p, summed or averaged by somebody else, and back.
struct Power {
  NodeImporter &node;
  float p;

  Value raise(Value value) const {
    if (p == 2)
      return emitArithmetic(node, "Mul", value, value);
    value = emitUnary(node, nn::UnaryKind::Abs, value);
    return p == 1 ? value
                  : emitUnary(node, nn::UnaryKind::Power, value, node.f32(p));
  }
  Value root(Value value) const {
    if (p == 1)
      return value;
    if (p == 2)
      return emitUnary(node, nn::UnaryKind::Sqrt, value);
    return emitUnary(node, nn::UnaryKind::Power, value, node.f32(1 / p));
  }
};
} // namespace

/// The attribute p, a positive integer; nothing after an error.
static std::optional<Power> readPower(NodeImporter &node) {
  int64_t p = node.intAttr("p", 2);
  if (p >= 1)
    return Power{node, float(p)};
  (void)node.error("expected p of 1 or more, got " + Twine(p));
  return std::nullopt;
}

static Value emitSum(NodeImporter &node, Value input, ArrayRef<int64_t> axes) {
  if (!input)
    return nullptr;
  return node.emit<nn::ReduceOp>(nn::ReduceKind::Sum, input, axes, true);
}

LogicalResult accopt::importer::importLpNormalization(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0));
  std::optional<Power> power = readPower(node);
  if (!axis || !power)
    return failure();
  Value norm = power->root(emitSum(node, power->raise(input), *axis));
  if (!norm)
    return failure();
  // Zeros have no direction and stay zeros.
  norm = node.emit<nn::ClipOp>(norm, node.f32(FLT_MIN), FloatAttr());
  return node.setOutput(0, emitArithmetic(node, "Div", input, norm));
}

LogicalResult accopt::importer::importGlobalLpPool(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  if (node.rank(0) < 3)
    return node.error("expected an input with spatial dimensions, got rank " +
                      Twine(node.rank(0)));
  std::optional<Power> power = readPower(node);
  if (!power)
    return failure();
  return node.setOutput(
      0, power->root(emitSum(node, power->raise(input), spatialAxes(node))));
}

/// With ceil_mode a last window may reach beyond the padding: padding that far,
/// as zeros add nothing to a sum.
static void padToCeiling(WindowAttributes &window, ArrayRef<int64_t> input) {
  size_t spatial = input.size();
  for (size_t d = 0; d < spatial; ++d) {
    int64_t reach = (window.kernel[d] - 1) * window.dilations[d] + 1;
    int64_t begin = window.pads[d], &end = window.pads[spatial + d];
    int64_t rest = input[d] + begin + end - reach;
    if (!window.ceilMode || rest < 0)
      continue;
    int64_t steps = int64_t(llvm::divideCeil(rest, window.strides[d]));
    // No window begins in the padding behind the input.
    if (steps * window.strides[d] >= input[d] + begin)
      --steps;
    end += std::max<int64_t>(0, steps * window.strides[d] - rest);
  }
  window.ceilMode = false;
}

/// A sum over a window is its mean times its taps, padding counted as zeros.
LogicalResult accopt::importer::importLpPool(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<Shape> kernel = node.intsAttr("kernel_shape");
  if (!kernel)
    return node.error("expected an attribute kernel_shape, got none");
  std::optional<WindowAttributes> window =
      readWindow(node, *kernel, /*hasCeilMode=*/true);
  std::optional<Power> power = readPower(node);
  if (!window || !power)
    return failure();
  padToCeiling(*window, node.shape(0).drop_front(2));
  Value raised = power->raise(input);
  if (!raised)
    return failure();
  Value mean = emitPool(
      node, raised, *window,
      [&](Value images, const WindowAttributes &window) -> Value {
        return node.emit<nn::AveragePoolOp>(
            images, node.array(window.kernel), node.array(window.strides),
            node.array(window.pads), node.array(window.dilations),
            node.boolean(false), node.boolean(true));
      });
  float taps = 1;
  for (int64_t size : window->kernel)
    taps *= float(size);
  Value sum = emitArithmetic(node, "Mul", mean, node.constant({}, {taps}));
  return node.setOutput(0, power->root(sum));
}
