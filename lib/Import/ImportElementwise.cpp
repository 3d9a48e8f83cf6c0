//===- ImportElementwise.cpp - Elementwise ops, norms, softmax ------------===//

#include "NodeImporter.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// What stands for the integers of a ConvInteger is of float type; a constant
/// that meets them is, too.
static Value matchIntegers(NodeImporter &node, size_t i, Value other) {
  Value value = node.number(i);
  if (!value || !node.inputs[i]->constant ||
      !cast<RankedTensorType>(other.getType()).getElementType().isF32())
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isInteger(32))
    return value;
  return node.finish(nn::CastOp::create(
      node.builder, node.loc, type.clone(node.builder.getF32Type()), value));
}

LogicalResult accopt::importer::importBinary(NodeImporter &node) {
  Value lhs = node.number(0), rhs = lhs ? node.number(1) : nullptr;
  if (!lhs || !rhs)
    return failure();
  lhs = matchIntegers(node, 0, rhs);
  rhs = lhs ? matchIntegers(node, 1, lhs) : nullptr;
  return node.setOutput(0,
                        emitArithmetic(node, node.proto.op_type(), lhs, rhs));
}

LogicalResult accopt::importer::importSum(NodeImporter &node) {
  if (node.inputs.size() == 1)
    return node.forward(0, 0);
  Value sum = node.number(0);
  for (size_t i = 1; sum && i < node.inputs.size(); ++i)
    sum = emitArithmetic(node, "Add", sum, node.number(i));
  return node.setOutput(0, sum);
}

/// max(x, 0) of signed integers.
static LogicalResult importIntegerRelu(NodeImporter &node) {
  Value input = node.number(0);
  auto scalar =
      RankedTensorType::get({}, node.inputs[0]->type().getElementType());
  Value zero = node.constant(ElementsAttr(DenseElementsAttr::get(
      scalar, node.builder.getZeroAttr(scalar.getElementType()))));
  return node.setOutput(
      0, node.emit<nn::BinaryMathOp>(nn::BinaryKind::Max, input, zero));
}

LogicalResult accopt::importer::importUnary(NodeImporter &node) {
  if (node.proto.op_type() == "Relu" && node.hasInput(0) &&
      isa<IntegerType>(node.inputs[0]->type().getElementType()))
    return importIntegerRelu(node);
  Value input = node.operand(0);
  if (!input)
    return failure();
  StringRef op = node.proto.op_type();
  if (op == "Relu")
    return node.setOutput(0, node.emit<nn::ReluOp>(input));
  if (op == "Sigmoid")
    return node.setOutput(0, node.emit<nn::SigmoidOp>(input));
  if (op == "HardSwish")
    return node.setOutput(0, node.emit<nn::HardSwishOp>(input));
  if (op == "LeakyRelu")
    return node.setOutput(0,
                          node.emit<nn::LeakyReluOp>(
                              input, node.f32(node.floatAttr("alpha", 0.01f))));
  return node.setOutput(0, node.emit<nn::HardSigmoidOp>(
                               input, node.f32(node.floatAttr("alpha", 0.2f)),
                               node.f32(node.floatAttr("beta", 0.5f))));
}

/// Bounds of integers, or bounds that are computed.
static LogicalResult importClipByExtremes(NodeImporter &node) {
  Value result = node.number(0);
  for (auto [i, kind] :
       {std::pair(1, nn::BinaryKind::Max), std::pair(2, nn::BinaryKind::Min)}) {
    if (!result)
      return failure();
    if (!node.hasInput(i))
      continue;
    Value bound = node.number(i);
    result = node.emit<nn::BinaryMathOp>(kind, result, bound);
  }
  return node.setOutput(0, result);
}

LogicalResult accopt::importer::importClip(NodeImporter &node) {
  auto isComputed = [&](size_t i) {
    return node.hasInput(i) && !node.inputs[i]->constant;
  };
  if (isComputed(1) || isComputed(2) ||
      (node.hasInput(0) &&
       isa<IntegerType>(node.inputs[0]->type().getElementType())))
    return importClipByExtremes(node);
  Value input = node.operand(0);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::optional<float> low = node.scalar(1, "min", -infinity);
  std::optional<float> high = node.scalar(2, "max", infinity);
  if (!input || !low || !high)
    return failure();
  // The form of opset 6, where the converter left it.
  low = std::max(*low, node.floatAttr("min", -infinity));
  high = std::min(*high, node.floatAttr("max", infinity));
  // The largest floats are how exporters write "no bound".
  constexpr float largest = std::numeric_limits<float>::max();
  FloatAttr minimum = *low <= -largest ? FloatAttr() : node.f32(*low);
  FloatAttr maximum = *high >= largest ? FloatAttr() : node.f32(*high);
  return node.setOutput(0, node.emit<nn::ClipOp>(input, minimum, maximum));
}

