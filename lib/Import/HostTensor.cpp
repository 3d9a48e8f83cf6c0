//===- HostTensor.cpp - Small constants of the importer -------------------===//

#include "HostTensor.h"

#include "dialects/NN/NNConstants.h"

#include <cstring>

using namespace mlir;
using namespace accopt::importer;

HostTensor HostTensor::ofInts(Type type, ArrayRef<int64_t> shape,
                              ArrayRef<int64_t> values) {
  HostTensor tensor;
  tensor.type = type;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.ints.assign(values.begin(), values.end());
  return tensor;
}

HostTensor HostTensor::gather(ArrayRef<int64_t> newShape,
                              ArrayRef<int64_t> source) const {
  HostTensor tensor;
  tensor.type = type;
  tensor.shape.assign(newShape.begin(), newShape.end());
  for (int64_t index : source) {
    if (isFloat())
      tensor.floats.push_back(floats[index]);
    else
      tensor.ints.push_back(ints[index]);
  }
  return tensor;
}

std::optional<HostTensor> accopt::importer::toHost(ElementsAttr attr,
                                                   int64_t limit) {
  HostTensor tensor;
  ShapedType type = attr.getShapedType();
  tensor.type = type.getElementType();
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  std::optional<int64_t> count = nn::checkedElementCount(tensor.shape);
  if (!count || *count > limit)
    return std::nullopt;
  if (tensor.isFloat()) {
    std::optional<SmallVector<float>> values = nn::readFloats(attr, limit);
    if (!values)
      return std::nullopt;
    tensor.floats.assign(values->begin(), values->end());
    return tensor;
  }
  auto integer = dyn_cast<IntegerType>(tensor.type);
  if (!integer || integer.getWidth() > 64)
    return std::nullopt;
  if (auto dense = dyn_cast<DenseIntElementsAttr>(attr)) {
    for (APInt value : dense.getValues<APInt>())
      tensor.ints.push_back(integer.isUnsigned() || integer.getWidth() == 1
                                ? value.getZExtValue()
                                : value.getSExtValue());
    return tensor;
  }
  std::optional<nn::RawElements> raw = nn::readElements(attr);
  if (!raw)
    return std::nullopt;
  unsigned bits = integer.getWidth();
  for (int64_t i = 0; i < *count; ++i) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, raw->element(i).data(), raw->width);
    tensor.ints.push_back(integer.isUnsigned() || bits == 64
                              ? static_cast<int64_t>(bytes)
                              : llvm::SignExtend64(bytes, bits));
  }
  return tensor;
}

DenseElementsAttr accopt::importer::toAttribute(const HostTensor &tensor) {
  auto type = RankedTensorType::get(tensor.shape, tensor.type);
  if (tensor.isFloat())
    return DenseElementsAttr::get(type, ArrayRef<float>(tensor.floats));
  unsigned width = cast<IntegerType>(tensor.type).getWidth();
  SmallVector<APInt> values;
  values.reserve(tensor.ints.size());
  for (int64_t value : tensor.ints)
    values.emplace_back(width, static_cast<uint64_t>(value), /*isSigned=*/false,
                        /*implicitTrunc=*/true);
  return DenseElementsAttr::get(type, values);
}
