//===- ImportIndex.cpp - Reductions, indexing, sorting --------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"
#include "OpTable.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static Value emitReduce(NodeImporter &node, nn::ReduceKind kind, Value input,
                        ArrayRef<int64_t> axes, bool keepDims) {
  if (!input)
    return nullptr;
  return node.emit<nn::ReduceOp>(kind, input, axes, keepDims);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

std::optional<Shape> accopt::importer::readReductionAxes(NodeImporter &node) {
  std::optional<Shape> axes = readAxesInput(node, node.rank(0));
  if (axes && axes->empty() && node.intAttr("noop_with_empty_axes", 0) == 0)
    axes->append(llvm::seq<int64_t>(node.rank(0)).begin(),
                 llvm::seq<int64_t>(node.rank(0)).end());
  return axes;
}

/// max + log(sum(exp(x - max))): no exponential overflows.
static Value logSumExp(NodeImporter &node, Value input, ArrayRef<int64_t> axes,
                       bool keepDims) {
  Value largest = emitReduce(node, nn::ReduceKind::Max, input, axes, true);
  Value shifted = emitArithmetic(node, "Sub", input, largest);
  Value powers = emitUnary(node, nn::UnaryKind::Exp, shifted);
  Value sum = emitReduce(node, nn::ReduceKind::Sum, powers, axes, keepDims);
  if (!sum)
    return nullptr;
  largest = node.reshape(largest, typeOf(sum).getShape());
  return emitArithmetic(node, "Add", emitUnary(node, nn::UnaryKind::Log, sum),
                        largest);
}

LogicalResult accopt::importer::importReduce(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  std::optional<Shape> axes = readReductionAxes(node);
  if (!axes)
    return failure();
  bool keepDims = node.intAttr("keepdims", 1) != 0;
  StringRef op = node.proto.op_type();
  auto sumOf = [&](Value value) {
    return emitReduce(node, nn::ReduceKind::Sum, value, *axes, keepDims);
  };
  auto squares = [&] { return emitArithmetic(node, "Mul", input, input); };
  Value result;
  if (op == "ReduceSum")
    result = sumOf(input);
  else if (op == "ReduceProd")
    result = emitReduce(node, nn::ReduceKind::Prod, input, *axes, keepDims);
  else if (op == "ReduceMax")
    result = emitReduce(node, nn::ReduceKind::Max, input, *axes, keepDims);
  else if (op == "ReduceMin")
    result = emitReduce(node, nn::ReduceKind::Min, input, *axes, keepDims);
  else if (op == "ReduceL1")
    result = sumOf(emitUnary(node, nn::UnaryKind::Abs, input));
  else if (op == "ReduceSumSquare")
    result = sumOf(squares());
  else if (op == "ReduceL2")
    result = emitUnary(node, nn::UnaryKind::Sqrt, sumOf(squares()));
  else if (op == "ReduceLogSum")
    result = emitUnary(node, nn::UnaryKind::Log, sumOf(input));
  else
    result = logSumExp(node, input, *axes, keepDims);
  return node.setOutput(0, result);
}

LogicalResult accopt::importer::importLogSoftmax(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0));
  if (!axis)
    return failure();
  Value norm = logSumExp(node, input, *axis, true);
  return node.setOutput(0, emitArithmetic(node, "Sub", input, norm));
}

static Value emitArg(NodeImporter &node, Value input, int64_t axis,
                     bool keepDims, bool minimum, bool selectLast) {
  return node.emit<nn::ArgReduceOp>(
      input, node.i64(axis), node.boolean(keepDims), node.boolean(minimum),
      node.boolean(selectLast));
}

LogicalResult accopt::importer::importArg(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), node.rank(0));
  if (!axis)
    return failure();
  return node.setOutput(0, emitArg(node, input, *axis,
                                   node.intAttr("keepdims", 1) != 0,
                                   node.proto.op_type() == "ArgMin",
                                   node.intAttr("select_last_index", 0) != 0));
}

