//===- ImportQuantization.cpp - QuantizeLinear, DequantizeLinear ----------===//
//
// A model that brings its quantization keeps it: the two become casts of the
// quant dialect. The machine's integers are signed, so values and zero points
// of b unsigned bits move down by 2^(b-1), which changes no real value.
// Constants of 4 bits keep their integers, in int8; those that the types here
// cannot say (16 bits, blocks) become the floats that they stand for.
//
//===----------------------------------------------------------------------===//

#include "IntegerValues.h"
#include "OpTable.h"
#include "QuantizedValues.h"
#include "TensorReader.h"
#include "dialects/NN/NNConstants.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// The quantized element type for storage `storage` (of 4, 8, 16 or 32 bits, as
/// ONNX has it), a tensor of `shape` and the node's inputs of scale and zero
/// point. Null and an error where the node asks for another kind of
/// quantization.
static Type readQuantizedType(NodeImporter &node, Type storage,
                              ArrayRef<int64_t> shape, const Quantizer &from) {
  auto fail = [&](const Twine &message) {
    (void)node.error(message);
    return Type();
  };
  Builder &builder = node.builder;
  auto integer = dyn_cast<IntegerType>(storage);
  unsigned width = integer ? integer.getWidth() : 0;
  if (!llvm::is_contained({4u, 8u, 16u, 32u}, width) ||
      (width == 32 && integer.isUnsigned())) {
    std::string text;
    llvm::raw_string_ostream(text) << storage;
    return fail("expected integers of 4, 8 or 16 bits or int32 as quantized "
                "type, got " +
                text);
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
  if (integer.isUnsigned())
    for (int64_t &zeroPoint : zeroPoints)
      zeroPoint -= int64_t(1) << (width - 1);
  SmallVector<double> scales(scale->floats.begin(), scale->floats.end());
  for (double value : scales)
    if (!(value > 0.0) || !std::isfinite(value))
      return fail("expected finite scales above zero, got " +
                  std::to_string(value));

  width = std::max(width, 8u);
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

/// Values of 4 or 8 bits as int8, those of unsigned types moved down.
static ElementsAttr toSigned(ElementsAttr attr) {
  auto from = cast<IntegerType>(attr.getElementType());
  if (from.isSignlessInteger(8))
    return attr;
  std::optional<nn::RawElements> raw = nn::readElements(attr);
  if (!raw)
    return nullptr;
  auto type = RankedTensorType::get(attr.getShapedType().getShape(),
                                    IntegerType::get(attr.getContext(), 8));
  auto half = uint8_t(1u << (from.getWidth() - 1));
  // Both are one to one modulo 2^b; for int4 it is the extension of the sign.
  auto move = [&](char byte) {
    uint8_t moved = from.isUnsigned() ? uint8_t(byte) : uint8_t(byte) ^ half;
    return char(moved - half);
  };
  if (raw->splat)
    return DenseElementsAttr::getFromRawBuffer(type, move(raw->bytes[0]));
  SmallVector<char, 0> bytes(type.getNumElements());
  llvm::transform(raw->bytes.take_front(bytes.size()), bytes.begin(), move);
  if (!isa<DenseResourceElementsAttr>(attr))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(
      type, "weights",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64,
                                                    /*dataIsMutable=*/false));
}

/// Whether all elements of `value` come, unchanged, out of casts from `type`.
static bool isMovedFrom(Value value, quant::UniformQuantizedType type,
                        unsigned depth = 8) {
  Operation *op = value.getDefiningOp();
  if (auto cast = dyn_cast_or_null<quant::DequantizeCastOp>(op))
    return getElementTypeOrSelf(cast.getInput()) == type;
  return depth > 0 &&
         isa_and_nonnull<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp,
                         nn::ConcatOp, nn::MaxPoolOp>(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isMovedFrom(operand, type, depth - 1);
         });
}

/// Wide activations have no zero point (QuantizeAnalysis): the machine's type
/// reaches as far to both sides. Where the file's ends earlier an op says so,
/// as quantizers drop a relu or clip that the cast's saturation does as well.
static Value saturate(NodeImporter &node, Value input,
                      quant::UniformQuantizedType type) {
  int64_t zero = type.getZeroPoint();
  if (type.getStorageTypeIntegralWidth() <= 8 || zero == 0 ||
      isMovedFrom(input, type))
    return input;
  auto real = [&](int64_t q) {
    return node.f32(float(type.getScale() * double(q - zero)));
  };
  return node.finish(nn::ClipOp::create(node.builder, node.loc, input.getType(),
                                        input, real(type.getStorageTypeMin()),
                                        real(type.getStorageTypeMax())));
}

static Value toFloat(NodeImporter &node, Value value) {
  return emitCast(node, value, node.builder.getF32Type());
}

