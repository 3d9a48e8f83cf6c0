//===- ImportIntegerOps.cpp - Operators on integers -----------------------===//
//
// What quantizers write when they do not leave pairs of QuantizeLinear and
// DequantizeLinear around float operators. The QLinear operators are such
// operators with the pairs inside, and become that: dequantize, op, quantize.
//
// ConvInteger and MatMulInteger multiply integers and leave their scale to the
// nodes that follow. The integers stand for real numbers less a zero point, and
// sums of their products are exact in both; so they become the float operator
// on those numbers. DynamicQuantizeLinear finds its scale when the network
// runs. Here ranges are found when it is compiled: it becomes the identity with
// scale 1, and the compiler quantizes the operators around it as all others.
//
//===----------------------------------------------------------------------===//

#include "OpTable.h"

#include "QuantizedValues.h"
#include "WindowAttributes.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

//===----------------------------------------------------------------------===//
// Shared
//===----------------------------------------------------------------------===//

/// Inputs x, scale, zero point of a tensor, from number `first` on.
static Value dequantizeAt(NodeImporter &node, size_t first, int64_t axis = 1) {
  return dequantize(node, first, {first + 1, first + 2, axis});
}

/// The element type that `zeroPoint` says, or that the first input has.
static Type resultStorage(NodeImporter &node, size_t zeroPoint,
                          size_t inputZeroPoint) {
  for (size_t i : {zeroPoint, inputZeroPoint})
    if (node.hasInput(i))
      return node.inputs[i]->type().getElementType();
  return node.builder.getIntegerType(8, /*isSigned=*/false);
}

/// Output 0 is `value`, quantized by inputs `scale` and `scale + 1`.
static LogicalResult setQuantized(NodeImporter &node, Value value, size_t scale,
                                  size_t inputZeroPoint) {
  return node.setOutput(
      0, quantize(node, value, {scale, scale + 1},
                  resultStorage(node, scale + 1, inputZeroPoint)));
}

/// An int32 bias at the product of `factor` and the scales of inputs x and w,
/// dequantized.
static Value dequantizeBias(NodeImporter &node, size_t bias, size_t xScale,
                            size_t wScale, double factor = 1.0) {
  std::optional<HostTensor> values = node.host(bias, "bias");
  std::optional<HostTensor> x = node.host(xScale, "input scale");
  std::optional<HostTensor> w = node.host(wScale, "weight scale");
  if (!values || !x || !w)
    return nullptr;
  if (!values->type.isSignlessInteger(32) || x->size() != 1 || !x->isFloat() ||
      !w->isFloat() || (w->size() != 1 && w->size() != values->size())) {
    (void)node.error("expected an int32 bias, one input scale and one weight "
                     "scale or one per bias");
    return nullptr;
  }
  SmallVector<double> scales;
  for (float scale : w->floats)
    scales.push_back(factor * double(x->floats[0]) * double(scale));
  for (double scale : scales)
    if (!(scale > 0.0) || !std::isfinite(scale)) {
      (void)node.error("expected finite scales above zero");
      return nullptr;
    }
  Builder &b = node.builder;
  Type element;
  if (scales.size() == 1)
    element = quant::UniformQuantizedType::get(
        quant::QuantizationFlags::Signed, b.getI32Type(), b.getF32Type(),
        scales[0], 0, INT32_MIN, INT32_MAX);
  else
    element = quant::UniformQuantizedPerAxisType::get(
        quant::QuantizationFlags::Signed, b.getI32Type(), b.getF32Type(),
        scales, SmallVector<int64_t>(scales.size(), 0),
        /*quantizedDimension=*/0, INT32_MIN, INT32_MAX);
  Value constant = node.finish(nn::ConstantOp::create(
      node.builder, node.loc, RankedTensorType::get(node.shape(bias), element),
      node.inputs[bias]->constant));
  if (!constant)
    return nullptr;
  return node.finish(quant::DequantizeCastOp::create(
      node.builder, node.loc,
      RankedTensorType::get(node.shape(bias), b.getF32Type()), constant));
}