/// One where the first largest value is.
LogicalResult accopt::importer::importHardmax(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0));
  if (!axis)
    return failure();
  Value index = emitArg(node, input, *axis, false, false, false);
  if (!index)
    return failure();
  Value mask = emitOneHot(node, index, *axis, node.shape(0)[*axis]);
  if (!mask)
    return failure();
  return node.setOutput(0, node.finish(nn::CastOp::create(
                               node.builder, node.loc, typeOf(input), mask)));
}

LogicalResult accopt::importer::importCumSum(NodeImporter &node) {
  Value input = node.number(0);
  std::optional<int64_t> given = node.integer(1, "axis", 0);
  if (!input || !given)
    return failure();
  std::optional<int64_t> axis = node.axis(*given, node.rank(0));
  if (!axis)
    return failure();
  return node.setOutput(
      0, node.emit<nn::CumSumOp>(input, node.i64(*axis),
                                 node.boolean(node.intAttr("exclusive", 0)),
                                 node.boolean(node.intAttr("reverse", 0))));
}

/// `value` moved by `distance` along `axis`, to the end or to the beginning,
/// with ones behind it.
static Value emitShifted(NodeImporter &node, Value value, int64_t axis,
                         int64_t distance, bool toBeginning) {
  Shape kept(typeOf(value).getShape()), starts(kept.size(), 0), moved(kept);
  kept[axis] -= distance;
  moved[axis] = distance;
  if (toBeginning)
    starts[axis] = distance;
  Type element = typeOf(value).getElementType();
  TypedAttr one = isa<FloatType>(element)
                      ? TypedAttr(node.f32(1.0f))
                      : TypedAttr(node.builder.getIntegerAttr(element, 1));
  Value ones = node.constant(ElementsAttr(
      DenseElementsAttr::get(RankedTensorType::get(moved, element), one)));
  if (kept[axis] == 0)
    return ones;
  Value rest =
      node.emit<nn::SliceOp>(value, node.array(starts), node.array(kept),
                             node.array(Shape(kept.size(), 1)));
  if (!rest)
    return nullptr;
  Value parts[] = {ones, rest};
  if (toBeginning)
    std::swap(parts[0], parts[1]);
  return node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(axis));
}

/// Each round multiplies by what lies twice as far away, so that after round r
/// an element is the product of 2^r (Hillis and Steele, 1986).
LogicalResult accopt::importer::importCumProd(NodeImporter &node) {
  Value product = node.number(0);
  std::optional<int64_t> given = node.integer(1, "axis", 0);
  if (!product || !given)
    return failure();
  std::optional<int64_t> axis = node.axis(*given, node.rank(0));
  if (!axis)
    return failure();
  bool isReverse = node.intAttr("reverse", 0) != 0;
  if (node.intAttr("exclusive", 0) != 0)
    product = emitShifted(node, product, *axis, 1, isReverse);
  int64_t size = node.shape(0)[*axis];
  for (int64_t distance = 1; product && distance < size; distance *= 2) {
    Value other = emitShifted(node, product, *axis, distance, isReverse);
    product =
        other ? node.emit<nn::BinaryMathOp>(nn::BinaryKind::Mul, product, other)
              : nullptr;
  }
  return node.setOutput(0, product);
}

LogicalResult accopt::importer::importTopK(NodeImporter &node) {
  Value input = node.number(0);
  std::optional<int64_t> k = node.integer(1, "K", 0);
  if (!input || !k)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0));
  if (!axis)
    return failure();
  if (*k < 1 || *k > node.shape(0)[*axis])
    return node.error("expected K in [1, " + Twine(node.shape(0)[*axis]) +
                      "], got " + Twine(*k));
  Shape shape(node.shape(0));
  shape[*axis] = *k;
  auto values = typeOf(input).clone(shape);
  auto op = nn::TopKOp::create(node.builder, node.loc, values,
                               values.clone(node.builder.getI64Type()), input,
                               node.i64(*axis), node.i64(*k),
                               node.boolean(node.intAttr("largest", 1)));
  if (!node.finish(op) || failed(node.setOutput(0, op.getValues())))
    return failure();
  return node.outputs.size() > 1 ? node.setOutput(1, op.getIndices())
                                 : success();
}

