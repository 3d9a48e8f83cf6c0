//===- NNConstants.cpp - Reading and making constant tensors --------------===//

#include "dialects/NN/NNConstants.h"

#include "dialects/NN/NNMappedFiles.h"
#include "dialects/NN/NNShapeInference.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;
using namespace accopt::nn;

std::optional<RawElements> accopt::nn::readElements(Attribute attr) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  if (!elements)
    return std::nullopt;
  ShapedType type = elements.getShapedType();
  unsigned bits =
      type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 0;
  // As MLIR stores them: 4 bits take a byte.
  if (bits == 4)
    bits = 8;
  if (bits == 0 || bits % 8 != 0)
    return std::nullopt;
  std::optional<int64_t> count = checkedElementCount(type.getShape());
  if (!count)
    return std::nullopt;
  size_t size = *count * (bits / 8);
  if (auto dense = dyn_cast<DenseElementsAttr>(attr)) {
    bool splat = dense.isSplat();
    ArrayRef<char> bytes = dense.getRawData();
    if (bytes.size() < (splat ? bits / 8 : size))
      return std::nullopt;
    return RawElements{bytes, bits / 8, splat};
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(attr);
  if (!resource)
    return std::nullopt;
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  if (!blob || blob->getData().size() < size)
    return std::nullopt;
  countRead(attr.getContext(), size);
  return RawElements{blob->getData(), bits / 8, false};
}

std::optional<SmallVector<float>> accopt::nn::readFloats(Attribute attr,
                                                         int64_t limit) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  if (!elements || !elements.getElementType().isF32() ||
      elements.getNumElements() > limit)
    return std::nullopt;
  std::optional<RawElements> raw = readElements(attr);
  if (!raw)
    return std::nullopt;
  SmallVector<float> values(elements.getNumElements());
  if (values.empty())
    return values;
  if (raw->splat) {
    float value;
    std::memcpy(&value, raw->bytes.data(), sizeof(float));
    std::fill(values.begin(), values.end(), value);
    return values;
  }
  // The bytes may lie unaligned in a mapped file.
  std::memcpy(values.data(), raw->bytes.data(), values.size() * sizeof(float));
  return values;
}

std::optional<float> accopt::nn::readSplatFloat(Attribute attr) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  if (!elements || !elements.getElementType().isF32())
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(attr); dense && dense.isSplat())
    return dense.getSplatValue<float>();
  std::optional<SmallVector<float>> values = readFloats(attr);
  if (!values || values->empty() || !llvm::all_equal(*values))
    return std::nullopt;
  return values->front();
}

ElementsAttr accopt::nn::reshapeElements(ElementsAttr attr,
                                         ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, attr.getElementType());
  if (auto dense = dyn_cast<DenseElementsAttr>(attr))
    return dense.reshape(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return nullptr;
}

ElementsAttr accopt::nn::gatherElements(
    ShapedType like, ArrayRef<int64_t> shape,
    function_ref<ArrayRef<char>(ArrayRef<int64_t>)> source) {
  std::optional<int64_t> count = checkedElementCount(shape);
  if (!count || *count == 0 || *count > foldLimit)
    return nullptr;
  SmallVector<char> bytes;
  Shape position(shape.size(), 0);
  for (int64_t i = 0; i < *count; ++i) {
    ArrayRef<char> element = source(position);
    bytes.append(element.begin(), element.end());
    for (size_t d = shape.size(); d-- > 0;) {
      if (++position[d] < shape[d])
        break;
      position[d] = 0;
    }
  }
  return DenseElementsAttr::getFromRawBuffer(
      RankedTensorType::get(shape, like.getElementType()), bytes);
}

int64_t accopt::nn::linearIndex(ArrayRef<int64_t> shape,
                                ArrayRef<int64_t> position) {
  int64_t index = 0;
  for (auto [size, at] : llvm::zip(shape, position))
    index = index * size + at;
  return index;
}