/// A convolution by the node's window attributes; `weightInput` holds weights.
static Value emitConv(NodeImporter &node, Value input, Value weights,
                      Value bias, size_t weightInput) {
  if (!input || !weights)
    return nullptr;
  ArrayRef<int64_t> shape = node.shape(weightInput);
  if (shape.size() != 3 && shape.size() != 4) {
    (void)node.error("expected weights of a 1-D or 2-D convolution, got rank " +
                     Twine(shape.size()));
    return nullptr;
  }
  std::optional<WindowAttributes> window =
      readWindow(node, shape.drop_front(2), /*hasCeilMode=*/false);
  if (!window)
    return nullptr;
  return node.emit<nn::ConvOp>(
      input, weights, bias, Value(), node.array(window->strides),
      node.array(window->pads), node.array(window->dilations),
      node.i64(node.intAttr("group", 1)), FloatAttr(), FloatAttr());
}

static Value transpose(NodeImporter &node, Value value,
                       ArrayRef<int64_t> perm) {
  return value ? node.emit<nn::TransposeOp>(value, node.array(perm)) : nullptr;
}

//===----------------------------------------------------------------------===//
// QLinear operators
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importQLinearConv(NodeImporter &node) {
  Value input = dequantizeAt(node, 0);
  Value weights = input ? dequantizeAt(node, 3, /*axis=*/0) : nullptr;
  Value bias =
      weights && node.hasInput(8) ? dequantizeBias(node, 8, 1, 4) : nullptr;
  if (!input || !weights || !node.reason.empty())
    return failure();
  return setQuantized(node, emitConv(node, input, weights, bias, 3), 6, 2);
}

LogicalResult accopt::importer::importQLinearMatMul(NodeImporter &node) {
  Value a = dequantizeAt(node, 0);
  Value b = a ? dequantizeAt(node, 3, /*axis=*/-1) : nullptr;
  if (!a || !b)
    return failure();
  return setQuantized(node, node.emit<nn::MatMulOp>(a, b), 6, 2);
}

LogicalResult accopt::importer::importQGemm(NodeImporter &node) {
  bool transB = node.intAttr("transB", 0) != 0;
  Value a = dequantizeAt(node, 0);
  Value b = a ? dequantizeAt(node, 3, /*axis=*/transB ? 0 : 1) : nullptr;
  if (!a || !b)
    return failure();
  float alpha = node.floatAttr("alpha", 1.0f);
  // The bias has the scale of alpha A B.
  Value bias =
      node.hasInput(6) ? dequantizeBias(node, 6, 1, 4, alpha) : nullptr;
  if (!node.reason.empty())
    return failure();
  Value product = node.emit<nn::GemmOp>(
      a, b, bias, Value(), node.f32(alpha), node.f32(1.0f),
      node.boolean(node.intAttr("transA", 0) != 0), node.boolean(transB),
      FloatAttr(), FloatAttr());
  if (!product)
    return failure();
  return node.hasInput(7) ? setQuantized(node, product, 7, 2)
                          : node.setOutput(0, product);
}

LogicalResult accopt::importer::importQLinearBinary(NodeImporter &node) {
  Value a = dequantizeAt(node, 0), b = a ? dequantizeAt(node, 3) : nullptr;
  if (!a || !b)
    return failure();
  Value result = node.proto.op_type() == "QLinearAdd"
                     ? node.emit<nn::AddOp>(a, b, FloatAttr(), FloatAttr())
                     : node.emit<nn::MulOp>(a, b, FloatAttr(), FloatAttr());
  return setQuantized(node, result, 6, 2);
}

LogicalResult accopt::importer::importQLinearUnary(NodeImporter &node) {
  Value x = dequantizeAt(node, 0);
  if (!x)
    return failure();
  Value result = node.proto.op_type() == "QLinearSigmoid"
                     ? node.emit<nn::SigmoidOp>(x)
                     : node.emit<nn::LeakyReluOp>(
                           x, node.f32(node.floatAttr("alpha", 0.01f)));
  return setQuantized(node, result, 3, 2);
}

