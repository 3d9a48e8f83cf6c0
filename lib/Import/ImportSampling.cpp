//===- ImportSampling.cpp - GridSample, AffineGrid, RoiAlign, ... ---------===//
//
// Operators that read places which data names. Places become tuples of integers
// for nn.gather_nd. A GridSample is a weighted sum of such reads: along each
// axis a coordinate has one tap (nearest), two (linear) or four (cubic), and
// the result is the sum over all combinations of taps.
//
// Padding "reflection" is a triangle wave: with the borders `low` and `high`, r
// = high - low and y = |x - low| mod 2 r, x becomes low + r - |y - r|.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// Arithmetic of floats, tensors of one shape and numbers. Null operands give
/// null.
class Floats {
public:
  explicit Floats(NodeImporter &node) : node(node) {}

  Value number(float value) { return node.constant({}, {value}); }
  Value add(Value a, Value b) { return emitArithmetic(node, "Add", a, b); }
  Value sub(Value a, Value b) { return emitArithmetic(node, "Sub", a, b); }
  Value mul(Value a, Value b) { return emitArithmetic(node, "Mul", a, b); }
  Value add(Value a, float b) { return a ? add(a, number(b)) : nullptr; }
  Value mul(Value a, float b) { return a ? mul(a, number(b)) : nullptr; }
  /// b - a
  Value from(float b, Value a) { return a ? sub(number(b), a) : nullptr; }
  Value unary(nn::UnaryKind kind, Value a) { return emitUnary(node, kind, a); }
  Value clip(Value a, float low, float high) {
    return a ? node.emit<nn::ClipOp>(a, node.f32(low), node.f32(high))
             : nullptr;
  }
  /// 1 where low <= a <= high, else 0.
  Value isWithin(Value a, float low, float high) {
    if (!a)
      return nullptr;
    Value above = node.emit<nn::BinaryMathOp>(nn::BinaryKind::GreaterOrEqual, a,
                                              number(low));
    Value below = node.emit<nn::BinaryMathOp>(nn::BinaryKind::LessOrEqual, a,
                                              number(high));
    if (!above || !below)
      return nullptr;
    return cast(node.emit<nn::BinaryMathOp>(nn::BinaryKind::And, above, below),
                node.builder.getF32Type());
  }
  Value cast(Value a, Type element) { return emitCast(node, a, element); }

private:
  NodeImporter &node;
};

/// One place that is read along an axis: an index (i64) and its weight (f32;
/// null for 1).
struct Tap {
  Value index, weight;
};

/// Attributes of a GridSample and the size of the axis at hand.
struct Sampler {
  NodeImporter &node;
  Floats f;
  std::string mode, padding;
  bool alignCorners;

  Value reflect(Value x, int64_t size);
  Value coordinate(Value grid, int64_t size);
  Tap tap(Value place, Value weight, int64_t size);
  SmallVector<Tap> taps(Value x, int64_t size);
};
} // namespace

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

Value Sampler::reflect(Value x, int64_t size) {
  float low = alignCorners ? 0.0f : -0.5f;
  float range = alignCorners ? size - 1.0f : static_cast<float>(size);
  if (range == 0.0f)
    return f.mul(x, 0.0f);
  Value y = f.unary(nn::UnaryKind::Abs, f.add(x, -low));
  Value periods = f.unary(nn::UnaryKind::Floor, f.mul(y, 1 / (2 * range)));
  y = f.sub(y, f.mul(periods, 2 * range));
  return f.from(low + range, f.unary(nn::UnaryKind::Abs, f.add(y, -range)));
}

/// From [-1, 1] to places, 0 to `size` - 1, padded.
Value Sampler::coordinate(Value grid, int64_t size) {
  float half = (alignCorners ? size - 1 : size) * 0.5f;
  // ((g + 1) size - 1) / 2, or (g + 1) / 2 (size - 1).
  Value x = f.add(f.mul(f.add(grid, 1.0f), half), alignCorners ? 0.0f : -0.5f);
  if (mode == "nearest")
    x = f.unary(nn::UnaryKind::Round, x);
  if (mode == "cubic" || padding == "zeros")
    return x;
  return padding == "border" ? f.clip(x, 0.0f, size - 1.0f) : reflect(x, size);
}

