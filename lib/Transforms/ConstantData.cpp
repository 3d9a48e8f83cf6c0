//===- ConstantData.cpp - Elements of constants ---------------------------===//

#include "ConstantData.h"

#include "accopt/Transforms/Ranges.h"
#include "dialects/NN/NNConstants.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/AsmState.h"

#include <cstring>

using namespace mlir;
using namespace accopt;

/// Constants of at most this many bytes become dense attributes.
static constexpr size_t maxInlineBytes = 1024;

/// Vector loads of float data are aligned to this.
static constexpr size_t blobAlignment = 64;

std::optional<ConstantBytes> ConstantBytes::get(ElementsAttr attr) {
  std::optional<nn::RawElements> raw = nn::readElements(attr);
  if (!raw)
    return std::nullopt;
  ConstantBytes result;
  result.width = raw->width;
  result.count = attr.getNumElements();
  result.isSplat = raw->splat && result.count > 1;
  result.borrowed = raw->bytes.take_front(
      result.isSplat ? raw->width : result.count * raw->width);
  auto address = reinterpret_cast<uintptr_t>(result.borrowed.data());
  result.needsCopy = result.isSplat || address % raw->width != 0;
  return result;
}

ConstantBytes ConstantBytes::own(std::vector<char> bytes, unsigned width) {
  ConstantBytes result;
  result.width = width;
  result.count = bytes.size() / width;
  result.needsCopy = true;
  result.copied = std::move(bytes);
  return result;
}

void ConstantBytes::copyTo(size_t first, size_t size, void *out) const {
  char *to = static_cast<char *>(out);
  if (!isSplat) {
    std::memcpy(to, borrowed.data() + first * width, size * width);
    return;
  }
  for (size_t i = 0; i < size * width; i += width)
    std::memcpy(to + i, borrowed.data(), width);
}

ArrayRef<char> ConstantBytes::data() const {
  if (!needsCopy)
    return borrowed;
  if (copied.empty()) {
    copied.resize(count * width);
    copyTo(0, count, copied.data());
  }
  return copied;
}

std::optional<ConstantFloats> ConstantFloats::get(Value value) {
  if (!value || !isFloatConstant(value))
    return std::nullopt;
  ElementsAttr attr = value.getDefiningOp<nn::ConstantOp>().getValue();
  std::optional<ConstantBytes> bytes = ConstantBytes::get(attr);
  if (!bytes)
    return std::nullopt;
  ConstantFloats result;
  result.bytes = std::move(*bytes);
  return result;
}

/// Scale, zero point and how many neighbours share them, for each element.
static std::vector<char> dequantize(ArrayRef<char> bytes, unsigned width,
                                    RankedTensorType type) {
  auto element = llvm::cast<quant::QuantizedType>(type.getElementType());
  SmallVector<double> scales{1.0};
  SmallVector<int64_t> zeroPoints{0};
  int64_t inner = 1;
  if (auto q = llvm::dyn_cast<quant::UniformQuantizedType>(element)) {
    scales = {q.getScale()};
    zeroPoints = {q.getZeroPoint()};
  } else if (auto q =
                 llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    scales.assign(q.getScales().begin(), q.getScales().end());
    zeroPoints.assign(q.getZeroPoints().begin(), q.getZeroPoints().end());
    for (int64_t size :
         type.getShape().drop_front(q.getQuantizedDimension() + 1))
      inner *= size;
  }
  int64_t count = type.getNumElements();
  std::vector<char> result(count * sizeof(float));
  auto *out = reinterpret_cast<float *>(result.data());
  for (int64_t i = 0; i < count; ++i) {
    int64_t channel = i / inner % int64_t(scales.size());
    uint32_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * width, width);
    int64_t value = llvm::SignExtend64(bits, width * 8);
    out[i] = float(double(value - zeroPoints[channel]) * scales[channel]);
  }
  return result;
}

std::optional<ConstantFloats> accopt::readDequantized(Value value) {
  if (!value)
    return std::nullopt;
  auto cast = value.getDefiningOp<quant::DequantizeCastOp>();
  if (!cast)
    return ConstantFloats::get(value);
  auto constant = cast.getInput().getDefiningOp<nn::ConstantOp>();
  if (!constant)
    return std::nullopt;
  std::optional<ConstantBytes> bytes = ConstantBytes::get(constant.getValue());
  unsigned width =
      constant.getValue().getElementType().getIntOrFloatBitWidth() / 8;
  if (!bytes || width > sizeof(uint32_t))
    return std::nullopt;
  ConstantFloats result;
  result.bytes = ConstantBytes::own(
      dequantize(bytes->data(), width, constant.getType()), sizeof(float));
  return result;
}

bool accopt::isConstantLike(Value value) {
  if (auto cast = value.getDefiningOp<quant::DequantizeCastOp>())
    value = cast.getInput();
  return value.getDefiningOp<nn::ConstantOp>() != nullptr;
}

bool accopt::isFloatConstant(Value value) {
  auto constant = value.getDefiningOp<nn::ConstantOp>();
  return constant && constant.getValue().getElementType().isF32() &&
         llvm::cast<ShapedType>(value.getType()).getElementType().isF32();
}

Value accopt::createRawConstant(
    OpBuilder &builder, Location loc, RankedTensorType type,
    llvm::function_ref<void(MutableArrayRef<char>)> fill) {
  RankedTensorType storage = type;
  if (auto quantized =
          llvm::dyn_cast<quant::QuantizedType>(type.getElementType()))
    storage = type.clone(quantized.getStorageType());
  size_t elementBytes =
      llvm::divideCeil(storage.getElementType().getIntOrFloatBitWidth(), 8);
  size_t size = storage.getNumElements() * elementBytes;

  ElementsAttr attr;
  if (size <= maxInlineBytes) {
    alignas(blobAlignment) char buffer[maxInlineBytes];
    MutableArrayRef<char> bytes(buffer, size);
    fill(bytes);
    attr = DenseElementsAttr::getFromRawBuffer(storage, bytes);
  } else {
    AsmResourceBlob blob = HeapAsmResourceBlob::allocate(size, blobAlignment);
    fill(blob.getMutableData());
    std::string name = getNodeName(loc);
    attr = DenseResourceElementsAttr::get(
        storage, name.empty() ? "constant" : name, std::move(blob));
  }
  return nn::ConstantOp::create(builder, loc, type, attr);
}

template <typename T>
Value accopt::createConstant(
    OpBuilder &builder, Location loc, RankedTensorType type,
    llvm::function_ref<void(MutableArrayRef<T>)> fill) {
  return createRawConstant(
      builder, loc, type, [&](MutableArrayRef<char> bytes) {
        fill({reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T)});
      });
}

template Value
accopt::createConstant<float>(OpBuilder &, Location, RankedTensorType,
                              llvm::function_ref<void(MutableArrayRef<float>)>);
template Value accopt::createConstant<int8_t>(
    OpBuilder &, Location, RankedTensorType,
    llvm::function_ref<void(MutableArrayRef<int8_t>)>);
template Value accopt::createConstant<int16_t>(
    OpBuilder &, Location, RankedTensorType,
    llvm::function_ref<void(MutableArrayRef<int16_t>)>);
template Value accopt::createConstant<int32_t>(
    OpBuilder &, Location, RankedTensorType,
    llvm::function_ref<void(MutableArrayRef<int32_t>)>);
