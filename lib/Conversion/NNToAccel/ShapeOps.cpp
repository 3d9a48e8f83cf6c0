//===- ShapeOps.cpp - Constants and data movement -------------------------===//
//
// Part of AccOpt. A transpose only renames dimensions; a reshape moves data
// only where it merges dimensions that do not lie next to each other in order.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "dialects/NN/NNConstants.h"

using namespace mlir;

namespace accopt {
namespace {

/// Runs of input and output dimensions with equal numbers of elements, as
/// short as possible.
struct DimensionGroup {
  Shape input, output;
};

SmallVector<DimensionGroup> groupDimensions(ArrayRef<int64_t> from,
                                            ArrayRef<int64_t> to) {
  SmallVector<DimensionGroup> groups;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    DimensionGroup group;
    int64_t left = 1, right = 1;
    auto takeLeft = [&] {
      left *= from[i];
      group.input.push_back(i++);
    };
    auto takeRight = [&] {
      right *= to[j];
      group.output.push_back(j++);
    };
    if (i < from.size())
      takeLeft();
    if (j < to.size())
      takeRight();
    while (left != right) {
      if (left < right && i < from.size())
        takeLeft();
      else
        takeRight();
    }
    groups.push_back(std::move(group));
  }
  return groups;
}
} // namespace

/// If `order` and `wanted` differ only within their last dimensions, which are
/// those that `last` merges into one: how.
static std::optional<Shuffle> channelShuffle(ArrayRef<int64_t> order,
                                             ArrayRef<int64_t> wanted,
                                             const DimensionGroup &last,
                                             ArrayRef<int64_t> shape) {
  size_t count = last.input.size(), outer = order.size() - count;
  if (order == wanted || count < 2 || last.output.size() != 1 ||
      order.take_front(outer) != wanted.take_front(outer))
    return std::nullopt;
  Shuffle shuffle;
  ArrayRef<int64_t> inner = order.drop_front(outer);
  for (int64_t dimension : inner)
    shuffle.sizes.push_back(shape[dimension]);
  for (int64_t dimension : wanted.drop_front(outer))
    shuffle.perm.push_back(llvm::find(inner, dimension) - inner.begin());
  return shuffle;
}

LogicalResult Lowering::convertOp(nn::ConstantOp op) {
  // Weights, biases and parameters are read where they are used.
  if (!activationQuant(op.getResult()))
    return success();
  auto elements = nn::readElements(op.getValue());
  auto type = cast<RankedTensorType>(op.getResult().getType());
  ActivationQuant quant = *activationQuant(op.getResult());
  if (!elements || elements->width != (quant.isWide ? 2 : 1))
    return refuse("expected values of the type's width");
  SmallVector<int16_t> data;
  for (int64_t i = 0, n = type.getNumElements(); i < n; ++i) {
    int16_t value = int8_t(elements->element(i).front());
    if (quant.isWide)
      std::memcpy(&value, elements->element(i).data(), sizeof(value));
    data.push_back(value);
    if (value < quant.low || value > quant.high)
      return op.emitError("expected values in [")
             << quant.low << ", " << quant.high << "], got " << int(value);
  }
  Value constant =
      quant.isWide ? constantI16(type.getShape(), data)
                   : constantI8(type.getShape(),
                                SmallVector<int8_t>(data.begin(), data.end()));
  set(op.getResult(), constant, identityOrder(type.getRank()));
  return success();
}

