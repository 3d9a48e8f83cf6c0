//===- Layout.cpp - Values, orders of dimensions, constants ---------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNMath.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include "llvm/ADT/Sequence.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace accopt {

std::optional<ActivationQuant> activationQuant(Value value) {
  auto type = dyn_cast<quant::UniformQuantizedType>(
      cast<RankedTensorType>(value.getType()).getElementType());
  unsigned width = type ? type.getStorageTypeIntegralWidth() : 0;
  if ((width != 8 && width != 16) || !type.isSigned())
    return std::nullopt;
  return ActivationQuant{type.getScale(), int32_t(type.getZeroPoint()),
                         int32_t(type.getStorageTypeMin()),
                         int32_t(type.getStorageTypeMax()), width == 16};
}

RankedTensorType storedType(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto integer = dyn_cast<IntegerType>(type.getElementType());
  return integer ? type.clone(
                       IntegerType::get(value.getContext(), integer.getWidth()))
                 : type;
}

int32_t bitsOfRange(int64_t low, int64_t high) {
  int32_t bits = 2;
  while (bits < 16 && (low < -(int64_t(1) << (bits - 1)) ||
                       high >= int64_t(1) << (bits - 1)))
    ++bits;
  return bits;
}

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Shape identityOrder(size_t rank) {
  Shape order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Shape channelsLast(size_t rank) {
  Shape order = identityOrder(rank);
  if (rank > 2)
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}

ScaleFactor scaleOrTiny(double real) {
  llvm::Expected<ScaleFactor> factor = quantizeMultiplier(real);
  if (factor)
    return *factor;
  llvm::consumeError(factor.takeError());
  if (real < 1)
    return ScaleFactor{int32_t(kMinMultiplier), kMaxShift};
  return ScaleFactor{int32_t(kMaxMultiplier), kMinShift};
}

accel::ScaleAttr scaleAttr(MLIRContext *context, double real) {
  ScaleFactor factor = scaleOrTiny(real);
  return accel::ScaleAttr::get(context, factor.multiplier, factor.shift);
}

int32_t quantizeReal(double real, ActivationQuant quant) {
  double value = std::nearbyint(real / quant.scale) + quant.zeroPoint;
  return int32_t(std::clamp(value, double(quant.low), double(quant.high)));
}

/// Whether an op that reads `value`, moved or not, has a pole at zero.
static bool isReadAtPole(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp>(user))
      return isReadAtPole(user->getResult(0));
    if (auto quotient = dyn_cast<nn::DivOp>(user);
        quotient && quotient.getRhs() == value)
      return true;
    std::function<double(double)> function = nn::functionOf(user);
    return function && nn::functionOperand(user) == value &&
           !std::isfinite(function(0.0));
  });
}

ActivationQuant clamped(Value result, ActivationQuant quant,
                        std::optional<APFloat> low,
                        std::optional<APFloat> high) {
  ActivationQuant bounded = quant;
  auto excludesZero = [&](int32_t bound) {
    return bound == quant.zeroPoint && isReadAtPole(result);
  };
  if (low) {
    float real = low->convertToFloat();
    bounded.low = quantizeReal(real, quant);
    if (real > 0 && excludesZero(bounded.low))
      bounded.low = std::min(bounded.low + 1, quant.high);
  }
  if (high) {
    float real = high->convertToFloat();
    bounded.high = quantizeReal(real, quant);
    if (real < 0 && excludesZero(bounded.high))
      bounded.high = std::max(bounded.high - 1, quant.low);
  }
  return bounded;
}

Shape Shuffle::channels() const {
  // Strides, in the order stored, walked in the order of the model.
  Shape strides(sizes.size(), 1), extents, steps;
  for (size_t d = sizes.size(); d-- > 1;)
    strides[d - 1] = strides[d] * sizes[d];
  int64_t count = 1;
  for (int64_t d : perm) {
    extents.push_back(sizes[d]);
    steps.push_back(strides[d]);
    count *= sizes[d];
  }
  Shape result;
  for (int64_t c = 0; c < count; ++c) {
    int64_t rest = c, position = 0;
    for (size_t d = extents.size(); d-- > 0;) {
      position += rest % extents[d] * steps[d];
      rest /= extents[d];
    }
    result.push_back(position);
  }
  return result;
}

