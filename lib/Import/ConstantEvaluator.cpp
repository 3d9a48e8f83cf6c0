//===- ConstantEvaluator.cpp - Shape arithmetic, computed away ------------===//
//
// Exporters write a reshape's target as Shape, Gather, Mul, Concat, ... nodes.
// With static shapes all of it is constant. Integers wrap as ONNX leaves it to;
// division by zero and casts out of range are errors of the node.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"

#include "TensorReader.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

SmallVector<int64_t> accopt::importer::stridedIndices(ArrayRef<int64_t> shape,
                                                      ArrayRef<int64_t> strides,
                                                      int64_t offset) {
  SmallVector<int64_t> indices;
  int64_t count = nn::checkedElementCount(shape).value_or(0);
  indices.reserve(count);
  Shape position(shape.size(), 0);
  int64_t index = offset;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(index);
    for (size_t d = shape.size(); d-- > 0;) {
      index += strides[d];
      if (++position[d] < shape[d])
        break;
      index -= strides[d] * shape[d];
      position[d] = 0;
    }
  }
  return indices;
}

Shape accopt::importer::rowMajorStrides(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

namespace {

/// One node with its inputs as host tensors.
class Evaluator {
public:
  Evaluator(NodeImporter &node, SmallVector<HostTensor> inputs)
      : node(node), in(std::move(inputs)) {}

  LogicalResult run(StringRef op);

private:
  Type i64() { return node.builder.getI64Type(); }
  Type i1() { return node.builder.getI1Type(); }

  LogicalResult done(const HostTensor &result) {
    return node.setOutput(0, ElementsAttr(toAttribute(result)));
  }

  /// `in[i]` broadcast to `shape`.
  HostTensor broadcast(const HostTensor &tensor, ArrayRef<int64_t> shape) {
    Shape strides(shape.size(), 0), own = rowMajorStrides(tensor.shape);
    size_t lead = shape.size() - tensor.shape.size();
    for (size_t d = 0; d < own.size(); ++d)
      strides[lead + d] = tensor.shape[d] == 1 ? 0 : own[d];
    return tensor.gather(shape, stridedIndices(shape, strides));
  }

  /// Broadcasts all inputs to one shape, within the limit.
  LogicalResult broadcastAll();

  template <typename IntFn, typename FloatFn>
  LogicalResult binary(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  LogicalResult compare(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  LogicalResult unary(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  LogicalResult reduce(IntFn ints, FloatFn floats);

  LogicalResult arithmetic(StringRef op);
  LogicalResult divide(bool remainder);
  LogicalResult clip();
  LogicalResult topK();
  LogicalResult cast();
  LogicalResult gather();
  LogicalResult range();
  LogicalResult where();
  LogicalResult expand();
  LogicalResult tile();
  LogicalResult nonZero();

  NodeImporter &node;
  SmallVector<HostTensor> in;
};

} // namespace

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

LogicalResult Evaluator::broadcastAll() {
  Shape shape = in[0].shape;
  for (const HostTensor &input : in) {
    Shape next;
    if (failed(nn::inferBroadcast(std::nullopt, shape, input.shape, next)))
      return node.error("expected inputs whose shapes broadcast");
    shape = next;
  }
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  if (!count || *count > evaluationLimit)
    return node.error("expected a constant of at most " +
                      Twine(evaluationLimit) + " elements, got more");
  for (HostTensor &input : in)
    input = broadcast(input, shape);
  return success();
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::binary(IntFn ints, FloatFn floats) {
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = in[0];
  for (const HostTensor &next : ArrayRef<HostTensor>(in).drop_front()) {
    if (next.type != result.type)
      return node.error("expected inputs of one element type");
    for (int64_t i = 0, e = result.size(); i < e; ++i) {
      if (result.isFloat())
        result.floats[i] = floats(result.floats[i], next.floats[i]);
      else
        result.ints[i] = ints(result.ints[i], next.ints[i]);
    }
  }
  return done(result);
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::compare(IntFn ints, FloatFn floats) {
  if (in.size() != 2 || in[0].type != in[1].type)
    return node.error("expected two inputs of one element type");
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = HostTensor::ofInts(i1(), in[0].shape, {});
  for (int64_t i = 0, e = in[0].size(); i < e; ++i)
    result.ints.push_back(in[0].isFloat()
                              ? floats(in[0].floats[i], in[1].floats[i])
                              : ints(in[0].ints[i], in[1].ints[i]));
  return done(result);
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::unary(IntFn ints, FloatFn floats) {
  HostTensor result = in[0];
  for (float &value : result.floats)
    value = floats(value);
  for (int64_t &value : result.ints)
    value = ints(value);
  return done(result);
}

LogicalResult Evaluator::arithmetic(StringRef op) {
  // Unsigned arithmetic wraps without undefined behaviour.
  using U = uint64_t;
  if (op == "Add")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) + U(b); },
                  [](float a, float b) { return a + b; });
  if (op == "Sub")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) - U(b); },
                  [](float a, float b) { return a - b; });
  if (op == "Mul")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) * U(b); },
                  [](float a, float b) { return a * b; });
  if (op == "Min")
    return binary([](int64_t a, int64_t b) { return std::min(a, b); },
                  [](float a, float b) { return std::min(a, b); });
  return binary([](int64_t a, int64_t b) { return std::max(a, b); },
                [](float a, float b) { return std::max(a, b); });
}

