//===- ImportElementwise.cpp - Elementwise ops, norms, softmax ------------===//

#include "NodeImporter.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

LogicalResult accopt::importer::importBinary(NodeImporter &node) {
  Value lhs = node.number(0), rhs = lhs ? node.number(1) : nullptr;
  if (!lhs || !rhs)
    return failure();
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

LogicalResult accopt::importer::importUnary(NodeImporter &node) {
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

LogicalResult accopt::importer::importBatchNorm(NodeImporter &node) {
  if (node.intAttr("training_mode", 0) != 0)
    return node.error("expected inference mode, got training_mode = 1");
  for (size_t i = 1; i < node.outputUsed.size(); ++i)
    if (node.outputUsed[i])
      return node.error("expected no use of output " + Twine(i) +
                        " (statistics), got one");
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