/// A scale or zero point of blocks along `axis`, one value for each element of
/// a tensor of `shape`.
static Value repeatBlocks(NodeImporter &node, Value value, int64_t axis,
                          ArrayRef<int64_t> shape) {
  Shape blocks(cast<RankedTensorType>(value.getType()).getShape());
  int64_t size = node.intAttr("block_size", 0);
  Shape needed(shape);
  if (size > 0)
    needed[axis] = llvm::divideCeil(shape[axis], size);
  if (size < 1 || blocks != needed) {
    (void)node.error("expected a block_size and one scale for each block");
    return nullptr;
  }
  Shape split(blocks), all(blocks);
  split.insert(split.begin() + axis + 1, 1);
  Shape repeated(split);
  repeated[axis + 1] = size;
  all[axis] *= size;
  value = node.reshape(value, split);
  value = value
              ? node.finish(nn::ExpandOp::create(
                    node.builder, node.loc,
                    RankedTensorType::get(repeated, node.builder.getF32Type()),
                    value))
              : nullptr;
  value = node.reshape(value, all);
  if (!value || all[axis] == shape[axis])
    return value;
  return node.emit<nn::SliceOp>(value, node.array(Shape(shape.size(), 0)),
                                node.array(shape),
                                node.array(Shape(shape.size(), 1)));
}

/// Input `parameter`, a scale or zero point, as floats that broadcast to a
/// tensor of `shape`: one for all, for each slice of an axis or for each block.
static Value alignedParameter(NodeImporter &node, size_t parameter,
                              const Quantizer &by, ArrayRef<int64_t> shape) {
  Value value = node.hasInput(parameter)
                    ? toFloat(node, emitIntegers(node, *node.inputs[parameter]))
                    : nullptr;
  if (node.hasInput(parameter) && node.inputs[parameter]->constant)
    value = toFloat(node, node.number(parameter));
  if (!value || node.rank(parameter) == 0)
    return value;
  auto rank = static_cast<int64_t>(shape.size());
  int64_t count = node.shape(parameter)[0];
  if (node.rank(parameter) == 1 && count == 1)
    return node.reshape(value, {});
  std::optional<int64_t> axis = node.axis(by.axis, rank);
  if (!axis)
    return nullptr;
  if (node.rank(parameter) == rank && node.intAttr("block_size", 0) != 0)
    return repeatBlocks(node, value, *axis, shape);
  if (node.rank(parameter) != 1 || shape[*axis] != count) {
    (void)node.error("expected one scale, one for each of " +
                     Twine(shape[*axis]) + " slices or one for each block");
    return nullptr;
  }
  Shape broadcast(rank, 1);
  broadcast[*axis] = count;
  return node.reshape(value, broadcast);
}

/// `input` in integers of `storage`, by a scale or zero point that the network
/// computes or that holds for blocks.
static Value quantizeNumbers(NodeImporter &node, Value input,
                             const Quantizer &by, IntegerType storage) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  Value scale = alignedParameter(node, by.scale, by, shape);
  Value zero = node.hasInput(by.zeroPoint)
                   ? alignedParameter(node, by.zeroPoint, by, shape)
                   : node.constant({}, {0.0f});
  return scale && zero ? emitQuantized(node, input, scale, zero, storage)
                       : nullptr;
}

/// Whether scale and zero point are those of a quantized type.
static bool isStatic(NodeImporter &node, const Quantizer &by) {
  return node.hasInput(by.scale) && node.inputs[by.scale]->constant &&
         (!node.hasInput(by.zeroPoint) ||
          node.inputs[by.zeroPoint]->constant) &&
         node.intAttr("block_size", 0) == 0;
}

LogicalResult accopt::importer::setQuantized(NodeImporter &node, Value value,
                                             const Quantizer &by,
                                             Type storage) {
  if (!value)
    return failure();
  if (node.hasInput(by.zeroPoint))
    storage = node.inputs[by.zeroPoint]->type().getElementType();
  unsigned width = storage.getIntOrFloatBitWidth();
  if (!isa<IntegerType>(storage) || (width != 8 && width != 16))
    return node.error("expected integers of 8 or 16 bits as quantized type, "
                      "got " +
                      Twine(isa<IntegerType>(storage) ? "integers" : "floats") +
                      " of " + Twine(width));
  if (!isStatic(node, by))
    return node.setOutput(
        0, quantizeNumbers(node, value, by, cast<IntegerType>(storage)));
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  Type quantized = readQuantizedType(node, storage, shape, by);
  if (!quantized)
    return failure();
  if (auto perTensor = dyn_cast<quant::UniformQuantizedType>(quantized))
    value = saturate(node, value, perTensor);
  if (!value)
    return failure();
  node.outputs[0].integers = storage;
  return node.setOutput(0,
                        node.finish(quant::QuantizeCastOp::create(
                            node.builder, node.loc,
                            RankedTensorType::get(shape, quantized), value)));
}