//===----------------------------------------------------------------------===//
// Indexing
//===----------------------------------------------------------------------===//

Value accopt::importer::emitIndices(NodeImporter &node, size_t i) {
  Value indices = node.number(i);
  if (!indices)
    return nullptr;
  Type element = typeOf(indices).getElementType();
  if (!isa<IntegerType>(element)) {
    (void)node.error("expected integer indices");
    return nullptr;
  }
  if (element.isSignlessInteger(32) || element.isSignlessInteger(64))
    return indices;
  return node.finish(nn::CastOp::create(
      node.builder, node.loc, typeOf(indices).clone(node.builder.getI64Type()),
      indices));
}

/// Indices that are known and a run with one step are a slice.
static std::optional<Value> gatherBySlice(NodeImporter &node, Value input,
                                          int64_t axis) {
  if (!node.inputs[1]->constant)
    return std::nullopt;
  std::optional<HostTensor> indices = toHost(node.inputs[1]->constant);
  if (!indices || indices->isFloat() || indices->size() == 0)
    return std::nullopt;
  int64_t size = node.shape(0)[axis];
  for (int64_t &index : indices->ints) {
    if (index < -size || index >= size)
      return std::nullopt;
    index = index < 0 ? index + size : index;
  }
  int64_t step = indices->size() > 1 ? indices->ints[1] - indices->ints[0] : 1;
  for (int64_t i = 1; i < indices->size(); ++i)
    if (indices->ints[i] - indices->ints[i - 1] != step)
      return std::nullopt;
  if (step == 0)
    return std::nullopt;
  Shape starts(node.rank(0), 0), sizes(node.shape(0)), steps(node.rank(0), 1);
  starts[axis] = indices->ints[0];
  sizes[axis] = indices->size();
  steps[axis] = step;
  Value slice = node.emit<nn::SliceOp>(input, node.array(starts),
                                       node.array(sizes), node.array(steps));
  Shape shape(node.shape(0).take_front(axis));
  shape.append(indices->shape);
  llvm::append_range(shape, node.shape(0).drop_front(axis + 1));
  return node.reshape(slice, shape);
}

LogicalResult accopt::importer::importGather(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), node.rank(0));
  if (!axis || !node.hasInput(1))
    return node.error("expected indices, got none");
  if (std::optional<Value> slice = gatherBySlice(node, input, *axis))
    return node.setOutput(0, *slice);
  Value indices = emitIndices(node, 1);
  if (!indices)
    return failure();
  return node.setOutput(
      0, node.emit<nn::GatherOp>(input, indices, node.i64(*axis)));
}

LogicalResult accopt::importer::importGatherND(NodeImporter &node) {
  Value input = node.number(0),
        indices = input ? emitIndices(node, 1) : nullptr;
  if (!indices)
    return failure();
  return node.setOutput(
      0, node.emit<nn::GatherNDOp>(input, indices,
                                   node.i64(node.intAttr("batch_dims", 0))));
}

/// Tuples that say for each element of `indices`, which index along `axis`,
/// where it is in the whole tensor. Null and an error where they are too many.
static Value elementTuples(NodeImporter &node, Value indices, int64_t axis) {
  Shape shape(typeOf(indices).getShape());
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  auto rank = static_cast<int64_t>(shape.size());
  if (!count || *count > (int64_t(1) << 24)) {
    (void)node.error("expected at most 2^24 indices, got more");
    return nullptr;
  }
  Shape column(shape);
  column.push_back(1);
  if (!typeOf(indices).getElementType().isInteger(64))
    indices = node.finish(nn::CastOp::create(
        node.builder, node.loc,
        typeOf(indices).clone(node.builder.getI64Type()), indices));
  SmallVector<Value> columns;
  Shape strides = rowMajorStrides(shape);
  for (int64_t d = 0; d < rank; ++d) {
    if (d == axis) {
      columns.push_back(node.reshape(indices, column));
      continue;
    }
    SmallVector<int64_t> numbers;
    for (int64_t i = 0; i < *count; ++i)
      numbers.push_back(i / strides[d] % shape[d]);
    columns.push_back(node.constantI64(column, numbers));
  }
  return node.emit<nn::ConcatOp>(ValueRange(columns), node.i64(rank));
}

