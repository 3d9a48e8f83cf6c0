//===- ImportResize.cpp - Resize ------------------------------------------===//
//
// Interpolation is separable: along each axis an element of the result is a
// weighted sum of elements of the input. Which and with what weights follows
// from sizes, scales and modes, which are constants; so each axis becomes one
// nn.resample that holds the numbers, and nothing behind the importer knows
// modes. The formulas are those of ONNX's operator and of its reference
// implementation; coordinates are computed in float, as onnxruntime does.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
struct Modes {
  std::string mode, coordinates, nearest;
  bool antialias, excludeOutside;
  float cubicA, extrapolation;
};

/// One axis of the input and what becomes of it.
struct Axis {
  int64_t number, input, output;
  float scale;
  /// The region of tf_crop_and_resize.
  float roiBegin = 0.0f, roiEnd = 1.0f;
};

/// The sums of one axis.
struct Sums {
  int64_t taps = 1;
  Shape indices;
  SmallVector<float> weights;
  /// Elements that lie outside and get the value of extrapolation.
  SmallVector<bool> outside;
};
} // namespace

//===----------------------------------------------------------------------===//
// One axis
//===----------------------------------------------------------------------===//

/// Where element x of the result lies in the input.
static float originalCoordinate(const Axis &axis, const Modes &modes,
                                int64_t x) {
  auto at = static_cast<float>(x);
  auto input = static_cast<float>(axis.input);
  auto output = static_cast<float>(axis.output);
  StringRef mode = modes.coordinates;
  if (mode == "asymmetric")
    return at / axis.scale;
  if (mode == "align_corners")
    return axis.output == 1 ? 0.0f : at * (input - 1) / (output - 1);
  if (mode == "pytorch_half_pixel")
    return axis.output > 1 ? (at + 0.5f) / axis.scale - 0.5f : 0.0f;
  if (mode == "tf_half_pixel_for_nn")
    return (at + 0.5f) / axis.scale;
  if (mode == "half_pixel_symmetric") {
    float adjustment = output / (axis.scale * input);
    float offset = input / 2 * (1 - adjustment);
    return offset + (at + 0.5f) / axis.scale - 0.5f;
  }
  if (mode == "tf_crop_and_resize") {
    float width = axis.roiEnd - axis.roiBegin;
    if (axis.output == 1)
      return 0.5f * (axis.roiBegin + axis.roiEnd) * (input - 1);
    return axis.roiBegin * (input - 1) +
           at * width * (input - 1) / (output - 1);
  }
  return (at + 0.5f) / axis.scale - 0.5f;
}

static int64_t nearestIndex(StringRef mode, float x) {
  if (mode == "floor")
    return static_cast<int64_t>(std::floor(x));
  if (mode == "ceil")
    return static_cast<int64_t>(std::ceil(x));
  if (mode == "round_prefer_ceil")
    return static_cast<int64_t>(std::floor(x + 0.5f));
  return static_cast<int64_t>(std::ceil(x - 0.5f));
}

