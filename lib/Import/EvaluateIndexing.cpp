//===- EvaluateIndexing.cpp - Reductions and indexing of constants --------===//

#include "Evaluator.h"

#include "llvm/ADT/Sequence.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

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

LogicalResult Evaluator::indexing(StringRef op) {
  using U = uint64_t;
  if (op == "TopK")
    return topK();
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
  if (op == "Gather")
    return gather();
  if (op == "Range")
    return range();
  if (op == "Expand")
    return expand();
  if (op == "Tile")
    return tile();
  return nonZero();
}