LogicalResult accopt::importer::importGatherElements(NodeImporter &node) {
  Value input = node.number(0),
        indices = input ? emitIndices(node, 1) : nullptr;
  if (!indices)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), node.rank(0));
  if (!axis || node.rank(1) != node.rank(0))
    return node.error("expected indices of the input's rank");
  Value tuples = elementTuples(node, indices, *axis);
  if (!tuples)
    return failure();
  return node.setOutput(0,
                        node.emit<nn::GatherNDOp>(input, tuples, node.i64(0)));
}

LogicalResult accopt::importer::importScatter(NodeImporter &node) {
  Value input = node.number(0),
        indices = input ? emitIndices(node, 1) : nullptr;
  Value updates = indices ? node.number(2) : nullptr;
  if (!updates)
    return failure();
  std::string reduction = node.stringAttr("reduction", "none");
  std::optional<nn::ScatterKind> kind = nn::symbolizeScatterKind(
      reduction == "none" ? "replace" : StringRef(reduction));
  if (!kind)
    return node.error("expected reduction none, add, mul, max or min, got " +
                      reduction);
  if (node.proto.op_type() == "ScatterElements") {
    std::optional<int64_t> axis =
        node.axis(node.intAttr("axis", 0), node.rank(0));
    if (!axis || node.rank(1) != node.rank(0))
      return node.error("expected indices of the input's rank");
    indices = elementTuples(node, indices, *axis);
    if (!indices)
      return failure();
  }
  return node.setOutput(
      0, node.emit<nn::ScatterNDOp>(*kind, input, indices, updates));
}

//===----------------------------------------------------------------------===//
// Expand, Tile
//===----------------------------------------------------------------------===//

static Value emitExpand(NodeImporter &node, Value input,
                        ArrayRef<int64_t> shape) {
  if (!input || typeOf(input).getShape() == shape)
    return input;
  return node.finish(nn::ExpandOp::create(node.builder, node.loc,
                                          typeOf(input).clone(shape), input));
}

LogicalResult accopt::importer::importExpand(NodeImporter &node) {
  Value input = node.number(0);
  std::optional<Shape> given = node.ints(1, "shape");
  if (!input || !given)
    return failure();
  Shape shape;
  if (failed(nn::inferBroadcast(std::nullopt, node.shape(0), *given, shape)))
    return node.error("expected a shape that the input broadcasts to");
  return node.setOutput(0, emitExpand(node, input, shape));
}

LogicalResult accopt::importer::importTile(NodeImporter &node) {
  Value input = node.number(0);
  std::optional<Shape> repeats = node.ints(1, "repeats");
  if (!input || !repeats)
    return failure();
  ArrayRef<int64_t> shape = node.shape(0);
  if (repeats->size() != shape.size() ||
      llvm::any_of(*repeats, [](int64_t r) { return r < 1; }))
    return node.error("expected " + Twine(shape.size()) +
                      " positive repeats, got others");
  // Each dimension gets a new one in front of it, which is then broadcast.
  Shape split, broad, result;
  for (auto [size, repeat] : llvm::zip_equal(shape, *repeats)) {
    split.append({1, size});
    broad.append({repeat, size});
    result.push_back(size * repeat);
  }
  Value tiled = emitExpand(node, node.reshape(input, split), broad);
  return node.setOutput(0, tiled ? node.reshape(tiled, result) : nullptr);
}
