//===- ImportQuantization.cpp - QuantizeLinear, DequantizeLinear ----------===//
//
// A model that brings its quantization keeps it: the two become casts of the
// quant dialect. The machine's integers are signed, so uint8 values and zero
// points move down by 128, which changes no real value.
//
//===----------------------------------------------------------------------===//

#include "OpTable.h"
#include "QuantizedValues.h"
#include "dialects/NN/NNConstants.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// The quantized element type for storage `storage` (i8, ui8 or i32, as ONNX
/// has it), a tensor of `shape` and the node's inputs of scale and zero point.
/// Null and an error where the node asks for another kind of quantization.
static Type readQuantizedType(NodeImporter &node, Type storage,
                              ArrayRef<int64_t> shape, const Quantizer &from) {
  auto fail = [&](const Twine &message) {
    (void)node.error(message);
    return Type();
  };
  Builder &builder = node.builder;
  bool isUnsigned = storage.isUnsignedInteger(8);
  if (!isUnsigned && !storage.isSignlessInteger(8) &&
      !storage.isSignlessInteger(32)) {
    std::string text;
    llvm::raw_string_ostream(text) << storage;
    return fail("expected int8, uint8 or int32 as quantized type, got " + text);
  }
  if (node.intAttr("block_size", 0) != 0)
    return fail("expected per-tensor or per-axis quantization, got blocks");
  std::optional<HostTensor> scale = node.host(from.scale, "scale");
  if (!scale)
    return nullptr;
  if (!scale->isFloat() || scale->rank() > 1 || scale->size() == 0)
    return fail("expected a float scalar or vector as scale");
  SmallVector<int64_t> zeroPoints(scale->size(), 0);
  if (node.hasInput(from.zeroPoint)) {
    std::optional<HostTensor> given = node.host(from.zeroPoint, "zero_point");
    if (!given)
      return nullptr;
    if (given->isFloat() || given->size() != scale->size())
      return fail("expected as many integer zero points as scales");
    zeroPoints.assign(given->ints.begin(), given->ints.end());
  }
  if (isUnsigned)
    for (int64_t &zeroPoint : zeroPoints)
      zeroPoint -= 128;
  SmallVector<double> scales(scale->floats.begin(), scale->floats.end());
  for (double value : scales)
    if (!(value > 0.0) || !std::isfinite(value))
      return fail("expected finite scales above zero, got " +
                  std::to_string(value));

  unsigned width = storage.getIntOrFloatBitWidth();
  Type signedStorage = builder.getIntegerType(width);
  int64_t low = quant::QuantizedType::getDefaultMinimumForInteger(true, width);
  int64_t high = quant::QuantizedType::getDefaultMaximumForInteger(true, width);
  if (scales.size() == 1)
    return quant::UniformQuantizedType::get(
        quant::QuantizationFlags::Signed, signedStorage, builder.getF32Type(),
        scales[0], zeroPoints[0], low, high);
  std::optional<int64_t> axis = node.axis(from.axis, shape.size());
  if (!axis)
    return nullptr;
  if (shape[*axis] != static_cast<int64_t>(scales.size()))
    return fail("expected one scale for each of " + Twine(shape[*axis]) +
                " slices, got " + Twine(scales.size()));
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, signedStorage, builder.getF32Type(),
      scales, zeroPoints, static_cast<int32_t>(*axis), low, high);
}

/// uint8 values minus 128, as int8.
static ElementsAttr toSigned(ElementsAttr attr) {
  std::optional<nn::RawElements> raw = nn::readElements(attr);
  if (!raw)
    return nullptr;
  auto type = RankedTensorType::get(attr.getShapedType().getShape(),
                                    IntegerType::get(attr.getContext(), 8));
  auto flip = [](char value) { return static_cast<char>(value ^ 0x80); };
  if (raw->splat)
    return DenseElementsAttr::getFromRawBuffer(type, flip(raw->bytes[0]));
  SmallVector<char, 0> bytes(type.getNumElements());
  llvm::transform(raw->bytes.take_front(bytes.size()), bytes.begin(), flip);
  if (!isa<DenseResourceElementsAttr>(attr))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(
      type, "weights",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64,
                                                    /*dataIsMutable=*/false));
}