LogicalResult Evaluator::divide(bool remainder) {
  if (in.size() == 2 && !in[1].isFloat() && llvm::is_contained(in[1].ints, 0))
    return node.error("expected a divisor other than zero, got zero");
  if (!remainder)
    return binary(
        [](int64_t a, int64_t b) -> int64_t {
          return b == -1 ? int64_t(0 - uint64_t(a)) : a / b;
        },
        [](float a, float b) { return a / b; });
  bool truncated = node.intAttr("fmod", 0) != 0;
  return binary(
      [truncated](int64_t a, int64_t b) -> int64_t {
        int64_t rest = b == -1 ? 0 : a % b;
        return !truncated && rest != 0 && (rest < 0) != (b < 0) ? rest + b
                                                                : rest;
      },
      [](float a, float b) { return std::fmod(a, b); });
}

/// Bounds may be missing, or attributes.
LogicalResult Evaluator::clip() {
  if (!in[0].isFloat() && (node.attribute("min") || node.attribute("max")))
    return node.error("expected bounds of the input's type");
  HostTensor result = in[0];
  for (auto [i, name] : {std::pair(1, "min"), std::pair(2, "max")}) {
    bool isUpper = i == 2;
    auto apply = [&](auto &values, auto bound) {
      for (auto &value : values)
        value = isUpper ? std::min(value, bound) : std::max(value, bound);
    };
    if (node.hasInput(i)) {
      std::optional<HostTensor> bound = node.host(i, name);
      if (!bound || bound->size() != 1 || bound->type != result.type)
        return node.error("expected a scalar of the input's type as bound");
      if (result.isFloat())
        apply(result.floats, bound->floats[0]);
      else
        apply(result.ints, bound->ints[0]);
    } else if (node.attribute(name)) {
      apply(result.floats, node.floatAttr(name, 0.0f));
    }
  }
  return done(result);
}