Tap Sampler::tap(Value place, Value weight, int64_t size) {
  if (padding == "zeros") {
    Value inside = f.isWithin(place, 0.0f, size - 1.0f);
    weight = weight ? f.mul(weight, inside) : inside;
  } else if (padding == "reflection") {
    place = reflect(place, size);
  }
  Value index =
      f.cast(f.clip(place, 0.0f, size - 1.0f), node.builder.getI64Type());
  return {index, weight};
}

SmallVector<Tap> Sampler::taps(Value x, int64_t size) {
  if (mode == "nearest")
    return {tap(x, nullptr, size)};
  Value floor = f.unary(nn::UnaryKind::Floor, x), t = f.sub(x, floor);
  if (mode == "linear")
    return {tap(floor, f.from(1.0f, t), size),
            tap(f.add(floor, 1.0f), t, size)};
  // Keys' convolution with a = -0.75, at distances 1 + t, t, 1 - t, 2 - t.
  constexpr float a = -0.75f;
  auto polynomial = [&](Value d, ArrayRef<float> factors) {
    Value sum = f.add(f.mul(d, factors[0]), factors[1]);
    for (float factor : factors.drop_front(2))
      sum = f.add(f.mul(sum, d), factor);
    return sum;
  };
  auto far = [&](Value d) { return polynomial(d, {a, -5 * a, 8 * a, -4 * a}); };
  auto near = [&](Value d) {
    return polynomial(d, {a + 2, -(a + 3), 0.0f, 1.0f});
  };
  return {tap(f.add(floor, -1.0f), far(f.add(t, 1.0f)), size),
          tap(floor, near(t), size),
          tap(f.add(floor, 1.0f), near(f.from(1.0f, t)), size),
          tap(f.add(floor, 2.0f), far(f.from(2.0f, t)), size)};
}

/// Component `i` of the grid's last dimension, [batch, places...].
static Value component(NodeImporter &node, Value grid, int64_t i) {
  Shape sizes(node.shape(1)), starts(sizes.size(), 0);
  sizes.back() = 1;
  starts.back() = i;
  Value slice =
      node.emit<nn::SliceOp>(grid, node.array(starts), node.array(sizes),
                             node.array(Shape(sizes.size(), 1)));
  return slice ? node.reshape(slice, ArrayRef(sizes).drop_back()) : nullptr;
}

/// The sum over the combinations of one tap of each axis; `image` has channels
/// last.
static Value sumTaps(Sampler &sampler, Value image,
                     ArrayRef<SmallVector<Tap>> axes) {
  NodeImporter &node = sampler.node;
  Shape column(node.shape(1));
  column.back() = 1;
  size_t combinations = 1;
  for (const SmallVector<Tap> &taps : axes)
    combinations *= taps.size();
  Value sum;
  for (size_t c = 0; c < combinations; ++c) {
    SmallVector<Value> tuple;
    Value weight;
    size_t rest = c;
    for (const SmallVector<Tap> &taps : axes) {
      const Tap &tap = taps[rest % taps.size()];
      rest /= taps.size();
      if (!tap.index)
        return nullptr;
      tuple.push_back(node.reshape(tap.index, column));
      if (tap.weight)
        weight = weight ? sampler.f.mul(weight, tap.weight) : tap.weight;
    }
    Value places =
        node.emit<nn::ConcatOp>(ValueRange(tuple), node.i64(column.size() - 1));
    Value part = places ? node.emit<nn::GatherNDOp>(image, places, node.i64(1))
                        : nullptr;
    if (weight)
      part = sampler.f.mul(part, node.reshape(weight, column));
    sum = sum ? sampler.f.add(sum, part) : part;
    if (!sum)
      return nullptr;
  }
  return sum;
}

