//===- ImportIntegerProducts.cpp - Products that are scaled later ---------===//
//
// ConvInteger and MatMulInteger multiply integers and leave their scale to the
// nodes that follow. The integers stand for real numbers less a zero point, and
// sums of their products are exact in both; so they become the float operator
// on those numbers. DynamicQuantizeLinear finds its scale when the network
// runs. Here ranges are found when it is compiled: where its results are only
// multiplied and scaled back it becomes the identity with scale 1, and the
// compiler quantizes the operators around it as all others. Where its integers
// are read otherwise the host computes them.
//
//===----------------------------------------------------------------------===//

#include "ImportVolume.h"
#include "IntegerValues.h"
#include "OpTable.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// y = saturate(round(x / scale) + zero) with the range of x and zero (ONNX,
/// DynamicQuantizeLinear).
static LogicalResult computeDynamicQuantize(NodeImporter &node, Value input) {
  Builder &b = node.builder;
  IntegerType byte = b.getIntegerType(8, /*isSigned=*/false);
  Shape all = llvm::to_vector(llvm::seq<int64_t>(node.rank(0)));
  auto extreme = [&](nn::ReduceKind reduce, nn::BinaryKind pick) -> Value {
    Value value = node.emit<nn::ReduceOp>(reduce, input, ArrayRef(all), false);
    return value ? node.emit<nn::BinaryMathOp>(pick, value,
                                               node.constant({}, {0.0f}))
                 : nullptr;
  };
  Value low = extreme(nn::ReduceKind::Min, nn::BinaryKind::Min);
  Value high = extreme(nn::ReduceKind::Max, nn::BinaryKind::Max);
  Value scale = emitArithmetic(node, "Sub", high, low);
  scale = emitArithmetic(node, "Div", scale, node.constant({}, {255.0f}));
  Value minus = emitUnary(node, nn::UnaryKind::Neg, low);
  if (!scale || !minus)
    return failure();
  Value zero =
      emitQuantized(node, minus, scale, node.constant({}, {0.0f}), byte);
  Value y = emitQuantized(node, input, scale,
                          emitCast(node, zero, b.getF32Type()), byte);
  Value results[] = {y, scale, zero};
  for (size_t i = 0; i < node.outputs.size() && i < 3; ++i)
    if (failed(node.setOutput(i, results[i])))
      return failure();
  return success();
}

LogicalResult accopt::importer::importDynamicQuantize(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  if (!isReadScaled(node))
    return computeDynamicQuantize(node, input);
  Type byte = node.builder.getIntegerType(8, /*isSigned=*/false);
  HostTensor one{node.builder.getF32Type(), {}, {}, {1.0f}};
  node.outputs[0].integers = byte;
  if (failed(node.setOutput(0, input)) ||
      failed(node.setOutput(1, ElementsAttr(toAttribute(one)))))
    return failure();
  return node.setOutput(
      2, ElementsAttr(toAttribute(HostTensor::ofInts(byte, {}, {0}))));
}

/// Constant integers less their zero points, one or one per index of `axis`.
static Value realConstant(NodeImporter &node, size_t i, size_t zeroPoint,
                          int64_t axis) {
  std::optional<HostTensor> values =
      toHost(node.inputs[i]->constant, /*limit=*/INT32_MAX);
  HostTensor zeros;
  zeros.ints.push_back(0);
  if (node.hasInput(zeroPoint)) {
    std::optional<HostTensor> given = node.host(zeroPoint, "zero_point");
    if (!given)
      return nullptr;
    zeros = *given;
  }
  if (!values || values->isFloat() || zeros.ints.empty()) {
    (void)node.error("expected integers as input " + Twine(i));
    return nullptr;
  }
  Shape shape = values->shape;
  int64_t count = zeros.ints.size(), inner = 1;
  if (count > 1) {
    if (shape[axis] != count) {
      (void)node.error("expected one zero point or " + Twine(shape[axis]) +
                       ", got " + Twine(count));
      return nullptr;
    }
    for (int64_t size : ArrayRef(shape).drop_front(axis + 1))
      inner *= size;
  }
  HostTensor reals{node.builder.getF32Type(), shape, {}, {}};
  for (auto [at, value] : llvm::enumerate(values->ints))
    reals.floats.push_back(
        static_cast<float>(value - zeros.ints[at / inner % count]));
  return node.constant(ElementsAttr(toAttribute(reals)));
}

/// The zero point of input i as floats that broadcast to it: one, or one for
/// each index of `axis`; of an entry for each matrix, as it is.
static Value realZeroPoint(NodeImporter &node, size_t i, size_t zeroPoint,
                           int64_t axis) {
  Value zero =
      emitCast(node, node.number(zeroPoint), node.builder.getF32Type());
  if (!zero || node.rank(zeroPoint) != 1)
    return zero;
  int64_t count = node.shape(zeroPoint)[0];
  if (count == 1)
    return node.reshape(zero, {});
  Shape shape(node.rank(i), 1);
  shape[axis] = count;
  return node.reshape(zero, shape);
}