LogicalResult Evaluator::topK() {
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), in[0].rank());
  if (!axis || in[1].isFloat() || in[1].size() != 1)
    return node.error("expected an integer as K");
  int64_t size = in[0].shape[*axis], k = in[1].ints[0];
  if (k < 0 || k > size)
    return node.error("expected K in [0, " + Twine(size) + "], got " +
                      Twine(k));
  if (llvm::any_of(in[0].floats, [](float value) { return std::isnan(value); }))
    return node.error("expected numbers to sort, got a NaN");
  Shape shape(in[0].shape), strides = rowMajorStrides(shape), outer(shape);
  outer[*axis] = 1;
  shape[*axis] = k;
  SmallVector<int64_t> starts = stridedIndices(outer, strides);
  Shape resultStrides = rowMajorStrides(shape);
  SmallVector<int64_t> resultStarts = stridedIndices(outer, resultStrides);
  SmallVector<int64_t> source(starts.size() * k), places(starts.size() * k);
  bool largest = node.intAttr("largest", 1) != 0;
  for (auto [start, to] : llvm::zip(starts, resultStarts)) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(size));
    auto at = [&, start = start](int64_t i) {
      return start + i * strides[*axis];
    };
    // Equal values in the order of their indices.
    auto comesFirst = [&](auto left, auto right, int64_t a, int64_t b) {
      return left == right ? a < b : largest ? left > right : left < right;
    };
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return in[0].isFloat()
                 ? comesFirst(in[0].floats[at(a)], in[0].floats[at(b)], a, b)
                 : comesFirst(in[0].ints[at(a)], in[0].ints[at(b)], a, b);
    });
    for (int64_t i = 0; i < k; ++i) {
      source[to + i * resultStrides[*axis]] = at(order[i]);
      places[to + i * resultStrides[*axis]] = order[i];
    }
  }
  if (node.outputs.size() > 1 &&
      failed(node.setOutput(1, ElementsAttr(toAttribute(
                                   HostTensor::ofInts(i64(), shape, places))))))
    return failure();
  return done(in[0].gather(shape, source));
}

LogicalResult Evaluator::cast() {
  int to = static_cast<int>(node.intAttr("to", 0));
  Type type = convertElementType(to, node.builder.getContext());
  if (!type)
    return node.error("expected a cast to a numeric type, got " +
                      elementTypeName(to));
  HostTensor result;
  result.type = type;
  result.shape = in[0].shape;
  for (int64_t i = 0, e = in[0].size(); i < e; ++i) {
    bool fromFloat = in[0].isFloat();
    if (type.isF32()) {
      result.floats.push_back(fromFloat ? in[0].floats[i]
                                        : static_cast<float>(in[0].ints[i]));
      continue;
    }
    if (type.isInteger(1)) {
      result.ints.push_back(fromFloat ? in[0].floats[i] != 0.0f
                                      : in[0].ints[i] != 0);
      continue;
    }
    if (!fromFloat) {
      result.ints.push_back(in[0].ints[i]);
      continue;
    }
    float value = in[0].floats[i];
    // ONNX leaves open what a number beyond the type becomes; networks compute
    // such numbers (the logarithm of a distance of 0) and select others. As on
    // x86, and so in onnxruntime: the lowest integer.
    if (!(std::fabs(value) < 0x1p63f)) {
      unsigned width = type.getIntOrFloatBitWidth();
      result.ints.push_back(width == 64   ? INT64_MIN
                            : width == 32 ? INT32_MIN
                                          : 0);
      continue;
    }
    result.ints.push_back(static_cast<int64_t>(value));
  }
  // Narrow integers wrap in the attribute.
  return done(result);
}