/// What the constant integers of input i stand for.
static Value dequantizedConstant(NodeImporter &node, size_t i,
                                 const Quantizer &by) {
  Entry &entry = *node.inputs[i];
  Type element = entry.type().getElementType();
  if (element.isInteger(16) || node.intAttr("block_size", 0) != 0) {
    ElementsAttr floats = dequantizeElements(node, i, by);
    return floats ? node.constant(floats) : nullptr;
  }
  Type quantized = readQuantizedType(node, element, node.shape(i), by);
  if (!quantized)
    return nullptr;
  ElementsAttr value = element.getIntOrFloatBitWidth() <= 8
                           ? toSigned(entry.constant)
                           : entry.constant;
  if (!value) {
    (void)node.error("expected a constant with its data");
    return nullptr;
  }
  Value constant = node.finish(nn::ConstantOp::create(
      node.builder, node.loc, RankedTensorType::get(node.shape(i), quantized),
      value));
  if (!constant)
    return nullptr;
  return node.finish(quant::DequantizeCastOp::create(
      node.builder, node.loc,
      RankedTensorType::get(node.shape(i), node.builder.getF32Type()),
      constant));
}

/// (x - zero point) * scale of integers that no QuantizeLinear made by these:
/// inputs of the model, rows that a Gather took from a table.
static Value dequantizeNumbers(NodeImporter &node, Value input,
                               const Quantizer &by) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(input.getType()).getShape();
  Value real = toFloat(node, input);
  if (real && node.hasInput(by.zeroPoint))
    real = emitArithmetic(node, "Sub", real,
                          alignedParameter(node, by.zeroPoint, by, shape));
  return real ? emitArithmetic(node, "Mul", real,
                               alignedParameter(node, by.scale, by, shape))
              : nullptr;
}

/// Whether the node means by input i, a quantized tensor, what the cast that
/// made it meant. Without a zero point the file's type says whether zero is.
static FailureOr<bool> isMadeBy(NodeImporter &node, size_t i,
                                const Quantizer &by) {
  if (!isStatic(node, by))
    return false;
  Entry &entry = *node.inputs[i];
  Type storage = node.hasInput(by.zeroPoint)
                     ? node.inputs[by.zeroPoint]->type().getElementType()
                     : entry.integers;
  Type quantized = readQuantizedType(node, storage, node.shape(i), by);
  if (!quantized)
    return failure();
  return quantized == entry.type().getElementType();
}

Value accopt::importer::dequantize(NodeImporter &node, size_t i,
                                   const Quantizer &by) {
  if (!node.hasInput(i)) {
    (void)node.error("expected input " + Twine(i) + ", got none");
    return nullptr;
  }
  Entry &entry = *node.inputs[i];
  if (entry.constant) {
    bool isBlocked = node.intAttr("block_size", 0) != 0;
    return isBlocked || isStatic(node, by)
               ? dequantizedConstant(node, i, by)
               : dequantizeNumbers(node, node.number(i), by);
  }
  Type element = entry.type().getElementType();
  if (isa<quant::QuantizedType>(element)) {
    assert(entry.integers && "a quantized tensor has a type in the file");
    FailureOr<bool> isMade = isMadeBy(node, i, by);
    if (failed(isMade))
      return nullptr;
    if (*isMade)
      return node.finish(quant::DequantizeCastOp::create(
          node.builder, node.loc,
          RankedTensorType::get(node.shape(i), node.builder.getF32Type()),
          entry.value));
    Value integers = emitIntegers(node, entry);
    return integers ? dequantizeNumbers(node, integers, by) : nullptr;
  }
  if (!isa<IntegerType>(element) && !entry.integers) {
    (void)node.error("expected integers as input " + Twine(i) + ", got floats");
    return nullptr;
  }
  return dequantizeNumbers(node, entry.value, by);
}

LogicalResult accopt::importer::importQuantize(NodeImporter &node) {
  Value input = toFloat(node, node.number(0));
  if (!input)
    return failure();
  int64_t wanted = node.intAttr("output_dtype", onnx::TensorProto::UNDEFINED);
  if (wanted == onnx::TensorProto::UNDEFINED)
    wanted = onnx::TensorProto::UINT8;
  Type storage = convertElementType(int(wanted), node.builder.getContext());
  if (!storage || !isa<IntegerType>(storage))
    return node.error("expected an integer type of 8 or 16 bits as "
                      "output_dtype, got " +
                      elementTypeName(int(wanted)));
  return setQuantized(node, input, {1, 2, node.intAttr("axis", 1)}, storage);
}

LogicalResult accopt::importer::importDequantize(NodeImporter &node) {
  return node.setOutput(0,
                        dequantize(node, 0, {1, 2, node.intAttr("axis", 1)}));
}
