//===- IntegerMode.cpp - Walks a graph in integers ------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "IntegerMode.h"

#include "Semantics.h"

#include <ATen/core/grad_mode.h>

namespace accopt::training {

//===----------------------------------------------------------------------===//
// Integers and reals
//===----------------------------------------------------------------------===//

at::Tensor toIntegers(const at::Tensor &x, const ActivationType &type) {
  if (type.isReal)
    return x;
  return x.to(at::kDouble)
      .div_(type.scale)
      .round_()
      .add_(double(type.zeroPoint))
      .clamp_(double(type.integers.min), double(type.integers.max))
      .to(at::kFloat);
}

at::Tensor toReals(const IntegerTensor &x) {
  if (x.type.isReal)
    return x.values;
  return x.values.sub(double(x.type.zeroPoint)).mul_(x.type.scale);
}

at::Tensor computeOnHost(const IntegerCall &call) {
  std::vector<at::Tensor> reals;
  reals.reserve(call.operands.size());
  for (const IntegerTensor &operand : call.operands)
    reals.push_back(operand.values.defined() ? toReals(operand) : at::Tensor());
  at::Tensor x =
      findSemantics(call.node.op)(call.node, reals, call.shape, call.context);
  if (call.type.isReal)
    return x;
  // In float, as the host's code divides.
  return x.div(call.type.scale)
      .round_()
      .add_(double(call.type.zeroPoint))
      .clamp_(double(call.type.integers.min), double(call.type.integers.max));
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

namespace {
class IntegerRunner {
public:
  IntegerRunner(const GraphExecutor &executor, const Quantizers &quantizers)
      : executor(executor), graph(executor.graph()), quantizers(quantizers),
        plan(quantizers.plan()) {
    for (const Node &node : graph.nodes)
      if (quantizers.weightsOf(node) >= 0)
        layers[node.result] = makeLayer(node);
  }

  std::vector<at::Tensor> run(const std::vector<int64_t> &wanted,
                              const std::vector<at::Tensor> &arguments,
                              RunContext context) const;

private:
  ActivationType typeOfClass(int64_t index) const {
    if (index < 0) {
      ActivationType real;
      real.isReal = true;
      return real;
    }
    const ActivationQuantizer &quantizer = plan.activations[index];
    return {quantizer.scale, quantizer.zeroPoint,
            activationIntegers(quantizer.bits)};
  }
  IntegerTensor makeConstant(const Node &node, int64_t value) const;
  IntegerTensor operandOf(const Node &node, size_t index,
                          const std::vector<IntegerTensor> &values) const;
  IntegerLayer makeLayer(const Node &node) const;
  IntegerTensor compute(const Node &node,
                        const std::vector<IntegerTensor> &values,
                        const RunContext &context) const;

  const GraphExecutor &executor;
  const Graph &graph;
  const Quantizers &quantizers;
  QuantizationPlan plan;
  std::map<int64_t, IntegerLayer> layers; ///< by result
};
} // namespace

/// As lib/Transforms/QuantizeConstants.cpp rounds: weights in float, times the
/// reciprocal of the scale; biases in double.
IntegerLayer IntegerRunner::makeLayer(const Node &node) const {
  const WeightQuantizer &quantizer = plan.weights[quantizers.weightsOf(node)];
  IntegerRange integers = weightIntegers(quantizer.bits);
  at::Tensor weights = findParameter(executor, node.operands[1].value);
  auto rows = static_cast<int64_t>(quantizer.scales.size());
  at::Tensor scales =
      at::from_blob(const_cast<double *>(quantizer.scales.data()), {rows},
                    at::kDouble)
          .clone()
          .to(weights.device());
  std::vector<int64_t> shape(weights.dim(), 1);
  shape[0] = rows;
  IntegerLayer layer;
  layer.scales = quantizer.scales;
  layer.weights = weights.mul(scales.reciprocal().to(at::kFloat).reshape(shape))
                      .round_()
                      .clamp_(double(integers.min), double(integers.max));
  int64_t bias = findOperand(node, Role::Bias);
  if (bias < 0)
    return layer;
  int64_t in = quantizers.classOf(node.operands[0].value);
  double inputScale =
      in >= 0 ? plan.activations[in].scale
              : makeConstant(node, node.operands[0].value).type.scale;
  layer.bias = findParameter(executor, node.operands[bias].value)
                   .to(at::kDouble)
                   .div(scales * inputScale)
                   .round_()
                   .clamp_(double(INT32_MIN), double(INT32_MAX))
                   .to(at::kLong);
  return layer;
}

IntegerTensor IntegerRunner::makeConstant(const Node &node,
                                          int64_t value) const {
  at::Tensor constant = findParameter(executor, value);
  int64_t index = quantizers.classOfParameter(node);
  ActivationType type =
      index >= 0 ? typeOfClass(index) : typeOfConstant(constant);
  return {toIntegers(constant, type), type};
}

IntegerTensor
IntegerRunner::operandOf(const Node &node, size_t index,
                         const std::vector<IntegerTensor> &values) const {
  const Operand &operand = node.operands[index];
  bool isLayers = quantizers.weightsOf(node) >= 0 &&
                  (operand.role == Role::Weights || operand.role == Role::Bias);
  if (operand.value < 0 || isLayers)
    return {};
  if (values[operand.value].values.defined())
    return values[operand.value];
  return makeConstant(node, operand.value);
}

IntegerTensor IntegerRunner::compute(const Node &node,
                                     const std::vector<IntegerTensor> &values,
                                     const RunContext &context) const {
  std::vector<IntegerTensor> operands;
  operands.reserve(node.operands.size());
  for (size_t k = 0; k < node.operands.size(); ++k)
    operands.push_back(operandOf(node, k, values));
  const GraphValue &result = graph.values[node.result];
  std::vector<int64_t> shape = result.shape;
  if (result.isBatched && graph.isBatchable)
    shape[0] = shape[0] / context.modelBatch * context.batch;
  ActivationType type = typeOfClass(quantizers.classOf(node.result));
  // Where one side is float, the host computes in float.
  bool isReal = type.isReal;
  for (const IntegerTensor &operand : operands)
    isReal |= operand.values.defined() && operand.type.isReal;
  for (size_t k = 0; isReal && k < operands.size(); ++k)
    if (int64_t value = node.operands[k].value;
        value >= 0 && !values[value].values.defined())
      operands[k] = {findParameter(executor, value), typeOfClass(-1)};
  auto layer = layers.find(node.result);
  IntegerCall call{
      node, operands, layer == layers.end() ? nullptr : &layer->second,
      type, shape,    context};
  IntegerSemantics semantics = isReal ? nullptr : findIntegerSemantics(node.op);
  try {
    return {semantics ? semantics(call) : computeOnHost(call), type};
  } catch (const std::exception &exception) {
    throw ExecutionError(describe(node) + ": " + firstLine(exception));
  }
}

std::vector<at::Tensor>
IntegerRunner::run(const std::vector<int64_t> &wanted,
                   const std::vector<at::Tensor> &arguments,
                   RunContext context) const {
  std::vector<IntegerTensor> values(graph.values.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    int64_t value = graph.arguments[i];
    ActivationType type = typeOfClass(quantizers.classOf(value));
    values[value] = {toIntegers(arguments[i], type), type};
  }
  for (const Node &node : graph.nodes)
    values[node.result] = compute(node, values, context);
  std::vector<at::Tensor> results;
  results.reserve(wanted.size());
  for (int64_t value : wanted)
    results.push_back(toReals(values[value]));
  return results;
}

std::vector<at::Tensor> runIntegers(const GraphExecutor &executor,
                                    const Quantizers &quantizers,
                                    const std::vector<int64_t> &wanted,
                                    const std::vector<at::Tensor> &arguments) {
  at::NoGradGuard noGrad;
  const Graph &graph = executor.graph();
  IntegerRunner runner(executor, quantizers);
  int64_t batch = graph.modelBatch;
  if (!arguments.empty() && arguments[0].dim() > 0)
    batch = arguments[0].size(0);
  if (graph.isBatchable || batch == graph.modelBatch)
    return runner.run(wanted, arguments, {batch, graph.modelBatch, false});
  // Piece by piece, as the float executor does.
  std::vector<std::vector<at::Tensor>> pieces(wanted.size());
  int64_t count = batch / graph.modelBatch;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<at::Tensor> part;
    for (const at::Tensor &argument : arguments) {
      int64_t rows = argument.size(0) / count;
      part.push_back(argument.narrow(0, i * rows, rows));
    }
    std::vector<at::Tensor> results =
        runner.run(wanted, part, {graph.modelBatch, graph.modelBatch, false});
    for (size_t k = 0; k < wanted.size(); ++k)
      pieces[k].push_back(results[k].dim() ? results[k]
                                           : results[k].unsqueeze(0));
  }
  std::vector<at::Tensor> joined;
  joined.reserve(pieces.size());
  for (const std::vector<at::Tensor> &piece : pieces)
    joined.push_back(at::cat(piece, 0));
  return joined;
}

} // namespace accopt::training