//===----------------------------------------------------------------------===//
// Reductions, indexing
//===----------------------------------------------------------------------===//

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::reduce(IntFn ints, FloatFn floats) {
  Shape given;
  if (in.size() > 1)
    given = Shape(ArrayRef<int64_t>(in[1].ints));
  else if (std::optional<Shape> attr = node.intsAttr("axes"))
    given = *attr;
  if (given.empty() && node.intAttr("noop_with_empty_axes", 0))
    return done(in[0]);
  std::optional<Shape> axes = node.axes(given, in[0].rank());
  if (!axes)
    return failure();
  if (in[0].size() == 0)
    return node.error("expected a non-empty input, got an empty one");
  bool keep = node.intAttr("keepdims", 1) != 0;
  Shape outer, inner, outerStrides, innerStrides, shape;
  Shape strides = rowMajorStrides(in[0].shape);
  for (int64_t d = 0; d < in[0].rank(); ++d) {
    bool reduced = axes->empty() || llvm::is_contained(*axes, d);
    (reduced ? inner : outer).push_back(in[0].shape[d]);
    (reduced ? innerStrides : outerStrides).push_back(strides[d]);
    if (!reduced || keep)
      shape.push_back(reduced ? 1 : in[0].shape[d]);
  }
  SmallVector<int64_t> starts = stridedIndices(outer, outerStrides);
  HostTensor result = in[0].gather(shape, starts);
  for (auto [i, start] : llvm::enumerate(starts)) {
    SmallVector<int64_t> run = stridedIndices(inner, innerStrides, start);
    for (int64_t at : ArrayRef<int64_t>(run).drop_front()) {
      if (result.isFloat())
        result.floats[i] = floats(result.floats[i], in[0].floats[at]);
      else
        result.ints[i] = ints(result.ints[i], in[0].ints[at]);
    }
  }
  return done(result);
}

LogicalResult Evaluator::gather() {
  const HostTensor &data = in[0], &indices = in[1];
  std::optional<int64_t> axis = node.axis(node.intAttr("axis", 0), data.rank());
  if (!axis || indices.isFloat())
    return node.error("expected integer indices");
  int64_t size = data.shape[*axis];
  ArrayRef<int64_t> before = ArrayRef(data.shape).take_front(*axis);
  ArrayRef<int64_t> after = ArrayRef(data.shape).drop_front(*axis + 1);
  int64_t outer = *nn::checkedElementCount(before);
  int64_t inner = *nn::checkedElementCount(after);
  // A table of a few numbers that is read at many places, as biases of
  // attention are, is larger than the table.
  if (outer * inner * std::max<int64_t>(indices.size(), 1) > gatherLimit)
    return node.error("expected a constant of at most " + Twine(gatherLimit) +
                      " elements, got more");
  Shape shape(before);
  shape.append(indices.shape);
  shape.append(after.begin(), after.end());
  SmallVector<int64_t> source;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : indices.ints) {
      if (index < -size || index >= size)
        return node.error("expected indices in [" + Twine(-size) + ", " +
                          Twine(size) + "), got " + Twine(index));
      int64_t at = index < 0 ? index + size : index;
      for (int64_t i = 0; i < inner; ++i)
        source.push_back((o * size + at) * inner + i);
    }
  return done(data.gather(shape, source));
}

LogicalResult Evaluator::range() {
  if (in.size() != 3 || in[0].size() != 1 || in[1].size() != 1 ||
      in[2].size() != 1 || in[0].type != in[1].type || in[0].type != in[2].type)
    return node.error("expected three scalars of one element type");
  bool isFloat = in[0].isFloat();
  auto number = [&](unsigned i) {
    return isFloat ? double(in[i].floats[0]) : double(in[i].ints[0]);
  };
  double count = std::ceil((number(1) - number(0)) / number(2));
  // Minus infinity where the step is zero: that is no empty range either.
  if (!(count <= evaluationLimit) || std::isinf(count))
    return node.error("expected a range of at most " + Twine(evaluationLimit) +
                      " numbers, got more");
  HostTensor result;
  result.type = in[0].type;
  result.shape = {static_cast<int64_t>(std::max(0.0, count))};
  for (int64_t i = 0; i < result.shape[0]; ++i) {
    if (isFloat)
      result.floats.push_back(in[0].floats[0] + i * in[2].floats[0]);
    else
      result.ints.push_back(static_cast<int64_t>(
          uint64_t(in[0].ints[0]) + uint64_t(i) * uint64_t(in[2].ints[0])));
  }
  return done(result);
}