std::optional<Shuffle> Lowering::shuffleOf(Value value,
                                           ArrayRef<int64_t> order) const {
  const Stored &from = values.at(value);
  return from.shuffle && ArrayRef<int64_t>(from.order) == order ? from.shuffle
                                                                : std::nullopt;
}

Stored Lowering::stored(Value value) {
  auto it = values.find(value);
  assert(it != values.end() && "operands are converted before their users");
  Stored &from = it->second;
  if (!from.shuffle)
    return from;
  Shape shape(shapeOf(from.value)), split(shape), perm, moved;
  split.pop_back();
  moved = split;
  perm = identityOrder(split.size());
  for (int64_t d : from.shuffle->perm) {
    perm.push_back(int64_t(split.size()) + d);
    moved.push_back(from.shuffle->sizes[d]);
  }
  split.append(from.shuffle->sizes);
  Value transposed = accel::TransposeOp::create(
      builder,
      RankedTensorType::get(
          moved, cast<RankedTensorType>(from.value.getType()).getElementType()),
      reshape(from.value, split), builder.getDenseI64ArrayAttr(perm));
  from.value = reshape(transposed, shape);
  from.shuffle.reset();
  return from;
}

void Lowering::set(Value value, Value converted, ArrayRef<int64_t> order) {
  values[value] = Stored{converted, Shape(order)};
  mlir::Operation *producer = converted.getDefiningOp();
  if (!producer || isa<accel::ConstantOp>(producer) ||
      producer->getNumResults() != 1 || producer->hasAttr("accel.tensor"))
    return;
  StringRef name;
  if (auto node = value.getLoc()->findInstanceOf<NameLoc>())
    name = node.getName();
  producer->setDiscardableAttr("accel.tensor", describe(value, name, order));
}

Value Lowering::reshape(Value value, ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  return accel::ReshapeOp::create(
      builder, RankedTensorType::get(shape, type.getElementType()), value);
}

Value Lowering::reorder(Value value, ArrayRef<int64_t> from,
                        ArrayRef<int64_t> to) {
  if (from == to)
    return value;
  ArrayRef<int64_t> shape = shapeOf(value);
  Shape position(from.size());
  for (auto [i, dimension] : llvm::enumerate(from))
    position[dimension] = i;
  Shape perm, result, movedFrom, movedTo;
  for (int64_t dimension : to) {
    perm.push_back(position[dimension]);
    result.push_back(shape[position[dimension]]);
    if (result.back() != 1)
      movedTo.push_back(dimension);
  }
  for (auto [i, dimension] : llvm::enumerate(from))
    if (shape[i] != 1)
      movedFrom.push_back(dimension);
  if (movedFrom == movedTo)
    return reshape(value, result);

  auto type = RankedTensorType::get(
      result, cast<RankedTensorType>(value.getType()).getElementType());
  if (auto constant = value.getDefiningOp<accel::ConstantOp>()) {
    auto elements = nn::readElements(constant.getValue());
    SmallVector<int8_t> moved;
    // Wide constants are small: the machine moves them.
    if (!elements || elements->width != 1)
      return accel::TransposeOp::create(builder, type, value,
                                        builder.getDenseI64ArrayAttr(perm));
    int64_t count = type.getNumElements();
    moved.reserve(count);
    Shape index(result.size(), 0), source(result.size(), 0);
    for (int64_t i = 0; i < count; ++i) {
      for (size_t d = 0; d < perm.size(); ++d)
        source[perm[d]] = index[d];
      moved.push_back(
          int8_t(elements->element(nn::linearIndex(shape, source)).front()));
      for (size_t d = result.size(); d-- > 0;) {
        if (++index[d] < result[d])
          break;
        index[d] = 0;
      }
    }
    return constantI8(result, moved);
  }
  return accel::TransposeOp::create(builder, type, value,
                                    builder.getDenseI64ArrayAttr(perm));
}

Value Lowering::get(Value value, ArrayRef<int64_t> order) {
  Stored from = stored(value);
  return reorder(from.value, from.order, order);
}

Value Lowering::constantI8(ArrayRef<int64_t> shape, ArrayRef<int8_t> data) {
  auto type = RankedTensorType::get(shape, builder.getI8Type());
  // Folders of other dialects read the elements of small constants.
  if (data.size() <= 64)
    return accel::ConstantOp::create(
        builder, cast<ElementsAttr>(DenseElementsAttr::get(type, data)));
  auto blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(data);
  auto attr =
      DenseI8ResourceElementsAttr::get(type, "accel_constant", std::move(blob));
  return accel::ConstantOp::create(builder, cast<ElementsAttr>(attr));
}