Value accopt::importer::quantize(NodeImporter &node, Value input,
                                 const Quantizer &by, Type storage) {
  if (!input)
    return nullptr;
  if (node.hasInput(by.zeroPoint))
    storage = node.inputs[by.zeroPoint]->type().getElementType();
  if (storage.isSignlessInteger(32)) {
    (void)node.error("expected int8 or uint8 as quantized type, got int32");
    return nullptr;
  }
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  Type quantized = readQuantizedType(node, storage, shape, by);
  if (!quantized)
    return nullptr;
  return node.finish(quant::QuantizeCastOp::create(
      node.builder, node.loc, RankedTensorType::get(shape, quantized), input));
}

/// A constant of integers as a quantized constant.
static Value quantizedConstant(NodeImporter &node, size_t i,
                               const Quantizer &by) {
  Entry &entry = *node.inputs[i];
  Type element = entry.type().getElementType();
  Type quantized = readQuantizedType(node, element, node.shape(i), by);
  if (!quantized)
    return nullptr;
  ElementsAttr value =
      element.isUnsignedInteger(8) ? toSigned(entry.constant) : entry.constant;
  return node.finish(nn::ConstantOp::create(
      node.builder, node.loc, RankedTensorType::get(node.shape(i), quantized),
      value));
}

/// Whether the node means by input i what the cast that made it meant. Without
/// a zero point both types of eight bits are possible, and zero in both.
static LogicalResult checkQuantizer(NodeImporter &node, size_t i,
                                    const Quantizer &by) {
  Type element = node.inputs[i]->type().getElementType();
  if (!isa<quant::QuantizedType>(element))
    return node.error("expected a quantized input " + Twine(i) +
                      ", got floats");
  Type given = node.hasInput(by.zeroPoint)
                   ? node.inputs[by.zeroPoint]->type().getElementType()
                   : nullptr;
  for (bool isSigned : {false, true}) {
    Type storage = given ? given
                         : IntegerType::get(element.getContext(), 8,
                                            isSigned ? IntegerType::Signless
                                                     : IntegerType::Unsigned);
    Type quantized = readQuantizedType(node, storage, node.shape(i), by);
    if (!quantized)
      return failure();
    if (quantized == element)
      return success();
  }
  return node.error("expected the scale and zero point of the "
                    "QuantizeLinear before, got others");
}

Value accopt::importer::dequantize(NodeImporter &node, size_t i,
                                   const Quantizer &by) {
  if (!node.hasInput(i)) {
    (void)node.error("expected input " + Twine(i) + ", got none");
    return nullptr;
  }
  Value input = node.inputs[i]->value;
  if (node.inputs[i]->constant)
    input = quantizedConstant(node, i, by);
  else if (failed(checkQuantizer(node, i, by)))
    return nullptr;
  if (!input)
    return nullptr;
  auto type = RankedTensorType::get(node.shape(i), node.builder.getF32Type());
  return node.finish(
      quant::DequantizeCastOp::create(node.builder, node.loc, type, input));
}

LogicalResult accopt::importer::importQuantize(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  Type storage = node.builder.getIntegerType(8, /*isSigned=*/false);
  int64_t wanted = node.intAttr("output_dtype", 0);
  if (wanted == onnx::TensorProto::INT8)
    storage = node.builder.getIntegerType(8);
  else if (wanted != 0 && wanted != onnx::TensorProto::UINT8 &&
           !node.hasInput(2))
    return node.error("expected int8 or uint8 as output_dtype, got another");
  return node.setOutput(
      0, quantize(node, input, {1, 2, node.intAttr("axis", 1)}, storage));
}

LogicalResult accopt::importer::importDequantize(NodeImporter &node) {
  return node.setOutput(0,
                        dequantize(node, 0, {1, 2, node.intAttr("axis", 1)}));
}
