//===- GraphExecutor.cpp - Runs a graph on tensors ------------------------===//

#include "GraphExecutor.h"

using namespace accopt::training;

at::Tensor Hooks::parameter(const Node &, size_t, at::Tensor value) {
  return value;
}
at::Tensor Hooks::activation(const Node *, int64_t, at::Tensor x) { return x; }

std::string accopt::training::firstLine(const std::exception &exception) {
  const auto *error = dynamic_cast<const c10::Error *>(&exception);
  std::string text = error ? error->what_without_backtrace() : exception.what();
  return text.substr(0, text.find('\n'));
}

std::string accopt::training::describe(const Node &node) {
  return node.name.empty() ? node.op
                           : "node '" + node.name + "' (" + node.op + ")";
}

GraphExecutor::GraphExecutor(Graph graph, at::Device device)
    : net(std::move(graph)), where(device) {
  parameterOfValue.assign(net.values.size(), -1);
  for (Parameter &parameter : net.parameters) {
    parameterOfValue[parameter.value] = static_cast<int64_t>(tensors.size());
    at::Tensor tensor =
        at::from_blob(parameter.data.data(), net.values[parameter.value].shape,
                      at::kFloat)
            .clone()
            .to(device);
    tensor.set_requires_grad(parameter.isTrainable);
    tensors.push_back(std::move(tensor));
    // The tensor is the parameter from here on.
    std::vector<float>().swap(parameter.data);
  }
  for (const Node &node : net.nodes) {
    semantics.push_back(findSemantics(node.op));
    if (!semantics.back())
      throw ExecutionError(describe(node) +
                           ": expected an op that training supports");
  }
}

static std::string toText(c10::IntArrayRef shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

int64_t
GraphExecutor::checkArguments(const std::vector<at::Tensor> &arguments) const {
  if (arguments.size() != net.arguments.size())
    throw ExecutionError("expected " + std::to_string(net.arguments.size()) +
                         " inputs, got " + std::to_string(arguments.size()));
  int64_t batch = net.modelBatch;
  if (!arguments.empty() && arguments[0].dim() > 0)
    batch = arguments[0].size(0);
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::vector<int64_t> shape = net.values[net.arguments[i]].shape;
    if (!shape.empty() && batch % net.modelBatch == 0)
      shape[0] *= batch / net.modelBatch;
    else if (!shape.empty() && net.isBatchable)
      shape[0] = batch;
    if (batch < 1 || arguments[i].sizes() != c10::IntArrayRef(shape))
      throw ExecutionError("input '" + net.values[net.arguments[i]].name +
                           "': expected shape " + toText(shape) + ", got " +
                           toText(arguments[i].sizes()));
  }
  return batch;
}

std::vector<at::Tensor>
GraphExecutor::run(const std::vector<at::Tensor> &arguments, bool isTraining,
                   Hooks *hooks) {
  return compute(net.results, arguments, isTraining, hooks);
}

std::vector<at::Tensor>
GraphExecutor::compute(const std::vector<int64_t> &wanted,
                       const std::vector<at::Tensor> &arguments,
                       bool isTraining, Hooks *hooks) {
  int64_t batch = checkArguments(arguments);
  RunContext context{batch, net.modelBatch, isTraining};
  if (net.isBatchable)
    return computePiece(wanted, arguments, context, hooks);
  // One sample has no statistics worth having.
  context = {net.modelBatch, net.modelBatch, isTraining && net.modelBatch > 1};
  if (batch == net.modelBatch)
    return computePiece(wanted, arguments, context, hooks);
  std::vector<std::vector<at::Tensor>> pieces(wanted.size());
  int64_t count = batch / net.modelBatch;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<at::Tensor> part;
    for (const at::Tensor &argument : arguments) {
      int64_t rows = argument.size(0) / count;
      part.push_back(argument.narrow(0, i * rows, rows));
    }
    std::vector<at::Tensor> results =
        computePiece(wanted, part, context, hooks);
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

/// For each value, how many reads are to come; a node whose result is not read
/// need not run.
static std::vector<int64_t> countReads(const Graph &graph,
                                       const std::vector<int64_t> &wanted) {
  std::vector<int64_t> reads(graph.values.size(), 0);
  for (int64_t value : wanted)
    ++reads[value];
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node)
    if (reads[node->result] > 0)
      for (const Operand &operand : node->operands)
        if (operand.value >= 0)
          ++reads[operand.value];
  return reads;
}

std::vector<at::Tensor>
GraphExecutor::computePiece(const std::vector<int64_t> &wanted,
                            const std::vector<at::Tensor> &arguments,
                            RunContext context, Hooks *hooks) {
  std::vector<int64_t> reads = countReads(net, wanted);
  std::vector<at::Tensor> values(net.values.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    values[net.parameters[i].value] = tensors[i];
  for (size_t i = 0; i < arguments.size(); ++i) {
    int64_t value = net.arguments[i];
    values[value] =
        hooks ? hooks->activation(nullptr, value, arguments[i]) : arguments[i];
  }
  for (size_t i = 0; i < net.nodes.size(); ++i) {
    const Node &node = net.nodes[i];
    if (reads[node.result] == 0)
      continue;
    values[node.result] =
        computeNode(node, semantics[i], values, context, hooks);
    // Memory of what nobody reads any more is given back at once.
    for (const Operand &operand : node.operands)
      if (operand.value >= 0 && --reads[operand.value] == 0 &&
          parameterOfValue[operand.value] < 0)
        values[operand.value].reset();
  }
  std::vector<at::Tensor> results;
  results.reserve(wanted.size());
  for (int64_t value : wanted)
    results.push_back(values[value]);
  return results;
}

at::Tensor GraphExecutor::computeNode(const Node &node, Semantics function,
                                      const std::vector<at::Tensor> &values,
                                      const RunContext &context, Hooks *hooks) {
  try {
    std::vector<at::Tensor> operands;
    operands.reserve(node.operands.size());
    for (size_t k = 0; k < node.operands.size(); ++k) {
      int64_t value = node.operands[k].value;
      at::Tensor operand = value < 0 ? at::Tensor() : values[value];
      if (hooks && value >= 0 && parameterOfValue[value] >= 0)
        operand = hooks->parameter(node, k, std::move(operand));
      operands.push_back(std::move(operand));
    }
    const GraphValue &result = net.values[node.result];
    std::vector<int64_t> shape = result.shape;
    if (result.isBatched && net.isBatchable)
      shape[0] = shape[0] / context.modelBatch * context.batch;
    at::Tensor x = function(node, operands, shape, context);
    if (x.sizes() != c10::IntArrayRef(shape))
      throw ExecutionError("expected a result of shape " + toText(shape) +
                           ", got " + toText(x.sizes()));
    return hooks ? hooks->activation(&node, node.result, std::move(x)) : x;
  } catch (const std::exception &exception) {
    throw ExecutionError(describe(node) + ": " + firstLine(exception));
  }
}