LogicalResult accopt::importer::importQLinearSoftmax(NodeImporter &node) {
  Value x = dequantizeAt(node, 0);
  if (!x)
    return failure();
  int64_t rank = node.rank(0);
  std::optional<int64_t> axis = node.axis(node.intAttr("axis", -1), rank);
  if (!axis)
    return failure();
  // Up to opset 12 Softmax takes all dimensions from its axis on together.
  if (node.intAttr("opset", 13) < 13 && *axis != rank - 1)
    return node.error("expected the last axis of a Softmax of opset 12 or "
                      "before, got axis " +
                      Twine(*axis));
  return setQuantized(node, node.emit<nn::SoftmaxOp>(x, node.i64(*axis)), 3, 2);
}

LogicalResult accopt::importer::importQLinearPool(NodeImporter &node) {
  Value x = dequantizeAt(node, 0);
  if (!x)
    return failure();
  int64_t rank = node.rank(0);
  if (rank < 3)
    return node.error("expected an input with spatial dimensions, got rank " +
                      Twine(rank));
  // With the channels last there is a transposition on either side.
  bool isLast = node.intAttr("channels_last", 0) != 0;
  Shape toFirst = {0, rank - 1}, toLast = {0}, sizes;
  for (int64_t axis = 1; axis < rank - 1; ++axis) {
    toFirst.push_back(axis);
    toLast.push_back(axis + 1);
    sizes.push_back(node.shape(0)[isLast ? axis : axis + 1]);
  }
  toLast.push_back(1);
  auto finish = [&](Value pooled) {
    return setQuantized(node, isLast ? transpose(node, pooled, toLast) : pooled,
                        3, 2);
  };
  if (isLast && !(x = transpose(node, x, toFirst)))
    return failure();
  if (node.proto.op_type() == "QLinearGlobalAveragePool") {
    Shape axes;
    for (int64_t axis = 2; axis < rank; ++axis)
      axes.push_back(axis);
    return finish(
        node.emit<nn::ReduceMeanOp>(x, node.array(axes), node.boolean(true)));
  }
  std::optional<WindowAttributes> window = readPool(node, sizes);
  if (!window)
    return failure();
  return finish(node.emit<nn::AveragePoolOp>(
      x, node.array(window->kernel), node.array(window->strides),
      node.array(window->pads), node.array(window->dilations),
      node.boolean(window->ceilMode),
      node.boolean(node.intAttr("count_include_pad", 0) != 0)));
}

LogicalResult accopt::importer::importQLinearConcat(NodeImporter &node) {
  if (node.inputs.size() < 5 || node.inputs.size() % 3 != 2)
    return node.error("expected a scale, a zero point and three inputs for "
                      "each part, got " +
                      Twine(node.inputs.size()) + " inputs");
  SmallVector<Value> parts;
  for (size_t first = 2; first < node.inputs.size(); first += 3) {
    parts.push_back(dequantizeAt(node, first));
    if (!parts.back())
      return failure();
  }
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), node.rank(2));
  if (!axis)
    return failure();
  return setQuantized(
      node, node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(*axis)), 0, 4);
}

