//===- NNIndexOps.cpp - Reductions, indexing, sorting ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using namespace accopt::nn;

#define NN_INFER_ARGUMENTS                                                     \
  MLIRContext *context, std::optional<Location> loc, ValueRange operands,      \
      DictionaryAttr attributes, OpaqueProperties properties,                  \
      RegionRange regions, SmallVectorImpl<Type> &types

static Type withElement(Type like, Type element) {
  return cast<RankedTensorType>(like).clone(element);
}

static LogicalResult checkAxis(std::optional<Location> loc, int64_t axis,
                               size_t rank) {
  if (axis < 0 || axis >= static_cast<int64_t>(rank))
    return emitOptionalError(loc, "expected axis in [0, ", rank, "), got ",
                             axis);
  return success();
}

static LogicalResult checkIndices(std::optional<Location> loc, Value indices) {
  Type type = tensorOf(indices).getElementType();
  if (!type.isSignlessInteger(32) && !type.isSignlessInteger(64))
    return emitOptionalError(loc, "expected indices of i32 or i64, got ", type);
  return success();
}

/// `input` without `axes`, or with ones in their place.
static Shape reducedShape(ArrayRef<int64_t> input, ArrayRef<int64_t> axes,
                          bool keepDims) {
  Shape shape;
  for (auto [d, size] : llvm::enumerate(input)) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(d));
    if (!reduced)
      shape.push_back(size);
    else if (keepDims)
      shape.push_back(1);
  }
  return shape;
}

//===----------------------------------------------------------------------===//
// Along axes
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput()), axes = op.getAxes();
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(input.size()) ||
        (i > 0 && axes[i] <= axes[i - 1]))
      return emitOptionalError(loc, "expected axes sorted, unique and in [0, ",
                               input.size(), "), got [", axes, "]");
  return addResult(loc, op.getInput().getType(),
                   reducedShape(input, axes, op.getKeepDims()), types);
}

LogicalResult ReduceOp::verify() {
  if (checkedElementCount(shapeOf(getInput())) == 0)
    return emitOpError("expected a non-empty input, got shape [")
           << shapeOf(getInput()) << "]";
  return success();
}

LogicalResult ArgReduceOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  auto axis = static_cast<int64_t>(op.getAxis());
  if (failed(checkAxis(loc, axis, input.size())))
    return failure();
  return addResult(
      loc, withElement(op.getInput().getType(), IntegerType::get(context, 64)),
      reducedShape(input, axis, op.getKeepDims()), types);
}

LogicalResult CumSumOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  if (failed(checkAxis(loc, static_cast<int64_t>(op.getAxis()), input.size())))
    return failure();
  return addResult(loc, op.getInput().getType(), input, types);
}

LogicalResult TopKOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput());
  auto axis = static_cast<int64_t>(getAxis());
  auto k = static_cast<int64_t>(getK());
  if (axis < 0 || axis >= static_cast<int64_t>(input.size()))
    return emitOpError("expected axis in [0, ")
           << input.size() << "), got " << axis;
  if (k < 0 || k > input[axis])
    return emitOpError("expected k in [0, ") << input[axis] << "], got " << k;
  Shape shape(input);
  shape[axis] = k;
  if (shapeOf(getValues()) != ArrayRef(shape) ||
      shapeOf(getIndices()) != ArrayRef(shape) ||
      !tensorOf(getIndices()).getElementType().isInteger(64))
    return emitOpError("expected values, and indices of i64, of shape [")
           << shape << "], got " << getValues().getType() << " and "
           << getIndices().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Indexing
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  auto axis = static_cast<int64_t>(op.getAxis());
  if (failed(checkAxis(loc, axis, input.size())) ||
      failed(checkIndices(loc, op.getIndices())))
    return failure();
  if (input[axis] == 0)
    return emitOptionalError(loc, "expected something to index, got size 0");
  Shape shape(input.take_front(axis));
  llvm::append_range(shape, shapeOf(op.getIndices()));
  llvm::append_range(shape, input.drop_front(axis + 1));
  return addResult(loc, op.getInput().getType(), shape, types);
}

LogicalResult GatherNDOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> indices = shapeOf(op.getIndices());
  size_t batch = op.getBatchDims();
  if (failed(checkIndices(loc, op.getIndices())))
    return failure();
  if (indices.empty() || batch >= indices.size() ||
      batch + indices.back() > input.size() || indices.back() < 1 ||
      indices.take_front(batch) != input.take_front(batch))
    return emitOptionalError(loc, "expected indices [", indices,
                             "] that fit the input [", input, "] with ", batch,
                             " batch dimensions");
  if (checkedElementCount(input) == 0)
    return emitOptionalError(loc, "expected something to index, got shape [",
                             input, "]");
  Shape shape(indices.drop_back());
  llvm::append_range(shape, input.drop_front(batch + indices.back()));
  return addResult(loc, op.getInput().getType(), shape, types);
}

LogicalResult ScatterNDOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  return addResult(loc, operands[0].getType(), shapeOf(operands[0]), types);
}

LogicalResult ScatterNDOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput()),
                    indices = shapeOf(getIndices());
  if (failed(checkIndices(getLoc(), getIndices())))
    return failure();
  if (indices.empty() || indices.back() < 1 ||
      indices.back() > static_cast<int64_t>(input.size()))
    return emitOpError("expected indices [")
           << indices << "] that fit the input [" << input << "]";
  Shape updates(indices.drop_back());
  llvm::append_range(updates, input.drop_front(indices.back()));
  if (shapeOf(getUpdates()) != ArrayRef(updates))
    return emitOpError("expected updates of shape [")
           << updates << "], got [" << shapeOf(getUpdates()) << "]";
  return success();
}

LogicalResult RoiAlignOp::inferReturnTypes(NN_INFER_ARGUMENTS) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput()),
                    rois = shapeOf(op.getRois());
  if (input.size() != 4 || rois.size() != 2 || rois[1] != 4 ||
      shapeOf(op.getBatches()) != rois.take_front())
    return emitOptionalError(
        loc,
        "expected an input [N, C, H, W], regions [R, 4] and R batches, "
        "got [",
        input, "], [", rois, "] and [", shapeOf(op.getBatches()), "]");
  if (failed(checkIndices(loc, op.getBatches())))
    return failure();
  if (checkedElementCount(input) == 0)
    return emitOptionalError(loc, "expected something to sample, got shape [",
                             input, "]");
  auto height = static_cast<int64_t>(op.getHeight());
  auto width = static_cast<int64_t>(op.getWidth());
  auto samples = static_cast<int64_t>(op.getSamplingRatio());
  for (int64_t value : {height, width})
    if (value < 1 || value > INT32_MAX)
      return emitOptionalError(
          loc, "expected a height and a width in [1, 2^31), got ", value);
  if (samples < 0 || samples > INT32_MAX)
    return emitOptionalError(
        loc, "expected a sampling_ratio in [0, 2^31), got ", samples);
  return addResult(loc, op.getInput().getType(),
                   {rois[0], input[1], height, width}, types);
}

LogicalResult ExpandOp::verify() {
  ArrayRef<int64_t> from = shapeOf(getInput()), to = shapeOf(getResult());
  Shape shape;
  if (failed(inferBroadcast(std::nullopt, from, to, shape)) ||
      ArrayRef(shape) != to)
    return emitOpError("expected an input that broadcasts to [")
           << to << "], got [" << from << "]";
  return success();
}