LogicalResult accopt::importer::importGridSample(NodeImporter &node) {
  Value image = node.operand(0), grid = image ? node.operand(1) : nullptr;
  if (!grid)
    return failure();
  int64_t rank = node.rank(0), spatial = rank - 2;
  if (spatial < 1 || node.rank(1) != rank || node.shape(1).back() != spatial ||
      node.shape(1)[0] != node.shape(0)[0])
    return node.error("expected an image [N, C, sizes...] and a grid [N, "
                      "places..., coordinates] of the same rank");
  // Before opset 20 the modes are called by what they are in two dimensions.
  std::string mode = node.stringAttr("mode", "linear");
  mode = mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode;
  std::string padding = node.stringAttr("padding_mode", "zeros");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    return node.error("expected mode nearest, linear or cubic, got " + mode);
  if (padding != "zeros" && padding != "border" && padding != "reflection")
    return node.error("expected padding_mode zeros, border or reflection, "
                      "got " +
                      padding);
  Sampler sampler{node, Floats(node), mode, padding,
                  node.intAttr("align_corners", 0) != 0};
  SmallVector<SmallVector<Tap>> axes;
  Shape channelsLast = {0}, channelsFirst = {0, rank - 1};
  for (int64_t d = 0; d < spatial; ++d) {
    // The grid's coordinates are in reverse: x is along the last axis.
    int64_t size = node.shape(0)[2 + d];
    Value x = component(node, grid, spatial - 1 - d);
    axes.push_back(sampler.taps(sampler.coordinate(x, size), size));
    channelsLast.push_back(2 + d);
    channelsFirst.push_back(1 + d);
  }
  channelsLast.push_back(1);
  image = node.emit<nn::TransposeOp>(image, node.array(channelsLast));
  Value sum = image ? sumTaps(sampler, image, axes) : nullptr;
  if (!sum)
    return failure();
  return node.setOutput(
      0, node.emit<nn::TransposeOp>(sum, node.array(channelsFirst)));
}

//===----------------------------------------------------------------------===//
// AffineGrid, RoiAlign
//===----------------------------------------------------------------------===//

/// The homogeneous coordinates (x, y, 1) or (x, y, z, 1) of all places of an
/// image of `sizes`, a column each. With `corners` the first and the last place
/// are -1 and 1, otherwise the ends of the image are.
static Value homogeneousGrid(NodeImporter &node, ArrayRef<int64_t> sizes,
                             bool corners) {
  auto spatial = static_cast<int64_t>(sizes.size());
  int64_t count = *nn::checkedElementCount(sizes);
  SmallVector<float> columns;
  for (int64_t axis = spatial - 1; axis >= 0; --axis) {
    int64_t size = sizes[axis], inner = 1;
    for (int64_t s : sizes.drop_front(axis + 1))
      inner *= s;
    for (int64_t i = 0; i < count; ++i) {
      double place = double(i / inner % size);
      columns.push_back(float(!corners    ? (2 * place + 1) / double(size) - 1
                              : size == 1 ? -1.0
                                          : 2 * place / double(size - 1) - 1));
    }
  }
  columns.append(count, 1.0f);
  return node.constant({spatial + 1, count}, columns);
}

LogicalResult accopt::importer::importAffineGrid(NodeImporter &node) {
  Value theta = node.operand(0);
  std::optional<Shape> size = theta ? node.ints(1, "size") : std::nullopt;
  if (!size)
    return failure();
  Shape sizes(ArrayRef(*size).drop_front(std::min<size_t>(2, size->size())));
  auto spatial = static_cast<int64_t>(sizes.size());
  if ((spatial != 2 && spatial != 3) ||
      node.shape(0) != ArrayRef<int64_t>({(*size)[0], spatial, spatial + 1}))
    return node.error("expected a size [N, C, H, W] and theta [N, 2, 3], or a "
                      "size [N, C, D, H, W] and theta [N, 3, 4]");
  std::optional<int64_t> count = nn::checkedElementCount(sizes);
  if (!count || *count < 1 || *count > (int64_t(1) << 24))
    return node.error("expected 1 to 2^24 places, got another number");
  Value grid = homogeneousGrid(node, sizes, node.intAttr("align_corners", 0));
  Value moved = node.emit<nn::MatMulOp>(theta, grid);
  moved = moved ? node.emit<nn::TransposeOp>(moved, node.array({0, 2, 1}))
                : nullptr;
  Shape shape = {(*size)[0]};
  shape.append(sizes);
  shape.push_back(spatial);
  return node.setOutput(0, node.reshape(moved, shape));
}

LogicalResult accopt::importer::importRoiAlign(NodeImporter &node) {
  Value image = node.operand(0), rois = image ? node.operand(1) : nullptr;
  Value batches = rois ? emitIndices(node, 2) : nullptr;
  if (!batches)
    return failure();
  std::string mode = node.stringAttr("mode", "avg");
  std::string places =
      node.stringAttr("coordinate_transformation_mode", "half_pixel");
  if (mode != "avg" && mode != "max")
    return node.error("expected mode avg or max, got " + mode);
  if (places != "half_pixel" && places != "output_half_pixel")
    return node.error("expected coordinate_transformation_mode half_pixel or "
                      "output_half_pixel, got " +
                      places);
  return node.setOutput(0, node.emit<nn::RoiAlignOp>(
                               image, rois, batches,
                               node.i64(node.intAttr("output_height", 1)),
                               node.i64(node.intAttr("output_width", 1)),
                               node.f32(node.floatAttr("spatial_scale", 1.0f)),
                               node.i64(node.intAttr("sampling_ratio", 0)),
                               node.boolean(places == "half_pixel"),
                               node.boolean(mode == "max")));
}

