//===- RemapConstant.cpp - Weights in another arrangement -----------------===//

#include "RemapConstant.h"

#include "dialects/NN/NNConstants.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// The quantized type with one scale for each index of dimension 0, where
/// `type` has one for each of another; null where the map has none.
static quant::QuantizedType remapType(quant::QuantizedType type,
                                      const ConstantMap &map) {
  auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if (!perAxis)
    return type;
  SmallVector<double> scales;
  SmallVector<int64_t> zeroPoints;
  for (int64_t row = 0; row < map.shape[0]; ++row) {
    int64_t from = map.scale(perAxis.getQuantizedDimension(), row);
    if (from < 0)
      return nullptr;
    scales.push_back(perAxis.getScales()[from]);
    zeroPoints.push_back(perAxis.getZeroPoints()[from]);
  }
  return quant::UniformQuantizedPerAxisType::get(
      perAxis.getFlags(), perAxis.getStorageType(), perAxis.getExpressedType(),
      scales, zeroPoints, /*quantizedDimension=*/0, perAxis.getStorageTypeMin(),
      perAxis.getStorageTypeMax());
}

/// The integer that stands for zero in row `row`.
static int64_t zeroOf(Type element, int64_t row) {
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    return perAxis.getZeroPoints()[row];
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(element))
    return uniform.getZeroPoint();
  return 0;
}

/// The new elements; small ones become dense attributes, which print readably.
static ElementsAttr remapElements(const nn::RawElements &raw,
                                  RankedTensorType type, Type storage,
                                  const ConstantMap &map) {
  auto stored = RankedTensorType::get(type.getShape(), storage);
  SmallVector<char, 0> bytes(stored.getNumElements() * raw.width);
  Shape at(map.shape.size(), 0);
  bool hasZeros = false;
  for (char *out = bytes.data(), *end = out + bytes.size(); out != end;
       out += raw.width) {
    if (int64_t from = map.source(at); from >= 0) {
      llvm::copy(raw.element(from), out);
    } else {
      int64_t zero = zeroOf(type.getElementType(), at[0]);
      std::memcpy(out, &zero, raw.width);
      hasZeros = true;
    }
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < map.shape[d])
        break;
      at[d] = 0;
    }
  }
  // Networks that only have a price hold one value for all, and stay small.
  if (raw.splat && !hasZeros)
    return DenseElementsAttr::getFromRawBuffer(stored, raw.bytes);
  if (stored.getNumElements() <= 64)
    return DenseElementsAttr::getFromRawBuffer(stored, bytes);
  return DenseResourceElementsAttr::get(
      stored, "weights",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64,
                                                    /*dataIsMutable=*/false));
}

Value accopt::importer::remapConstant(NodeImporter &node, size_t i,
                                      StringRef what, const ConstantMap &map) {
  Value value = node.operand(i);
  if (!value)
    return nullptr;
  auto cast = value.getDefiningOp<quant::DequantizeCastOp>();
  auto constant =
      (cast ? cast.getInput() : value).getDefiningOp<nn::ConstantOp>();
  std::optional<nn::RawElements> raw =
      constant ? nn::readElements(constant.getValue()) : std::nullopt;
  if (!raw) {
    (void)node.error("expected constant " + what + ", got a computed value");
    return nullptr;
  }
  Type element = constant.getType().getElementType();
  if (auto quantized = dyn_cast<quant::QuantizedType>(element)) {
    element = remapType(quantized, map);
    if (!element) {
      (void)node.error("expected one scale per output channel of the " + what +
                       ", got scales along another dimension");
      return nullptr;
    }
  }
  auto type = RankedTensorType::get(map.shape, element);
  Type storage = constant.getValue().getElementType();
  Value result = node.finish(
      nn::ConstantOp::create(node.builder, constant.getLoc(), type,
                             remapElements(*raw, type, storage, map)));
  if (!result || !cast)
    return result;
  return node.finish(quant::DequantizeCastOp::create(
      node.builder, cast.getLoc(),
      RankedTensorType::get(map.shape, node.builder.getF32Type()), result));
}