/// Input i less its zero point: a constant, the identity that a
/// DynamicQuantizeLinear became, a quantized value over its scale, which is
/// then multiplied into `scale`, or any other integers.
static Value realOperand(NodeImporter &node, size_t i, size_t zeroPoint,
                         int64_t axis, double &scale) {
  if (!node.hasInput(i)) {
    (void)node.error("expected input " + Twine(i) + ", got none");
    return nullptr;
  }
  Entry &entry = *node.inputs[i];
  bool hasZero = node.hasInput(zeroPoint);
  bool isZeroKnown = !hasZero || node.inputs[zeroPoint]->constant;
  if (entry.constant && isZeroKnown)
    return realConstant(node, i, zeroPoint, axis);
  if (entry.integers && entry.type().getElementType().isF32())
    return entry.value;
  std::optional<HostTensor> zero;
  if (hasZero && isZeroKnown && !(zero = node.host(zeroPoint, "zero_point")))
    return nullptr;
  if (auto type =
          dyn_cast<quant::UniformQuantizedType>(entry.type().getElementType());
      type && isZeroKnown && (!zero || zero->size() == 1)) {
    int64_t moved = entry.integers.isUnsignedInteger(8) ? 128 : 0;
    if (type.getZeroPoint() == (zero ? zero->ints[0] : 0) - moved) {
      scale *= type.getScale();
      auto real =
          RankedTensorType::get(node.shape(i), node.builder.getF32Type());
      return node.finish(quant::DequantizeCastOp::create(node.builder, node.loc,
                                                         real, entry.value));
    }
  }
  Value integers = entry.constant ? node.number(i) : emitIntegers(node, entry);
  Value real = emitCast(node, integers, node.builder.getF32Type());
  return hasZero ? emitArithmetic(node, "Sub", real,
                                  realZeroPoint(node, i, zeroPoint, axis))
                 : real;
}

/// Whether input i holds integers, rather than what stands for some.
static bool holdsIntegers(NodeImporter &node, size_t i) {
  return node.hasInput(i) &&
         isa<IntegerType>(node.inputs[i]->type().getElementType());
}

/// Whether the result leaves integers at once, as it does where a scale
/// follows.
static bool isReadAsFloat(NodeImporter &node) {
  auto readers = node.uses->find(node.proto.output(0));
  return readers != node.uses->end() &&
         llvm::all_of(readers->second, [](const onnx::NodeProto *reader) {
           return reader && reader->op_type() == "Cast" &&
                  llvm::any_of(reader->attribute(), [](const auto &attribute) {
                    return attribute.name() == "to" &&
                           attribute.i() == onnx::TensorProto::FLOAT;
                  });
         });
}

/// Output 0 is the integer result: `product` over `scale`.
static LogicalResult setProduct(NodeImporter &node, Value product,
                                double scale) {
  if (product && scale != 1.0)
    product = node.emit<nn::MulOp>(
        product, node.constant({}, {static_cast<float>(1.0 / scale)}),
        FloatAttr(), FloatAttr());
  node.outputs[0].integers = node.builder.getI32Type();
  return node.setOutput(0, product);
}

LogicalResult accopt::importer::importConvInteger(NodeImporter &node) {
  double scale = 1.0;
  Value input = realOperand(node, 0, 2, /*axis=*/1, scale);
  Value weights = input ? realOperand(node, 1, 3, /*axis=*/0, scale) : nullptr;
  return setProduct(node, emitConv(node, input, weights, Value(), 1), scale);
}

LogicalResult accopt::importer::importMatMulInteger(NodeImporter &node) {
  double scale = 1.0;
  auto lastAxis = [&](size_t i, int64_t fromBack) {
    return node.hasInput(i) ? std::max<int64_t>(0, node.rank(i) - fromBack) : 0;
  };
  Value a = realOperand(node, 0, 2, lastAxis(0, 2), scale);
  Value b = a ? realOperand(node, 1, 3, lastAxis(1, 1), scale) : nullptr;
  if (!a || !b)
    return failure();
  // Where integers are wanted of integers, the host sums them exactly.
  if (holdsIntegers(node, 0) && holdsIntegers(node, 1) &&
      !isReadAsFloat(node)) {
    Type i32 = node.builder.getI32Type();
    a = emitCast(node, a, i32);
    b = emitCast(node, b, i32);
    return node.setOutput(0, a && b ? node.emit<nn::MatMulOp>(a, b) : nullptr);
  }
  return setProduct(node, node.emit<nn::MatMulOp>(a, b), scale);
}