/// The cubic convolution kernel (Keys, 1981) with parameter a.
static double cubic(double x, double a) {
  x = std::fabs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// The kernel's weights of the taps around coordinate x, the first of which is
/// element `first`. Antialiasing widens the kernel by what is scaled down.
static SmallVector<double> kernelWeights(const Axis &axis, const Modes &modes,
                                         float x, int64_t &first) {
  bool isCubic = modes.mode == "cubic";
  double factor = modes.antialias ? std::min(1.0, double(axis.scale)) : 1.0;
  int64_t reach = isCubic ? 2 : 1;
  auto begin = static_cast<int64_t>(std::floor(-double(reach) / factor)) + 1;
  auto base = static_cast<int64_t>(std::floor(x));
  double ratio = double(x) - double(base);
  first = base + begin;
  SmallVector<double> weights;
  double sum = 0;
  for (int64_t i = begin; i <= 1 - begin; ++i) {
    double distance = (double(i) - ratio) * factor;
    double weight = isCubic ? cubic(distance, modes.cubicA)
                            : std::max(0.0, 1 - std::fabs(distance));
    weights.push_back(weight);
    sum += weight;
  }
  if (modes.antialias)
    for (double &weight : weights)
      weight /= sum;
  return weights;
}

/// Leaves the taps outside of the input out and makes up for them.
static void excludeOutside(const Axis &axis, int64_t first,
                           SmallVectorImpl<double> &weights) {
  double sum = 0;
  for (auto [tap, weight] : llvm::enumerate(weights)) {
    int64_t index = first + static_cast<int64_t>(tap);
    if (index < 0 || index >= axis.input)
      weight = 0;
    sum += weight;
  }
  for (double &weight : weights)
    weight /= sum;
}

static Sums sumsOf(const Axis &axis, const Modes &modes) {
  Sums sums;
  auto clamped = [&](int64_t index) {
    return std::clamp<int64_t>(index, 0, axis.input - 1);
  };
  bool hasOutside = false;
  for (int64_t i = 0; i < axis.output; ++i) {
    float x = originalCoordinate(axis, modes, i);
    bool isOutside = modes.coordinates == "tf_crop_and_resize" &&
                     (x < 0 || x > static_cast<float>(axis.input - 1));
    hasOutside |= isOutside;
    sums.outside.push_back(isOutside);
    if (modes.mode == "nearest") {
      // Before opset 11 what is left out is what lies before.
      StringRef mode = modes.nearest;
      if (mode == "simple")
        mode = axis.scale < 1.0f ? "ceil" : "floor";
      sums.indices.push_back(clamped(nearestIndex(mode, x)));
      sums.weights.push_back(isOutside ? 0.0f : 1.0f);
      continue;
    }
    int64_t first = 0;
    SmallVector<double> weights = kernelWeights(axis, modes, x, first);
    if (modes.excludeOutside)
      excludeOutside(axis, first, weights);
    sums.taps = weights.size();
    for (auto [tap, weight] : llvm::enumerate(weights)) {
      sums.indices.push_back(clamped(first + static_cast<int64_t>(tap)));
      sums.weights.push_back(isOutside ? 0.0f : static_cast<float>(weight));
    }
  }
  if (modes.mode == "nearest" && !hasOutside)
    sums.weights.clear();
  return sums;
}

/// Whether the sums give the input as it is.
static bool isIdentity(const Axis &axis, const Sums &sums) {
  if (axis.input != axis.output)
    return false;
  for (int64_t i = 0; i < axis.output; ++i) {
    float own = sums.weights.empty() ? 1.0f : 0.0f;
    for (int64_t tap = 0; tap < sums.taps; ++tap) {
      int64_t at = i * sums.taps + tap;
      float weight = sums.weights.empty() ? 1.0f : sums.weights[at];
      if (sums.indices[at] != i && weight != 0.0f)
        return false;
      if (sums.indices[at] == i && !sums.weights.empty())
        own += weight;
    }
    if (own != 1.0f)
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Attributes and inputs
//===----------------------------------------------------------------------===//

static LogicalResult readModes(NodeImporter &node, Modes &modes) {
  modes.mode = node.stringAttr("mode", "nearest");
  // The name of Upsample's opsets.
  if (modes.mode == "bilinear")
    modes.mode = "linear";
  modes.coordinates =
      node.stringAttr("coordinate_transformation_mode", "half_pixel");
  modes.nearest = node.stringAttr("nearest_mode", "round_prefer_floor");
  modes.antialias = node.intAttr("antialias", 0) != 0;
  modes.excludeOutside = node.intAttr("exclude_outside", 0) != 0;
  modes.cubicA = node.floatAttr("cubic_coeff_a", -0.75f);
  modes.extrapolation = node.floatAttr("extrapolation_value", 0.0f);
  auto check = [&](StringRef what, StringRef given,
                   ArrayRef<StringRef> known) -> LogicalResult {
    if (llvm::is_contained(known, given))
      return success();
    return node.error("expected " + what + " " + llvm::join(known, ", ") +
                      ", got '" + given + "'");
  };
  if (failed(check("mode", modes.mode, {"nearest", "linear", "cubic"})) ||
      failed(check("coordinate_transformation_mode", modes.coordinates,
                   {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                    "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                    "tf_crop_and_resize"})))
    return failure();
  return check(
      "nearest_mode", modes.nearest,
      {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"});
}

/// Scales of `axes` from sizes, by the policy that the node asks for.
static LogicalResult applySizes(NodeImporter &node, ArrayRef<int64_t> sizes,
                                MutableArrayRef<Axis> axes) {
  std::string policy = node.stringAttr("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return node.error("expected keep_aspect_ratio_policy stretch, not_larger "
                      "or not_smaller, got '" +
                      policy + "'");
  std::optional<float> common;
  for (auto [axis, size] : llvm::zip_equal(axes, sizes)) {
    if (size < 1 || size > INT32_MAX)
      return node.error("expected sizes in [1, 2^31), got " + Twine(size));
    axis.output = size;
    axis.scale = static_cast<float>(size) / static_cast<float>(axis.input);
    if (!common ||
        (policy == "not_larger" ? axis.scale < *common : axis.scale > *common))
      common = axis.scale;
  }
  if (policy == "stretch" || !common)
    return success();
  for (Axis &axis : axes) {
    axis.scale = *common;
    axis.output = std::max<int64_t>(
        1, static_cast<int64_t>(
               std::floor(*common * static_cast<float>(axis.input) + 0.5f)));
  }
  return success();
}

static LogicalResult applyScales(NodeImporter &node, ArrayRef<float> scales,
                                 MutableArrayRef<Axis> axes) {
  for (auto [axis, scale] : llvm::zip_equal(axes, scales)) {
    if (!(scale > 0.0f) || !(scale < 1e6f))
      return node.error("expected scales above 0 and below 10^6, got " +
                        std::to_string(scale));
    axis.scale = scale;
    axis.output = static_cast<int64_t>(
        std::floor(static_cast<float>(axis.input) * scale));
    if (axis.output < 1 || axis.output > INT32_MAX)
      return node.error("expected a result in [1, 2^31), got " +
                        Twine(axis.output));
  }
  return success();
}

/// Input i as a list of floats; empty where it is absent.
static std::optional<SmallVector<float>> readFloats(NodeImporter &node,
                                                    size_t i, StringRef what) {
  if (!node.hasInput(i))
    return SmallVector<float>();
  std::optional<HostTensor> tensor = node.host(i, what);
  if (!tensor)
    return std::nullopt;
  if (tensor->rank() > 1 || (!tensor->isFloat() && tensor->size() > 0)) {
    (void)node.error("expected a list of floats as input '" + what + "'");
    return std::nullopt;
  }
  return SmallVector<float>(tensor->floats.begin(), tensor->floats.end());
}

/// Upsample has its scales in input 1 or, up to opset 8, in an attribute.
static std::optional<SmallVector<float>> readScales(NodeImporter &node,
                                                    size_t input) {
  if (const onnx::AttributeProto *given = node.attribute("scales"))
    return SmallVector<float>(given->floats().begin(), given->floats().end());
  return readFloats(node, input, "scales");
}

static LogicalResult readAxes(NodeImporter &node, const Modes &modes,
                              SmallVectorImpl<Axis> &axes) {
  ArrayRef<int64_t> shape = node.shape(0);
  Shape numbers(shape.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  if (std::optional<Shape> given = node.intsAttr("axes")) {
    numbers.clear();
    if (!node.axes(*given, shape.size()))
      return failure();
    for (int64_t number : *given)
      numbers.push_back(*node.axis(number, shape.size()));
  }
  for (int64_t number : numbers)
    axes.push_back({number, shape[number], shape[number], 1.0f});

  bool isUpsample = node.proto.op_type() == "Upsample";
  // Opset 10 has no roi, which the version converter puts in.
  bool hasRoi = !isUpsample && node.inputs.size() > 2;
  size_t scalesAt = isUpsample || !hasRoi ? 1 : 2;
  std::optional<SmallVector<float>> scales = readScales(node, scalesAt);
  if (!scales)
    return failure();
  bool hasSizes = !isUpsample && node.hasInput(3);
  std::optional<Shape> sizes;
  if (hasSizes && !(sizes = node.ints(3, "sizes")))
    return failure();
  hasSizes &= sizes && !sizes->empty();
  size_t count = hasSizes ? sizes->size() : scales->size();
  if (count != axes.size())
    return node.error("expected " + Twine(axes.size()) +
                      " sizes or scales, got " + Twine(count));
  if (failed(hasSizes ? applySizes(node, *sizes, axes)
                      : applyScales(node, *scales, axes)))
    return failure();
  if (modes.coordinates != "tf_crop_and_resize")
    return success();
  std::optional<SmallVector<float>> roi = readFloats(node, 1, "roi");
  if (!roi)
    return failure();
  if (roi->size() != 2 * count)
    return node.error("expected " + Twine(2 * count) + " bounds in roi, got " +
                      Twine(roi->size()));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    axis.roiBegin = (*roi)[i];
    axis.roiEnd = (*roi)[i + count];
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// `value` where any axis is outside, added: all weights are zero there.
static Value addExtrapolation(NodeImporter &node, Value result, float value,
                              ArrayRef<Axis> axes, ArrayRef<Sums> sums) {
  Shape shape(llvm::cast<RankedTensorType>(result.getType()).getRank(), 1);
  bool any = false;
  for (auto [axis, sum] : llvm::zip_equal(axes, sums))
    if (llvm::is_contained(sum.outside, true)) {
      shape[axis.number] = axis.output;
      any = true;
    }
  if (!any || value == 0.0f)
    return result;
  SmallVector<float> values;
  Shape at(shape.size(), 0);
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  for (int64_t i = 0; i < *count; ++i) {
    bool isOutside = false;
    for (auto [axis, sum] : llvm::zip_equal(axes, sums))
      isOutside |= sum.outside[at[axis.number]];
    values.push_back(isOutside ? value : 0.0f);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < shape[d])
        break;
      at[d] = 0;
    }
  }
  return node.emit<nn::AddOp>(result, node.constant(shape, values), FloatAttr(),
                              FloatAttr());
}

LogicalResult accopt::importer::importResize(NodeImporter &node) {
  Value result = node.operand(0);
  Modes modes;
  SmallVector<Axis> axes;
  if (!result || failed(readModes(node, modes)) ||
      failed(readAxes(node, modes, axes)))
    return failure();
  // Those that shrink first, so that what lies between stays small.
  llvm::sort(axes, [](const Axis &a, const Axis &b) {
    int64_t left = a.output * b.input, right = b.output * a.input;
    return left != right ? left < right : a.number < b.number;
  });
  SmallVector<Sums> sums;
  for (const Axis &axis : axes) {
    sums.push_back(sumsOf(axis, modes));
    if (isIdentity(axis, sums.back()))
      continue;
    const Sums &sum = sums.back();
    result = node.emit<nn::ResampleOp>(
        result, node.i64(axis.number), node.i64(sum.taps),
        node.array(sum.indices),
        node.builder.getDenseF32ArrayAttr(sum.weights));
    if (!result)
      return failure();
  }
  result = addExtrapolation(node, result, modes.extrapolation, axes, sums);
  if (result == node.operand(0))
    return node.forward(0, 0);
  return node.setOutput(0, result);
}
