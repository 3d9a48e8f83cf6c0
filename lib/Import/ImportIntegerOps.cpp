//===- ImportIntegerOps.cpp - Operators on integers -----------------------===//
//
// What quantizers write when they do not leave pairs of QuantizeLinear and
// DequantizeLinear around float operators. The QLinear operators are such
// operators with the pairs inside, and become that: dequantize, op, quantize.
//===----------------------------------------------------------------------===//

#include "ImportVolume.h"
#include "IntegerValues.h"
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
static LogicalResult setQuantizedAt(NodeImporter &node, Value value,
                                    size_t scale, size_t inputZeroPoint) {
  return setQuantized(node, value, {scale, scale + 1},
                      resultStorage(node, scale + 1, inputZeroPoint));
}

/// The same where bias or scales are computed: in arithmetic of the host.
static Value computeBias(NodeImporter &node, size_t bias, size_t xScale,
                         size_t wScale, double factor) {
  Type f32 = node.builder.getF32Type();
  Value scale =
      emitArithmetic(node, "Mul", node.operand(xScale), node.operand(wScale));
  Value real = emitCast(node, emitIntegers(node, *node.inputs[bias]), f32);
  if (!real)
    real = emitCast(node, node.number(bias), f32);
  real = emitArithmetic(node, "Mul", real, scale);
  return factor == 1.0 ? real
                       : emitArithmetic(node, "Mul", real,
                                        node.constant({}, {float(factor)}));
}

/// An int32 bias at the product of `factor` and the scales of inputs x and w,
/// dequantized.
static Value dequantizeBias(NodeImporter &node, size_t bias, size_t xScale,
                            size_t wScale, double factor = 1.0) {
  for (size_t i : {bias, xScale, wScale})
    if (node.hasInput(i) && !node.inputs[i]->constant)
      return computeBias(node, bias, xScale, wScale, factor);
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
  return setQuantizedAt(node, emitConv(node, input, weights, bias, 3), 6, 2);
}

LogicalResult accopt::importer::importQLinearMatMul(NodeImporter &node) {
  Value a = dequantizeAt(node, 0);
  Value b = a ? dequantizeAt(node, 3, /*axis=*/-1) : nullptr;
  if (!a || !b)
    return failure();
  return setQuantizedAt(node, node.emit<nn::MatMulOp>(a, b), 6, 2);
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
  return node.hasInput(7) ? setQuantizedAt(node, product, 7, 2)
                          : node.setOutput(0, product);
}

LogicalResult accopt::importer::importQLinearBinary(NodeImporter &node) {
  Value a = dequantizeAt(node, 0), b = a ? dequantizeAt(node, 3) : nullptr;
  if (!a || !b)
    return failure();
  Value result = node.proto.op_type() == "QLinearAdd"
                     ? node.emit<nn::AddOp>(a, b, FloatAttr(), FloatAttr())
                     : node.emit<nn::MulOp>(a, b, FloatAttr(), FloatAttr());
  return setQuantizedAt(node, result, 6, 2);
}

LogicalResult accopt::importer::importQLinearUnary(NodeImporter &node) {
  Value x = dequantizeAt(node, 0);
  if (!x)
    return failure();
  Value result = node.proto.op_type() == "QLinearSigmoid"
                     ? node.emit<nn::SigmoidOp>(x)
                     : node.emit<nn::LeakyReluOp>(
                           x, node.f32(node.floatAttr("alpha", 0.01f)));
  return setQuantizedAt(node, result, 3, 2);
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
  return setQuantizedAt(node, node.emit<nn::SoftmaxOp>(x, node.i64(*axis)), 3,
                        2);
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
    return setQuantizedAt(
        node, isLast ? transpose(node, pooled, toLast) : pooled, 3, 2);
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
  bool countsPads = node.intAttr("count_include_pad", 0) != 0;
  return finish(emitPool(
      node, x, *window,
      [&](Value images, const WindowAttributes &window) -> Value {
        return node.emit<nn::AveragePoolOp>(
            images, node.array(window.kernel), node.array(window.strides),
            node.array(window.pads), node.array(window.dilations),
            node.boolean(window.ceilMode), node.boolean(countsPads));
      }));
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
  return setQuantizedAt(
      node, node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(*axis)), 0, 4);
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
