//===- TosaBuilder.cpp - Convenient building of TOSA ops ------------------===//

#include "accopt/Conversion/TosaBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;

namespace accopt {

ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Type getElementType(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

SmallVector<int64_t> broadcastShapes(ArrayRef<int64_t> lhs,
                                     ArrayRef<int64_t> rhs) {
  size_t rank = std::max(lhs.size(), rhs.size());
  SmallVector<int64_t> result(rank, 1);
  for (ArrayRef<int64_t> shape : {lhs, rhs})
    for (auto [index, size] : llvm::enumerate(shape))
      if (size != 1)
        result[rank - shape.size() + index] = size;
  return result;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value TosaBuilder::constant(ElementsAttr values) {
  auto type = RankedTensorType::get(values.getShapedType().getShape(),
                                    values.getElementType());
  return tosa::ConstOp::create(*this, type, values);
}

Value TosaBuilder::constantF32(Shape shape, ArrayRef<float> values) {
  return constant(
      DenseElementsAttr::get(tensorType(shape, getF32Type()), values));
}

Value TosaBuilder::constantI32(Shape shape, ArrayRef<int32_t> values) {
  return constant(
      DenseElementsAttr::get(tensorType(shape, getI32Type()), values));
}

Value TosaBuilder::constantI8(Shape shape, ArrayRef<int8_t> values) {
  return constant(
      DenseElementsAttr::get(tensorType(shape, getI8Type()), values));
}

Value TosaBuilder::splat(Shape shape, Type elementType, double value) {
  TypedAttr element;
  if (isa<FloatType>(elementType))
    element = getFloatAttr(elementType, value);
  else
    element = getIntegerAttr(elementType, static_cast<int64_t>(value));
  return constant(
      DenseElementsAttr::get(tensorType(shape, elementType), element));
}

Value TosaBuilder::scalarLike(Value like, double value) {
  SmallVector<int64_t> shape(getShape(like).size(), 1);
  return splat(shape, getElementType(like), value);
}

Value TosaBuilder::zeroPoint(Type elementType, int64_t value) {
  return splat({1}, elementType, static_cast<double>(value));
}

Value TosaBuilder::shapeOperand(Shape shape) {
  auto type =
      tosa::shapeType::get(getContext(), static_cast<int>(shape.size()));
  return tosa::ConstShapeOp::create(*this, type, getIndexTensorAttr(shape));
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

Value TosaBuilder::reshape(Value input, Shape shape) {
  if (getShape(input) == shape)
    return input;
  RankedTensorType type = tensorType(shape, getElementType(input));
  // Constants change their type alone where that costs nothing.
  if (auto constantOp = input.getDefiningOp<tosa::ConstOp>()) {
    if (auto splat = dyn_cast<SplatElementsAttr>(constantOp.getValues()))
      return constant(splat.resizeSplat(type));
    if (auto resource =
            dyn_cast<DenseResourceElementsAttr>(constantOp.getValues()))
      return constant(
          DenseResourceElementsAttr::get(type, resource.getRawHandle()));
  }
  return tosa::ReshapeOp::create(*this, type, input, shapeOperand(shape));
}

Value TosaBuilder::transpose(Value input, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> shape, moved;
  for (int64_t axis : perm) {
    shape.push_back(getShape(input)[axis]);
    if (shape.back() != 1)
      moved.push_back(axis);
  }
  // Where only dimensions of size one move, the order of elements stays.
  if (llvm::is_sorted(moved))
    return reshape(input, shape);
  if (auto constantOp = input.getDefiningOp<tosa::ConstOp>())
    if (isa<SplatElementsAttr>(constantOp.getValues()))
      return reshape(input, shape);
  SmallVector<int32_t> perms(perm.begin(), perm.end());
  return tosa::TransposeOp::create(*this,
                                   tensorType(shape, getElementType(input)),
                                   input, getDenseI32ArrayAttr(perms));
}

Value TosaBuilder::slice(Value input, Shape starts, Shape sizes) {
  if (getShape(input) == sizes)
    return input;
  return tosa::SliceOp::create(*this, tensorType(sizes, getElementType(input)),
                               input, shapeOperand(starts),
                               shapeOperand(sizes));
}

Value TosaBuilder::stridedSlice(Value input, Shape starts, Shape sizes,
                                Shape steps) {
  SmallVector<int64_t> forwardStarts(starts), forwardSteps(steps);
  for (auto [axis, size] : llvm::enumerate(getShape(input))) {
    if (steps[axis] > 0)
      continue;
    // Backwards from `start` is forwards in the reversed dimension.
    forwardStarts[axis] = size - 1 - starts[axis];
    forwardSteps[axis] = -steps[axis];
    input = reverse(input, static_cast<int64_t>(axis));
  }
  // A single element takes no step.
  for (auto [size, step] : llvm::zip_equal(sizes, forwardSteps))
    step = size == 1 ? 1 : step;
  if (llvm::all_of(forwardSteps, [](int64_t step) { return step == 1; }))
    return slice(input, forwardStarts, sizes);
  // TOSA's slice has no steps.
  auto attrs = [&](Shape values) {
    return llvm::map_to_vector(values, [&](int64_t value) -> OpFoldResult {
      return getIndexAttr(value);
    });
  };
  return tensor::ExtractSliceOp::create(
      *this, tensorType(sizes, getElementType(input)), input,
      attrs(forwardStarts), attrs(sizes), attrs(forwardSteps));
}

Value TosaBuilder::reverse(Value input, int64_t axis) {
  if (getShape(input)[axis] == 1)
    return input;
  return tosa::ReverseOp::create(*this, input.getType(), input,
                                 static_cast<uint32_t>(axis));
}

Value TosaBuilder::concat(ValueRange inputs, int64_t axis) {
  if (inputs.size() == 1)
    return inputs.front();
  SmallVector<int64_t> shape(getShape(inputs.front()));
  shape[axis] = 0;
  for (Value input : inputs)
    shape[axis] += getShape(input)[axis];
  return tosa::ConcatOp::create(
      *this, tensorType(shape, getElementType(inputs.front())), inputs,
      static_cast<uint32_t>(axis));
}

Value TosaBuilder::pad(Value input, Shape low, Shape high, double value) {
  // Crop first: what padding adds is never read back by a crop on that side.
  SmallVector<int64_t> starts, sizes, amounts, padded;
  for (auto [size, before, after] :
       llvm::zip_equal(getShape(input), low, high)) {
    starts.push_back(std::max<int64_t>(0, -before));
    sizes.push_back(std::min(size, size + after) - starts.back());
    amounts.push_back(std::max<int64_t>(0, before));
    amounts.push_back(std::max<int64_t>(0, after));
    padded.push_back(size + before + after);
  }
  // A crop of more than there is leaves the padding alone.
  if (llvm::any_of(sizes, [](int64_t size) { return size <= 0; }))
    return splat(padded, getElementType(input), value);
  Value cropped = slice(input, starts, sizes);
  if (getShape(cropped) == Shape(padded))
    return cropped;
  return tosa::PadOp::create(*this, tensorType(padded, getElementType(input)),
                             cropped, shapeOperand(amounts),
                             splat({1}, getElementType(input), value));
}

Value TosaBuilder::gather(Value input, int64_t axis,
                          ArrayRef<int64_t> indices) {
  Shape shape = getShape(input);
  int64_t outer = 1, inner = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  int64_t count = static_cast<int64_t>(indices.size());
  SmallVector<int32_t> row(indices.begin(), indices.end());
  Value rows = broadcastTo(constantI32({1, count}, row), {outer, count});
  Value values = reshape(input, {outer, shape[axis], inner});
  Value gathered = tosa::GatherOp::create(
      *this, tensorType({outer, count, inner}, getElementType(input)), values,
      rows);
  SmallVector<int64_t> result(shape);
  result[axis] = count;
  return reshape(gathered, result);
}

Value TosaBuilder::broadcastTo(Value input, Shape shape) {
  input = raiseRank(input, shape.size());
  SmallVector<int64_t> multiples;
  for (auto [from, to] : llvm::zip_equal(getShape(input), shape))
    multiples.push_back(from == to ? 1 : to);
  if (getShape(input) == shape)
    return input;
  return tosa::TileOp::create(*this, tensorType(shape, getElementType(input)),
                              input, shapeOperand(multiples));
}

//===----------------------------------------------------------------------===//
// Elementwise ops and reductions
//===----------------------------------------------------------------------===//

Value TosaBuilder::raiseRank(Value value, size_t rank) {
  SmallVector<int64_t> shape(rank - getShape(value).size(), 1);
  llvm::append_range(shape, getShape(value));
  return reshape(value, shape);
}

template <typename OpT> Value TosaBuilder::binary(Value lhs, Value rhs) {
  SmallVector<int64_t> shape = broadcastShapes(getShape(lhs), getShape(rhs));
  lhs = raiseRank(lhs, shape.size());
  rhs = raiseRank(rhs, shape.size());
  return OpT::create(*this, tensorType(shape, getElementType(lhs)), lhs, rhs);
}

Value TosaBuilder::add(Value lhs, Value rhs) {
  return binary<tosa::AddOp>(lhs, rhs);
}
Value TosaBuilder::sub(Value lhs, Value rhs) {
  return binary<tosa::SubOp>(lhs, rhs);
}
Value TosaBuilder::maximum(Value lhs, Value rhs) {
  return binary<tosa::MaximumOp>(lhs, rhs);
}
Value TosaBuilder::minimum(Value lhs, Value rhs) {
  return binary<tosa::MinimumOp>(lhs, rhs);
}

Value TosaBuilder::mul(Value lhs, Value rhs) {
  SmallVector<int64_t> shape = broadcastShapes(getShape(lhs), getShape(rhs));
  lhs = raiseRank(lhs, shape.size());
  rhs = raiseRank(rhs, shape.size());
  return tosa::MulOp::create(*this, tensorType(shape, getElementType(lhs)), lhs,
                             rhs, splat({1}, getI8Type(), 0));
}

Value TosaBuilder::div(Value lhs, Value rhs) {
  SmallVector<int64_t> shape = broadcastShapes(getShape(lhs), getShape(rhs));
  return elementwise(shape, getElementType(lhs), {lhs, rhs},
                     [](OpBuilder &builder, Location loc, ValueRange args) {
                       return arith::DivFOp::create(builder, loc, args[0],
                                                    args[1])
                           .getResult();
                     });
}

Value TosaBuilder::clamp(Value input, std::optional<float> low,
                         std::optional<float> high) {
  // tosa.clamp wants ordered bounds; ONNX's Clip gives the upper one where they
  // cross, as min(max(x, low), high) does.
  if (low && high && *low <= *high)
    return tosa::ClampOp::create(*this, input.getType(), input,
                                 getF32FloatAttr(*low), getF32FloatAttr(*high));
  if (low)
    input = maximum(input, scalarLike(input, *low));
  if (high)
    input = minimum(input, scalarLike(input, *high));
  return input;
}

Value TosaBuilder::cast(Value input, Type elementType) {
  if (getElementType(input) == elementType)
    return input;
  return tosa::CastOp::create(*this, tensorType(getShape(input), elementType),
                              input);
}

Value TosaBuilder::reduceSum(Value input, int64_t axis) {
  if (getShape(input)[axis] == 1)
    return input;
  return tosa::ReduceSumOp::create(*this, input, static_cast<uint32_t>(axis));
}

Value TosaBuilder::reduceMax(Value input, int64_t axis) {
  if (getShape(input)[axis] == 1)
    return input;
  return tosa::ReduceMaxOp::create(*this, input, static_cast<uint32_t>(axis));
}

Value TosaBuilder::rescale(Value input, ArrayRef<int32_t> multipliers,
                           ArrayRef<int8_t> shifts, int64_t inputZp,
                           int64_t outputZp, Type resultType) {
  auto count = static_cast<int64_t>(multipliers.size());
  return tosa::RescaleOp::create(
      *this, tensorType(getShape(input), resultType), input,
      constantI32({count}, multipliers), constantI8({count}, shifts),
      zeroPoint(getElementType(input), inputZp),
      zeroPoint(resultType, outputZp), /*scale32=*/true,
      tosa::RoundingMode::SINGLE_ROUND, /*per_channel=*/count > 1,
      /*input_unsigned=*/false, /*output_unsigned=*/false);
}

Value TosaBuilder::elementwise(
    Shape shape, Type resultType, ValueRange operands,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  auto rank = static_cast<unsigned>(shape.size());
  SmallVector<AffineMap> maps;
  for (Value operand : operands) {
    Shape sizes = getShape(operand);
    SmallVector<AffineExpr> indices;
    for (auto [index, size] : llvm::enumerate(sizes)) {
      auto dim = static_cast<unsigned>(rank - sizes.size() + index);
      indices.push_back(size == shape[dim] ? getAffineDimExpr(dim)
                                           : getAffineConstantExpr(0));
    }
    maps.push_back(AffineMap::get(rank, 0, indices, getContext()));
  }
  maps.push_back(getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value init = tensor::EmptyOp::create(*this, shape, resultType);
  return linalg::GenericOp::create(
             *this, tensorType(shape, resultType), operands, init, maps,
             iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               Value value = body(builder, loc, args.drop_back());
               linalg::YieldOp::create(builder, loc, value);
             })
      .getResult(0);
}

} // namespace accopt