//===----------------------------------------------------------------------===//
// ReverseSequence
//===----------------------------------------------------------------------===//

/// Where each element comes from: the tuples of the first two dimensions, of
/// sizes `shape`.
static Value reversedPlaces(NodeImporter &node, ArrayRef<int64_t> shape,
                            Value lengths, int64_t time) {
  SmallVector<int64_t> steps, others;
  for (int64_t i = 0; i < shape[0]; ++i)
    for (int64_t j = 0; j < shape[1]; ++j) {
      steps.push_back(time == 0 ? i : j);
      others.push_back(time == 0 ? j : i);
    }
  Value step = node.constantI64(shape, steps);
  Shape broadcast = {1, 1};
  broadcast[1 - time] = shape[1 - time];
  lengths = emitCast(node, lengths, node.builder.getI64Type());
  lengths = lengths ? node.reshape(lengths, broadcast) : nullptr;
  if (!lengths)
    return nullptr;
  Value last = emitArithmetic(node, "Sub", lengths, node.constantI64({}, {1}));
  Value mirrored = emitArithmetic(node, "Sub", last, step);
  Value isInside =
      node.emit<nn::BinaryMathOp>(nn::BinaryKind::Less, step, lengths);
  if (!mirrored || !isInside)
    return nullptr;
  Value source = node.emit<nn::SelectOp>(isInside, mirrored, step);
  Shape column = {shape[0], shape[1], 1};
  Value parts[] = {source ? node.reshape(source, column) : nullptr,
                   node.constantI64(column, others)};
  if (!parts[0])
    return nullptr;
  if (time == 1)
    std::swap(parts[0], parts[1]);
  return node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(2));
}

Value accopt::importer::emitReversed(NodeImporter &node, Value input,
                                     Value lengths, int64_t time) {
  if (!input || !lengths)
    return nullptr;
  ArrayRef<int64_t> shape =
      mlir::cast<RankedTensorType>(input.getType()).getShape();
  Value places = reversedPlaces(node, shape.take_front(2), lengths, time);
  return places ? node.emit<nn::GatherNDOp>(input, places, node.i64(0))
                : nullptr;
}

LogicalResult accopt::importer::importReverseSequence(NodeImporter &node) {
  Value input = node.number(0);
  int64_t time = node.intAttr("time_axis", 0);
  int64_t batch = node.intAttr("batch_axis", 1);
  if (!input || !node.hasInput(1))
    return node.error("expected an input and sequence_lens, got none");
  if (node.rank(0) < 2 || time + batch != 1 || time < 0 || batch < 0)
    return node.error("expected time_axis and batch_axis to be 0 and 1, got " +
                      Twine(time) + " and " + Twine(batch));
  if (node.rank(1) != 1 || node.shape(1)[0] != node.shape(0)[batch])
    return node.error("expected " + Twine(node.shape(0)[batch]) +
                      " sequence_lens");
  // All steps of all entries: a slice from the end to the beginning.
  if (node.inputs[1]->constant) {
    std::optional<Shape> lengths = node.ints(1, "sequence_lens");
    if (!lengths)
      return failure();
    int64_t steps = node.shape(0)[time];
    for (int64_t length : *lengths)
      if (length < 0 || length > steps)
        return node.error("expected sequence_lens in [0, " + Twine(steps) +
                          "], got " + Twine(length));
    if (llvm::all_of(*lengths, [&](int64_t l) { return l == steps; })) {
      Shape starts(node.rank(0), 0), by(node.rank(0), 1);
      starts[time] = steps - 1;
      by[time] = -1;
      return node.setOutput(0, node.emit<nn::SliceOp>(input, node.array(starts),
                                                      node.array(node.shape(0)),
                                                      node.array(by)));
    }
  }
  return node.setOutput(0, emitReversed(node, input, node.number(1), time));
}