LogicalResult Lowering::convertOp(nn::ReshapeOp op) {
  ArrayRef<int64_t> from = shapeOf(op.getInput()), to = shapeOf(op.getResult());
  Shape order = stored(op.getInput()).order;
  if (cast<RankedTensorType>(op.getType()).getNumElements() == 0)
    return refuse("expected at least one element");
  SmallVector<DimensionGroup> groups = groupDimensions(from, to);
  // Groups stay in the order in which memory first meets them; within a group
  // dimensions must be in the model's order.
  Shape position(from.size());
  for (auto [i, dimension] : llvm::enumerate(order))
    position[dimension] = i;
  auto firstIn = [&](const DimensionGroup &group) {
    int64_t first = int64_t(from.size());
    for (int64_t dimension : group.input)
      if (from[dimension] != 1)
        first = std::min(first, position[dimension]);
    // Dimensions of one go in front, as the batch does.
    return first == int64_t(from.size()) ? -1 : first;
  };
  SmallVector<std::pair<int64_t, size_t>> keys;
  for (auto [i, group] : llvm::enumerate(groups))
    keys.emplace_back(firstIn(group), i);
  llvm::sort(keys);
  Shape wanted, resultOrder, result;
  for (auto [first, i] : keys) {
    const DimensionGroup &group = groups[i];
    wanted.append(group.input);
    resultOrder.append(group.output);
    for (int64_t dimension : group.output)
      result.push_back(to[dimension]);
  }
  if (std::optional<Shuffle> shuffle =
          channelShuffle(order, wanted, groups[keys.back().second], from)) {
    // The bytes stay; whoever reads the channels is told where they are.
    Value same = reshape(stored(op.getInput()).value, result);
    if (*activationQuant(op.getInput()) == *activationQuant(op.getResult())) {
      values[op.getResult()] = Stored{same, resultOrder, shuffle};
      return success();
    }
  }
  Value moved = reshape(get(op.getInput(), wanted), result);
  setMoved(op.getResult(), op.getInput(), moved, resultOrder);
  return success();
}

LogicalResult Lowering::convertOp(nn::TransposeOp op) {
  Stored input = stored(op.getInput());
  Shape newName(input.order.size()), order;
  for (auto [result, source] : llvm::enumerate(op.getPerm()))
    newName[source] = result;
  for (int64_t dimension : input.order)
    order.push_back(newName[dimension]);
  setMoved(op.getResult(), op.getInput(), input.value, order);
  return success();
}

LogicalResult Lowering::convertOp(nn::ConcatOp op) {
  Shape order = stored(op.getInputs().front()).order, shape;
  ActivationQuant out = *activationQuant(op.getResult());
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    if (cast<RankedTensorType>(input.getType()).getNumElements())
      inputs.push_back(
          requantize(get(input, order), *activationQuant(input), out));
  for (int64_t dimension : order)
    shape.push_back(shapeOf(op.getResult())[dimension]);
  int64_t axis = llvm::find(order, int64_t(op.getAxis())) - order.begin();
  set(op.getResult(),
      accel::ConcatOp::create(builder,
                              RankedTensorType::get(shape, elementType(out)),
                              inputs, builder.getI64IntegerAttr(axis)),
      order);
  return success();
}

LogicalResult Lowering::convertOp(nn::SliceOp op) {
  Stored input = stored(op.getInput());
  Shape starts, steps, sizes;
  for (int64_t dimension : input.order) {
    starts.push_back(op.getStarts()[dimension]);
    steps.push_back(op.getSteps()[dimension]);
    sizes.push_back(op.getSizes()[dimension]);
  }
  Value sliced = accel::SliceOp::create(
      builder, RankedTensorType::get(sizes, elementType(op.getInput())),
      input.value, builder.getDenseI64ArrayAttr(starts),
      builder.getDenseI64ArrayAttr(steps));
  setMoved(op.getResult(), op.getInput(), sliced, input.order);
  return success();
}

LogicalResult Lowering::convertOp(nn::PadOp op) {
  if (op.getMode() != "constant" ||
      llvm::any_of(op.getPads(), [](int64_t pad) { return pad < 0; }))
    return refuse("DMA pads with a constant and does not crop");
  Stored input = stored(op.getInput());
  size_t rank = input.order.size();
  Shape pads, shape;
  for (unsigned end = 0; end < 2; ++end)
    for (int64_t dimension : input.order)
      pads.push_back(op.getPads()[end * rank + dimension]);
  for (int64_t dimension : input.order)
    shape.push_back(shapeOf(op.getResult())[dimension]);
  ActivationQuant in = *activationQuant(op.getInput());
  ActivationQuant out = *activationQuant(op.getResult());
  Value value = requantize(input.value, in, out);
  Value padded = accel::PadOp::create(
      builder, RankedTensorType::get(shape, elementType(out)), value,
      builder.getDenseI64ArrayAttr(pads),
      builder.getI32IntegerAttr(
          quantizeReal(op.getValue().convertToFloat(), out)));
  set(op.getResult(), padded, input.order);
  return success();
}

} // namespace accopt