LogicalResult Evaluator::where() {
  if (in.size() != 3 || in[0].isFloat() || in[1].type != in[2].type)
    return node.error("expected a condition and two inputs of one type");
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = in[1];
  for (int64_t i = 0, e = result.size(); i < e; ++i) {
    if (in[0].ints[i])
      continue;
    if (result.isFloat())
      result.floats[i] = in[2].floats[i];
    else
      result.ints[i] = in[2].ints[i];
  }
  return done(result);
}

LogicalResult Evaluator::expand() {
  Shape shape;
  std::optional<int64_t> count = nn::checkedElementCount(in[1].ints);
  if (in[1].isFloat() || !count ||
      failed(nn::inferBroadcast(std::nullopt, in[0].shape, in[1].ints, shape)))
    return node.error("expected a shape that the input broadcasts to");
  count = nn::checkedElementCount(shape);
  if (!count || *count > evaluationLimit)
    return node.error("expected a constant of at most " +
                      Twine(evaluationLimit) + " elements, got more");
  return done(broadcast(in[0], shape));
}

LogicalResult Evaluator::tile() {
  if (in[1].isFloat() || in[1].size() != in[0].rank())
    return node.error("expected a repeat for each dimension");
  // Each dimension in front of itself, then broadcast.
  Shape shape, strides, result, own = rowMajorStrides(in[0].shape);
  for (int64_t d = 0; d < in[0].rank(); ++d) {
    shape.append({in[1].ints[d], in[0].shape[d]});
    strides.append({0, own[d]});
  }
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  if (!count || *count > evaluationLimit)
    return node.error("expected a constant of at most " +
                      Twine(evaluationLimit) + " elements, got more");
  for (size_t d = 0; d < shape.size(); d += 2)
    result.push_back(shape[d] * shape[d + 1]);
  return done(in[0].gather(result, stridedIndices(shape, strides)));
}

LogicalResult Evaluator::nonZero() {
  SmallVector<int64_t> found;
  for (int64_t i = 0, e = in[0].size(); i < e; ++i)
    if (in[0].isFloat() ? in[0].floats[i] != 0.0f : in[0].ints[i] != 0)
      found.push_back(i);
  Shape strides = rowMajorStrides(in[0].shape);
  HostTensor result = HostTensor::ofInts(
      i64(), {in[0].rank(), static_cast<int64_t>(found.size())}, {});
  for (int64_t d = 0; d < in[0].rank(); ++d)
    for (int64_t index : found)
      result.ints.push_back(index / strides[d] % in[0].shape[d]);
  return done(result);
}

