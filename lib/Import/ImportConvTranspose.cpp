//===- ImportConvTranspose.cpp - ConvTranspose as convolutions ------------===//
//
// With stride s, out[s q + r] depends on the taps k = r (mod s) alone:
//
//   out[s q + r] = sum over t of x[q - t] w[r + s t],  t < T = ceil(K / s)
//
// so that each of the s phases r of the result is a convolution of the input
// with T taps, the kernel flipped (sub-pixel convolution; Shi et al., Is the
// deconvolution layer the same as a convolutional layer?, 2016). All phases
// read the same window, so one convolution with s^2 M outputs computes them, a
// depth-to-space interleaves them, and a slice crops what `pads` cut off. What
// comes out is ops that everything behind the importer knows: they are fused,
// quantized with one scale for each phase of each channel, and run on the
// array, and no zero that strides would insert is ever multiplied.
//
// With groups the phases are convolutions of their own, joined by a
// concatenation: their channels would not lie together otherwise. A dilated
// kernel with a stride is written out with its zeros.
//
//===----------------------------------------------------------------------===//

#include "ImportVolume.h"
#include "OpTable.h"
#include "RemapConstant.h"
#include "SpaceDepth.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// One spatial dimension.
struct Dim {
  int64_t input, kernel, stride, dilation, padBegin, output;

  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  bool isPlain() const { return stride == 1; }
  /// Taps of one phase, and the distance in the input between them.
  int64_t taps() const {
    return isPlain() ? kernel : (extent() + stride - 1) / stride;
  }
  int64_t step() const { return isPlain() ? dilation : 1; }
  /// Groups of `stride` results from the first to the last that is kept, in the
  /// frame without padding.
  int64_t first() const {
    return padBegin >= 0 ? padBegin / stride
                         : -((-padBegin + stride - 1) / stride);
  }
  int64_t last() const {
    int64_t end = padBegin + output - 1;
    return end >= 0 ? end / stride : -((-end + stride - 1) / stride);
  }
  /// The convolution's pads; negative where input is never read.
  int64_t convBegin() const { return (taps() - 1) * step() - first(); }
  int64_t convEnd() const { return last() - (input - 1); }
  /// The element of the kernel that tap `tap` of phase `phase` reads, or -1.
  int64_t tapOf(int64_t phase, int64_t tap) const {
    if (isPlain())
      return kernel - 1 - tap;
    int64_t at = phase + stride * (taps() - 1 - tap);
    return at % dilation == 0 && at < extent() ? at / dilation : -1;
  }
};

struct Layer {
  SmallVector<Dim> dims;
  int64_t groups, inputsPerGroup, outputsPerGroup;

