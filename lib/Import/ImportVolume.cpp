//===- ImportVolume.cpp - Convolution and pooling in three dimensions -----===//
//
// The machine has two spatial dimensions. A third, the depth, goes into the
// batch: each position along it is an image. A convolution reads kd images for
// each; they lie one behind the other along its channels,
//
//   y[n, d] = conv2d(concat_k x[n, d s + k dilation - pad], concat_k w[:, k])
//
// so that all taps are summed in one accumulator. Pooling is separable: windows
// of an image first, then windows along the depth. That holds for a mean, too,
// whether it counts padding or not, because the number of elements in a window
// is a product over its dimensions.
//
//===----------------------------------------------------------------------===//

#include "ImportVolume.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static Value transpose(NodeImporter &node, Value value,
                       ArrayRef<int64_t> perm) {
  return value ? node.emit<nn::TransposeOp>(value, node.array(perm)) : nullptr;
}

static Value reshape(NodeImporter &node, Value value, ArrayRef<int64_t> shape) {
  return value ? node.reshape(value, shape) : nullptr;
}

/// Number of positions of a window along dimension `d`; 0 and an error where
/// there is none.
static int64_t positions(NodeImporter &node, const WindowAttributes &window,
                         int64_t size, int64_t d) {
  int64_t reach = (window.kernel[d] - 1) * window.dilations[d] + 1;
  int64_t padded = size + window.pads[d] + window.pads[3 + d];
  if (padded < reach) {
    (void)node.error("expected a window of at most " + Twine(padded) +
                     " positions, got " + Twine(reach));
    return 0;
  }
  return (padded - reach) / window.strides[d] + 1;
}

/// The attributes of dimensions 1 and 2, for one image.
static WindowAttributes imageWindow(const WindowAttributes &window) {
  auto rest = [](const Shape &list) {
    return Shape(ArrayRef(list).drop_front());
  };
  WindowAttributes image{rest(window.kernel),
                         rest(window.strides),
                         {},
                         rest(window.dilations),
                         window.ceilMode};
  image.pads = {window.pads[1], window.pads[2], window.pads[4], window.pads[5]};
  return image;
}

/// [N, C, D, H, W] to [N * D', kd * C, H, W]: for each position along the depth
/// the images that its window reads, those of each group together.
static Value stackImages(NodeImporter &node, Value input,
                         const WindowAttributes &window, int64_t depths,
                         int64_t groups) {
  Shape shape(typeOf(input).getShape());
  int64_t taps = window.kernel[0], channels = shape[1] / groups;
  if (window.pads[0] != 0 || window.pads[3] != 0) {
    Shape low(5, 0), high(5, 0);
    low[2] = window.pads[0];
    high[2] = window.pads[3];
    Shape pads(low);
    pads.append(high);
    input = node.emit<nn::PadOp>(input, node.array(pads),
                                 node.builder.getStringAttr("constant"),
                                 node.f32(0.0f));
    if (!input)
      return nullptr;
  }
  SmallVector<Value> parts;
  for (int64_t k = 0; k < taps; ++k) {
    Shape starts(5, 0), sizes(shape), steps(5, 1);
    starts[2] = k * window.dilations[0];
    sizes[2] = depths;
    steps[2] = window.strides[0];
    Value part = node.emit<nn::SliceOp>(input, node.array(starts),
                                        node.array(sizes), node.array(steps));
    parts.push_back(
        reshape(node, part,
                {shape[0], groups, 1, channels, depths, shape[3] * shape[4]}));
    if (!parts.back())
      return nullptr;
  }
  Value all = taps == 1
                  ? parts[0]
                  : node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(2));
  all = transpose(node, all, {0, 4, 1, 2, 3, 5});
  return reshape(
      node, all,
      {shape[0] * depths, groups * taps * channels, shape[3], shape[4]});
}

Value accopt::importer::emitVolumeConv(NodeImporter &node, Value input,
                                       Value weights, Value bias,
                                       const WindowAttributes &window) {
  Shape shape(typeOf(input).getShape());
  Shape kernel(typeOf(weights).getShape());
  int64_t groups = node.intAttr("group", 1);
  if (groups < 1 || shape[1] % groups != 0 || kernel[1] != shape[1] / groups) {
    (void)node.error("expected weights of " + Twine(shape[1]) + " / " +
                     Twine(groups) + " channels, got " + Twine(kernel[1]));
    return nullptr;
  }
  int64_t depths = positions(node, window, shape[2], 0);
  if (depths == 0)
    return nullptr;
  Value images = stackImages(node, input, window, depths, groups);
  weights = transpose(node, weights, {0, 2, 1, 3, 4});
  weights = reshape(node, weights,
                    {kernel[0], kernel[2] * kernel[1], kernel[3], kernel[4]});
  if (!images || !weights)
    return nullptr;
  WindowAttributes image = imageWindow(window);
  Value result = node.emit<nn::ConvOp>(
      images, weights, bias, Value(), node.array(image.strides),
      node.array(image.pads), node.array(image.dilations), node.i64(groups),
      FloatAttr(), FloatAttr());
  if (!result)
    return nullptr;
  ArrayRef<int64_t> got = typeOf(result).getShape();
  result = reshape(node, result, {shape[0], depths, kernel[0], got[2], got[3]});
  return transpose(node, result, {0, 2, 1, 3, 4});
}

Value accopt::importer::emitVolumePool(NodeImporter &node, Value input,
                                       const WindowAttributes &window,
                                       PoolEmitter pool) {
  Shape shape(typeOf(input).getShape());
  // Images: [N * C, D, H, W], the depth in the place of channels.
  Value images =
      reshape(node, input, {shape[0] * shape[1], shape[2], shape[3], shape[4]});
  images = images ? pool(images, imageWindow(window)) : nullptr;
  if (!images)
    return nullptr;
  Shape got(typeOf(images).getShape());
  // Depths: [N * C, H' * W', D].
  Value lines = reshape(node, images, {got[0], got[1], got[2] * got[3]});
  lines = transpose(node, lines, {0, 2, 1});
  if (!lines)
    return nullptr;
  WindowAttributes depth{{window.kernel[0]},
                         {window.strides[0]},
                         {window.pads[0], window.pads[3]},
                         {window.dilations[0]},
                         window.ceilMode};
  lines = transpose(node, pool(lines, depth), {0, 2, 1});
  if (!lines)
    return nullptr;
  return reshape(
      node, lines,
      {shape[0], shape[1], typeOf(lines).getShape()[1], got[2], got[3]});
}