LogicalResult Evaluator::run(StringRef op) {
  if (op == "Add" || op == "Sub" || op == "Mul" || op == "Min" || op == "Max" ||
      op == "Sum")
    return arithmetic(op == "Sum" ? "Add" : op);
  if (op == "Div" || op == "Mod")
    return divide(op == "Mod");
  if (op == "Equal")
    return compare([](int64_t a, int64_t b) { return a == b; },
                   [](float a, float b) { return a == b; });
  if (op == "Less")
    return compare([](int64_t a, int64_t b) { return a < b; },
                   [](float a, float b) { return a < b; });
  if (op == "Greater")
    return compare([](int64_t a, int64_t b) { return a > b; },
                   [](float a, float b) { return a > b; });
  if (op == "And")
    return compare([](int64_t a, int64_t b) { return a && b; },
                   [](float, float) { return false; });
  if (op == "Or")
    return compare([](int64_t a, int64_t b) { return a || b; },
                   [](float, float) { return false; });
  if (op == "LessOrEqual")
    return compare([](int64_t a, int64_t b) { return a <= b; },
                   [](float a, float b) { return a <= b; });
  if (op == "GreaterOrEqual")
    return compare([](int64_t a, int64_t b) { return a >= b; },
                   [](float a, float b) { return a >= b; });
  auto same = [](int64_t value) { return value; };
  if (op == "Clip")
    return clip();
  if (op == "TopK")
    return topK();
  if (op == "Round")
    return unary(same, [](float a) { return std::nearbyint(a); });
  if (op == "Sign")
    return unary([](int64_t a) -> int64_t { return (a > 0) - (a < 0); },
                 [](float a) { return float((a > 0.0f) - (a < 0.0f)); });
  if (op == "Floor")
    return unary(same, [](float a) { return std::floor(a); });
  if (op == "Ceil")
    return unary(same, [](float a) { return std::ceil(a); });
  if (op == "Sqrt")
    return unary(same, [](float a) { return std::sqrt(a); });
  if (op == "Neg")
    return unary([](int64_t a) -> int64_t { return 0 - uint64_t(a); },
                 [](float a) { return -a; });
  if (op == "Abs")
    return unary(
        [](int64_t a) -> int64_t { return a < 0 ? 0 - uint64_t(a) : a; },
        [](float a) { return std::fabs(a); });
  if (op == "Not")
    return unary([](int64_t a) -> int64_t { return !a; },
                 [](float a) { return a; });
  using U = uint64_t;
  if (op == "ReduceProd")
    return reduce([](int64_t a, int64_t b) -> int64_t { return U(a) * U(b); },
                  [](float a, float b) { return a * b; });
  if (op == "ReduceSum")
    return reduce([](int64_t a, int64_t b) -> int64_t { return U(a) + U(b); },
                  [](float a, float b) { return a + b; });
  if (op == "ReduceMax")
    return reduce([](int64_t a, int64_t b) { return std::max(a, b); },
                  [](float a, float b) { return std::max(a, b); });
  if (op == "ReduceMin")
    return reduce([](int64_t a, int64_t b) { return std::min(a, b); },
                  [](float a, float b) { return std::min(a, b); });
  if (op == "Cast")
    return cast();
  if (op == "Gather")
    return gather();
  if (op == "Range")
    return range();
  if (op == "Where")
    return where();
  if (op == "Expand")
    return expand();
  if (op == "Tile")
    return tile();
  return nonZero();
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

FailureOr<bool> accopt::importer::evaluateConstants(NodeImporter &node) {
  StringRef op = node.proto.op_type();
  auto answer = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  if (op == "Shape" || op == "Size" || op == "EyeLike")
    return answer(op == "EyeLike" ? evaluateEyeLike(node)
                                  : evaluateShape(node));
  if (op == "Constant")
    return answer(evaluateConstant(node));
  if (op == "ConstantOfShape")
    return answer(evaluateConstantOfShape(node));

  // Nodes with at least the inputs that they must have.
  unsigned required =
      llvm::StringSwitch<unsigned>(op)
          .Cases({"Add", "Sub", "Mul", "Div", "Mod", "Equal", "Less", "Greater",
                  "LessOrEqual", "GreaterOrEqual", "And", "Or", "Gather",
                  "Expand", "Tile", "TopK"},
                 2)
          .Cases({"Clip", "Round", "Sign", "Min", "Max", "Sum", "Floor", "Ceil",
                  "Sqrt", "Neg", "Abs", "Not", "ReduceProd", "ReduceSum",
                  "ReduceMax", "ReduceMin", "Cast", "NonZero"},
                 1)
          .Cases({"Range", "Where"}, 3)
          .Default(0);
  if (required == 0 || node.inputs.size() < required)
    return false;
  SmallVector<HostTensor> inputs;
  for (Entry *input : node.inputs) {
    // A missing last input is as good as none.
    if (!input && inputs.size() >= required)
      break;
    if (!input || !input->constant)
      return false;
    std::optional<HostTensor> tensor = toHost(input->constant);
    if (!tensor)
      return false;
    inputs.push_back(std::move(*tensor));
  }
  return answer(Evaluator(node, std::move(inputs)).run(op));
}