//===----------------------------------------------------------------------===//
// Integers whose scale follows
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importDynamicQuantize(NodeImporter &node) {
  if (!node.operand(0))
    return failure();
  // Its integers and scale depend on data; here they are ranges' matter.
  if (is_contained(node.outputLeaves, true))
    return node.error("expected its results to be used within the network, "
                      "got one that is an output of it");
  Builder &b = node.builder;
  HostTensor one{b.getF32Type(), {}, {}, {1.0f}};
  Type byte = b.getIntegerType(8, /*isSigned=*/false);
  if (failed(node.forward(0, 0)))
    return failure();
  if (node.outputs.size() > 1 &&
      failed(node.setOutput(1, ElementsAttr(toAttribute(one)))))
    return failure();
  if (node.outputs.size() < 3)
    return success();
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

/// Input i less its zero point: a constant, the identity that a
/// DynamicQuantizeLinear became, or a quantized value over its scale, which is
/// then multiplied into `scale`.
static Value realOperand(NodeImporter &node, size_t i, size_t zeroPoint,
                         int64_t axis, double &scale) {
  if (!node.hasInput(i)) {
    (void)node.error("expected input " + Twine(i) + ", got none");
    return nullptr;
  }
  Entry &entry = *node.inputs[i];
  if (entry.constant)
    return realConstant(node, i, zeroPoint, axis);
  Type element = entry.type().getElementType();
  if (element.isF32())
    return entry.value;
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  int64_t zero = 0, shift = 0;
  if (node.hasInput(zeroPoint)) {
    std::optional<HostTensor> given = node.host(zeroPoint, "zero_point");
    if (!given || given->size() != 1 || given->isFloat()) {
      (void)node.error("expected one integer zero point");
      return nullptr;
    }
    zero = given->ints[0];
    shift = given->type.isUnsignedInteger(8) ? 128 : 0;
  }
  if (!type || type.getZeroPoint() != zero - shift) {
    (void)node.error("expected the zero point of the QuantizeLinear before, "
                     "got another");
    return nullptr;
  }
  scale *= type.getScale();
  auto real = RankedTensorType::get(node.shape(i), node.builder.getF32Type());
  return node.finish(quant::DequantizeCastOp::create(node.builder, node.loc,
                                                     real, entry.value));
}

/// Output 0 is the integer result: `product` over `scale`.
static LogicalResult setProduct(NodeImporter &node, Value product,
                                double scale) {
  if (product && scale != 1.0)
    product = node.emit<nn::MulOp>(
        product, node.constant({}, {static_cast<float>(1.0 / scale)}),
        FloatAttr(), FloatAttr());
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
  return setProduct(node, node.emit<nn::MatMulOp>(a, b), scale);
}

//===----------------------------------------------------------------------===//
// FusedConv
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importFusedConv(NodeImporter &node) {
  Value input = node.operand(0), weights = input ? node.operand(1) : nullptr;
  Value bias = weights && node.hasInput(2) ? node.operand(2) : nullptr;
  Value residual =
      node.reason.empty() && node.hasInput(3) ? node.operand(3) : nullptr;
  if (!input || !weights || !node.reason.empty())
    return failure();
  Value result = emitConv(node, input, weights, bias, 1);
  if (result && residual)
    result = node.emit<nn::AddOp>(result, residual, FloatAttr(), FloatAttr());
  if (!result)
    return failure();
  std::string name = node.stringAttr("activation", "");
  const onnx::AttributeProto *given = node.attribute("activation_params");
  auto parameter = [&](int i, float missing) {
    return given && given->floats_size() > i ? given->floats(i) : missing;
  };
  if (name == "Relu")
    result = node.emit<nn::ReluOp>(result);
  else if (name == "Sigmoid")
    result = node.emit<nn::SigmoidOp>(result);
  else if (name == "LeakyRelu")
    result = node.emit<nn::LeakyReluOp>(result, node.f32(parameter(0, 0.01f)));
  else if (name == "HardSigmoid")
    result = node.emit<nn::HardSigmoidOp>(result, node.f32(parameter(0, 0.2f)),
                                          node.f32(parameter(1, 0.5f)));
  else if (name == "Clip" && given && given->floats_size() == 2)
    result = node.emit<nn::ClipOp>(result, node.f32(given->floats(0)),
                                   node.f32(given->floats(1)));
  else if (!name.empty())
    return node.error("expected activation Relu, Sigmoid, LeakyRelu, "
                      "HardSigmoid or Clip with its bounds, got '" +
                      name + "'");
  return node.setOutput(0, result);
}