Value Lowering::constantI8(
    ArrayRef<int64_t> shape,
    llvm::function_ref<void(MutableArrayRef<int8_t>)> fill) {
  auto type = RankedTensorType::get(shape, builder.getI8Type());
  size_t size = size_t(type.getNumElements());
  if (size <= 64) {
    SmallVector<int8_t> data(size);
    fill(data);
    return constantI8(shape, data);
  }
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(size, 64);
  fill({reinterpret_cast<int8_t *>(blob.getMutableData().data()), size});
  auto attr =
      DenseI8ResourceElementsAttr::get(type, "accel_constant", std::move(blob));
  return accel::ConstantOp::create(builder, cast<ElementsAttr>(attr));
}

Value Lowering::sharedI8(ArrayRef<int64_t> shape, nn::ConstantOp constant) {
  ElementsAttr elements = constant.getValue();
  if (!isa<DenseResourceElementsAttr, SplatElementsAttr>(elements) ||
      !elements.getElementType().isSignlessInteger(8))
    return {};
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
      uses && resource)
    uses->keep(resource);
  return accel::ConstantOp::create(builder,
                                   nn::reshapeElements(elements, shape));
}

Value Lowering::constantI16(ArrayRef<int64_t> shape, ArrayRef<int16_t> data) {
  auto type = RankedTensorType::get(shape, builder.getI16Type());
  return accel::ConstantOp::create(
      builder, cast<ElementsAttr>(DenseElementsAttr::get(type, data)));
}

Type Lowering::elementType(Value activation) {
  return elementType(*activationQuant(activation));
}

Value Lowering::constantI32(ArrayRef<int32_t> data) {
  auto type =
      RankedTensorType::get({int64_t(data.size())}, builder.getI32Type());
  return accel::ConstantOp::create(
      builder, cast<ElementsAttr>(DenseElementsAttr::get(type, data)));
}

Value Lowering::requantize(Value value, ActivationQuant from,
                           ActivationQuant to) {
  // Into a wider range of the same scale nothing changes.
  if (from.scale == to.scale && from.zeroPoint == to.zeroPoint &&
      from.low >= to.low && from.high <= to.high && from.isWide == to.isWide)
    return value;
  if (from.isWide || to.isWide)
    return rescale(value, from, to);
  SmallVector<int8_t> table;
  for (int32_t q : llvm::seq_inclusive(-128, 127))
    table.push_back(
        int8_t(quantizeReal((q - from.zeroPoint) * from.scale, to)));
  return accel::LookupOp::create(builder, value.getType(), value,
                                 builder.getDenseI8ArrayAttr(table));
}

Value Lowering::rescale(Value value, ActivationQuant from, ActivationQuant to) {
  ArrayRef<int64_t> shape = shapeOf(value);
  // An image stays one, for its neighbours' sake; else rows of pixels. The
  // vector unit takes 65535 of either.
  constexpr int64_t most = 65535;
  Shape image(shape);
  if (image.size() != 4 || image[1] > most || image[2] > most) {
    image = {1, 1, 1, shape.empty() ? 1 : shape.back()};
    size_t level = 2;
    for (int64_t size : llvm::reverse(shape.drop_back(!shape.empty()))) {
      while (level && image[level] * size > most)
        --level;
      image[level] *= size;
    }
  }
  Shape one = {1, 1}, none = {0, 0, 0, 0};
  ScaleFactor factor = scaleOrTiny(from.scale / to.scale);
  int32_t multiplier = factor.multiplier, shift = factor.shift;
  Value scaled = accel::AvgPoolOp::create(
      builder, RankedTensorType::get(image, elementType(to)),
      reshape(value, image), one, one, none, one, /*count_include_pad=*/true,
      from.zeroPoint, to.zeroPoint, ArrayRef(multiplier), ArrayRef(shift),
      to.low, to.high);
  return reshape(scaled, shape);
}

void Lowering::setMoved(Value result, Value input, Value value,
                        ArrayRef<int64_t> order) {
  set(result,
      requantize(value, *activationQuant(input), *activationQuant(result)),
      order);
}

} // namespace accopt