/// Up to opset 8, `spatial = 0` normalizes each activation by itself: the
/// parameters have the input's shape without N. That is a scale and a shift.
static LogicalResult importActivationNorm(NodeImporter &node) {
  Value input = node.operand(0);
  std::optional<HostTensor> parameters[4];
  StringRef names[] = {"scale", "B", "mean", "var"};
  for (unsigned i = 0; i < 4; ++i) {
    parameters[i] = node.host(1 + i, names[i]);
    if (!parameters[i])
      return failure();
    if (!parameters[i]->isFloat() || node.rank(0) < 1 ||
        ArrayRef<int64_t>(parameters[i]->shape) != node.shape(0).drop_front())
      return node.error("expected '" + names[i] +
                        "' of the input's shape without N (spatial = 0)");
  }
  if (!input)
    return failure();
  float epsilon = node.floatAttr("epsilon", 1e-5f);
  SmallVector<float> scale, shift;
  for (int64_t i = 0, e = parameters[0]->size(); i < e; ++i) {
    double factor = parameters[0]->floats[i] /
                    std::sqrt(double(parameters[3]->floats[i]) + epsilon);
    scale.push_back(static_cast<float>(factor));
    shift.push_back(static_cast<float>(parameters[1]->floats[i] -
                                       factor * parameters[2]->floats[i]));
  }
  ArrayRef<int64_t> shape = parameters[0]->shape;
  Value scaled =
      emitArithmetic(node, "Mul", input, node.constant(shape, scale));
  if (!scaled)
    return failure();
  return node.setOutput(
      0, emitArithmetic(node, "Add", scaled, node.constant(shape, shift)));
}

/// A constant normalized by its own mean and variance: exporters leave it in
/// networks that standardize their weights.
static LogicalResult importConstantNorm(NodeImporter &node) {
  for (size_t i = 0; i < 3; ++i)
    if (!node.hasInput(i) || !node.inputs[i]->constant)
      return node.error("expected inference mode or constants, got "
                        "training_mode = 1 of computed values");
  std::optional<HostTensor> x =
      toHost(node.inputs[0]->constant, /*limit=*/INT32_MAX);
  std::optional<HostTensor> scale = node.host(1, "scale");
  std::optional<HostTensor> shift = node.host(2, "B");
  if (!x || !x->isFloat() || x->rank() < 2 || !scale || !shift ||
      scale->size() != x->shape[1] || shift->size() != x->shape[1])
    return node.error("expected floats [N, C, ...] with C scales and shifts");
  int64_t channels = x->shape[1], inner = 1;
  for (int64_t size : ArrayRef(x->shape).drop_front(2))
    inner *= size;
  int64_t count = x->size() / channels;
  SmallVector<double> mean(channels), variance(channels);
  for (auto [i, value] : llvm::enumerate(x->floats))
    mean[i / inner % channels] += double(value) / count;
  for (auto [i, value] : llvm::enumerate(x->floats)) {
    double difference = value - mean[i / inner % channels];
    variance[i / inner % channels] += difference * difference / count;
  }
  double epsilon = node.floatAttr("epsilon", 1e-5f);
  for (auto [i, value] : llvm::enumerate(x->floats)) {
    int64_t c = i / inner % channels;
    value = static_cast<float>((value - mean[c]) /
                                   std::sqrt(variance[c] + epsilon) *
                                   scale->floats[c] +
                               shift->floats[c]);
  }
  return node.setOutput(0, ElementsAttr(toAttribute(*x)));
}

LogicalResult accopt::importer::importBatchNorm(NodeImporter &node) {
  for (size_t i = 1; i < node.outputUsed.size(); ++i)
    if (node.outputUsed[i])
      return node.error("expected no use of output " + Twine(i) +
                        " (statistics), got one");
  if (node.intAttr("training_mode", 0) != 0)
    return importConstantNorm(node);
  if (node.intAttr("spatial", 1) == 0)
    return importActivationNorm(node);
  SmallVector<Value> operands;
  for (size_t i = 0; i < 5; ++i) {
    operands.push_back(node.operand(i));
    if (!operands.back())
      return failure();
  }
  return node.setOutput(0, node.emit<nn::BatchNormOp>(
                               operands[0], operands[1], operands[2],
                               operands[3], operands[4],
                               node.f32(node.floatAttr("epsilon", 1e-5f))));
}

LogicalResult accopt::importer::importSoftmax(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0));
  if (!axis)
    return failure();
  return node.setOutput(0, node.emit<nn::SoftmaxOp>(input, node.i64(*axis)));
}

LogicalResult accopt::importer::importLrn(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  return node.setOutput(
      0, node.emit<nn::LrnOp>(input, node.f32(node.floatAttr("alpha", 1e-4f)),
                              node.f32(node.floatAttr("beta", 0.75f)),
                              node.f32(node.floatAttr("bias", 1.0f)),
                              node.i64(node.intAttr("size", 0))));
}