  int64_t outputs() const { return groups * outputsPerGroup; }
  int64_t phases() const {
    int64_t count = 1;
    for (const Dim &dim : dims)
      count *= dim.stride;
    return count;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Pads and output sizes of `layer`, as ONNX's formulas give them from
/// `output_shape`, or from `auto_pad` and `pads`.
static LogicalResult readSizes(NodeImporter &node, Layer &layer) {
  size_t spatial = layer.dims.size();
  Shape zeros(spatial, 0);
  Shape extra = node.intsAttr("output_padding").value_or(zeros);
  Shape pads = node.intsAttr("pads").value_or(Shape(2 * spatial, 0));
  std::optional<Shape> sizes = node.intsAttr("output_shape");
  if (sizes && sizes->size() == spatial + 2)
    sizes->erase(sizes->begin(), sizes->begin() + 2);
  std::string mode = node.stringAttr("auto_pad", "NOTSET");
  if (extra.size() != spatial || pads.size() != 2 * spatial ||
      (sizes && sizes->size() != spatial))
    return node.error("expected " + Twine(spatial) +
                      " entries of output_padding and output_shape and " +
                      Twine(2 * spatial) + " pads");
  if (mode != "NOTSET" && !mode.empty() && mode != "VALID" &&
      mode != "SAME_UPPER" && mode != "SAME_LOWER")
    return node.error("expected auto_pad NOTSET, VALID, SAME_UPPER or "
                      "SAME_LOWER, got '" +
                      mode + "'");
  bool isSame = StringRef(mode).starts_with("SAME");
  for (auto [d, dim] : llvm::enumerate(layer.dims)) {
    for (int64_t value : {extra[d], pads[d], pads[d + spatial]})
      if (value < 0 || value > INT32_MAX)
        return node.error("expected pads and output_padding in [0, 2^31), "
                          "got " +
                          Twine(value));
    int64_t full = dim.stride * (dim.input - 1) + extra[d] + dim.extent();
    if (sizes || isSame) {
      dim.output = sizes ? (*sizes)[d] : dim.input * dim.stride;
      int64_t total = full - dim.output;
      // More than the kernel reaches is added at the end, as onnxruntime does.
      total = std::max<int64_t>(total, 0);
      dim.padBegin = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
    } else {
      bool isPadded = mode != "VALID";
      dim.padBegin = isPadded ? pads[d] : 0;
      dim.output = full - (isPadded ? pads[d] + pads[d + spatial] : 0);
    }
    if (dim.output < 1 || dim.output > INT32_MAX)
      return node.error("expected an output size in [1, 2^31), got " +
                        Twine(dim.output));
  }
  return success();
}

static LogicalResult readLayer(NodeImporter &node, Layer &layer) {
  ArrayRef<int64_t> input = node.shape(0), weights = node.shape(1);
  size_t spatial = weights.size() - 2;
  if (input.size() != weights.size() || spatial > 3)
    return node.error(
        "expected a convolution of 1 to 3 dimensions, got an input of "
        "rank " +
        Twine(input.size()) + " and weights of rank " + Twine(weights.size()));
  layer.groups = node.intAttr("group", 1);
  if (layer.groups < 1 || weights[0] % layer.groups != 0 ||
      input[1] != weights[0])
    return node.error("expected as many weight channels as input channels, a "
                      "multiple of group, got " +
                      Twine(weights[0]) + " and " + Twine(input[1]) +
                      ", group " + Twine(layer.groups));
  layer.inputsPerGroup = weights[0] / layer.groups;
  layer.outputsPerGroup = weights[1];
  ArrayRef<int64_t> kernel = weights.drop_front(2);
  if (std::optional<Shape> given = node.intsAttr("kernel_shape"))
    if (ArrayRef<int64_t>(*given) != kernel)
      return node.error("expected kernel_shape to be the weights' shape");
  Shape ones(spatial, 1);
  Shape strides = node.intsAttr("strides").value_or(ones);
  Shape dilations = node.intsAttr("dilations").value_or(ones);
  if (strides.size() != spatial || dilations.size() != spatial)
    return node.error("expected " + Twine(spatial) +
                      " strides and dilations, got " + Twine(strides.size()) +
                      " and " + Twine(dilations.size()));
  for (size_t d = 0; d < spatial; ++d) {
    for (int64_t value : {strides[d], dilations[d]})
      if (value < 1 || value > INT16_MAX)
        return node.error("expected strides and dilations in [1, 2^15), got " +
                          Twine(value));
    layer.dims.push_back(
        {input[2 + d], kernel[d], strides[d], dilations[d], 0, 0});
  }
  return readSizes(node, layer);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Phase number `phase`, row-major, as one for each dimension.
static Shape splitPhase(const Layer &layer, int64_t phase) {
  Shape result(layer.dims.size(), 0);
  for (size_t d = layer.dims.size(); d-- > 0;) {
    result[d] = phase % layer.dims[d].stride;
    phase /= layer.dims[d].stride;
  }
  return result;
}

/// Weights of the phases [`first`, `first` + `count`) as those of a
/// convolution: phase by phase all outputs.
static Value phaseWeights(NodeImporter &node, const Layer &layer, int64_t first,
                          int64_t count) {
  ArrayRef<int64_t> from = node.shape(1);
  ConstantMap map;
  map.shape = {count * layer.outputs(), layer.inputsPerGroup};
  for (const Dim &dim : layer.dims)
    map.shape.push_back(dim.taps());
  map.source = [&](ArrayRef<int64_t> at) -> int64_t {
    int64_t output = at[0] % layer.outputs();
    Shape phase = splitPhase(layer, first + at[0] / layer.outputs());
    int64_t group = output / layer.outputsPerGroup;
    int64_t index = (group * layer.inputsPerGroup + at[1]) * from[1] +
                    output % layer.outputsPerGroup;
    for (auto [d, dim] : llvm::enumerate(layer.dims)) {
      int64_t tap = dim.tapOf(phase[d], at[2 + d]);
      if (tap < 0)
        return -1;
      index = index * dim.kernel + tap;
    }
    return index;
  };
  map.scale = [&](int64_t axis, int64_t row) -> int64_t {
    int64_t output = row % layer.outputs();
    if (axis == 1)
      return output % layer.outputsPerGroup;
    return axis == 0 && layer.inputsPerGroup == 1
               ? output / layer.outputsPerGroup
               : -1;
  };
  return remapConstant(node, 1, "weights", map);
}

/// The bias, once for each of `count` phases.
static Value phaseBias(NodeImporter &node, const Layer &layer, int64_t count) {
  if (!node.hasInput(2))
    return nullptr;
  if (count == 1)
    return node.operand(2);
  if (node.shape(2) != ArrayRef<int64_t>(layer.outputs())) {
    (void)node.error("expected a bias of " + Twine(layer.outputs()) +
                     " elements");
    return nullptr;
  }
  ConstantMap map;
  map.shape = {count * layer.outputs()};
  map.source = [&](ArrayRef<int64_t> at) { return at[0] % layer.outputs(); };
  map.scale = [&](int64_t, int64_t row) { return row % layer.outputs(); };
  return remapConstant(node, 2, "bias", map);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// The elements [begins[d], begins[d] + sizes[d]) of each spatial dimension.
static Value crop(NodeImporter &node, Value input, ArrayRef<int64_t> begins,
                  ArrayRef<int64_t> sizes) {
  if (!input)
    return nullptr;
  ArrayRef<int64_t> shape =
      llvm::cast<RankedTensorType>(input.getType()).getShape();
  Shape starts = {0, 0}, all = {shape[0], shape[1]};
  starts.append(begins.begin(), begins.end());
  all.append(sizes.begin(), sizes.end());
  if (shape == ArrayRef<int64_t>(all))
    return input;
  return node.emit<nn::SliceOp>(input, node.array(starts), node.array(all),
                                node.array(Shape(shape.size(), 1)));
}

/// Convolutions of all phases, channels in the order phase, output.
static Value convolve(NodeImporter &node, const Layer &layer, Value input) {
  size_t spatial = layer.dims.size();
  Shape begins, sizes, pads(2 * spatial), ones(spatial, 1), steps, taps;
  for (auto [d, dim] : llvm::enumerate(layer.dims)) {
    begins.push_back(std::max<int64_t>(0, -dim.convBegin()));
    sizes.push_back(dim.input - begins[d] -
                    std::max<int64_t>(0, -dim.convEnd()));
    pads[d] = std::max<int64_t>(0, dim.convBegin());
    pads[d + spatial] = std::max<int64_t>(0, dim.convEnd());
    steps.push_back(dim.step());
    taps.push_back(dim.taps());
    if (sizes[d] < 1) {
      (void)node.error("expected a result that depends on the input, got "
                       "pads beyond it");
      return nullptr;
    }
  }
  input = crop(node, input, begins, sizes);
  int64_t phases = layer.phases();
  int64_t together = layer.groups == 1 ? phases : 1;
  SmallVector<Value> parts;
  for (int64_t first = 0; input && first < phases; first += together) {
    Value weights = phaseWeights(node, layer, first, together);
    Value bias = phaseBias(node, layer, together);
    if (!weights || !node.reason.empty())
      return nullptr;
    parts.push_back(
        spatial == 3 ? emitVolumeConv(node, input, weights, bias,
                                      {taps, ones, pads, steps})
                     : node.emit<nn::ConvOp>(
                           input, weights, bias, Value(), node.array(ones),
                           node.array(pads), node.array(steps),
                           node.i64(layer.groups), FloatAttr(), FloatAttr()));
    if (!parts.back())
      return nullptr;
  }
  if (parts.size() <= 1)
    return parts.empty() ? nullptr : parts.front();
  return node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(1));
}

LogicalResult accopt::importer::importConvTranspose(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input || !node.hasInput(1))
    return node.error("expected weights, got none");
  Layer layer;
  if (node.rank(1) < 3)
    return node.error("expected weights of rank 3 to 5, got rank " +
                      Twine(node.rank(1)));
  if (failed(readLayer(node, layer)))
    return failure();
  Value result = convolve(node, layer, input);
  if (result && layer.phases() > 1) {
    Shape blocks;
    for (const Dim &dim : layer.dims)
      blocks.push_back(dim.stride);
    result = depthToSpace(node, result, blocks, /*depthFirst=*/true);
  }
  Shape begins, sizes;
  for (const Dim &dim : layer.dims) {
    begins.push_back(dim.padBegin - dim.stride * dim.first());
    sizes.push_back(dim.output);
  }
  return node.setOutput(0, crop(node, result, begins, sizes));
}
