//===- GraphExecutor.h - Runs a graph on tensors ----------------*- C++ -*-===//
//
// Part of AccOpt. The float semantics of every op are functions in one registry
// (Semantics*.cpp); the executor walks the graph. What quantization changes are
// hooks.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_GRAPHEXECUTOR_H
#define ACCOPT_LIB_TRAINING_GRAPHEXECUTOR_H

#include "Graph.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <stdexcept>
#include <string>

namespace accopt::training {

/// Called while a graph runs; the defaults change nothing.
class Hooks {
public:
  virtual ~Hooks() = default;
  /// A parameter as operand `index` of `node`.
  virtual at::Tensor parameter(const Node &node, size_t index,
                               at::Tensor value);
  /// An activation as it is computed (or comes in as an argument, where `node`
  /// is null): `value` is its index.
  virtual at::Tensor activation(const Node *node, int64_t value, at::Tensor x);
};

/// Shapes are the graph's, but for the batch: `batch` replaces `modelBatch`.
struct RunContext {
  int64_t batch = 1, modelBatch = 1;
  /// Batch norms use the batch's statistics and update their own.
  bool isTraining = false;
};

/// Operands in the order of the node; undefined tensors where absent.
using Semantics = at::Tensor (*)(const Node &node,
                                 const std::vector<at::Tensor> &operands,
                                 const std::vector<int64_t> &resultShape,
                                 const RunContext &context);
/// Null if the op is not known.
Semantics findSemantics(llvm::StringRef op);

/// Everything that the executor throws; the message names the node and is one
/// line.
class ExecutionError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};
/// The first line of an exception's text, without torch's stack trace.
std::string firstLine(const std::exception &exception);
/// "node 'NAME' (op)".
std::string describe(const Node &node);

class GraphExecutor {
public:
  /// Throws ExecutionError for an op without semantics.
  GraphExecutor(Graph graph, at::Device device);

  /// Runs on one tensor per argument; returns the results. Any number of
  /// samples, if the graph is batchable; else a multiple of its own batch,
  /// which is computed piece by piece, batch norms with their running
  /// statistics where the model's batch is 1. Throws ExecutionError.
  std::vector<at::Tensor> run(const std::vector<at::Tensor> &arguments,
                              bool isTraining, Hooks *hooks = nullptr);

  /// The same for any values of the graph, in the order of `wanted`; computes
  /// only what they need.
  std::vector<at::Tensor> compute(const std::vector<int64_t> &wanted,
                                  const std::vector<at::Tensor> &arguments,
                                  bool isTraining, Hooks *hooks = nullptr);

  const Graph &graph() const { return net; }
  /// Of graph().parameters, in their order; leaves that require gradients where
  /// they are trainable.
  std::vector<at::Tensor> &parameters() { return tensors; }
  const std::vector<at::Tensor> &parameters() const { return tensors; }
  at::Device device() const { return where; }

private:
  std::vector<at::Tensor> computePiece(const std::vector<int64_t> &wanted,
                                       const std::vector<at::Tensor> &arguments,
                                       RunContext context, Hooks *hooks);
  at::Tensor computeNode(const Node &node, Semantics semantics,
                         const std::vector<at::Tensor> &values,
                         const RunContext &context, Hooks *hooks);
  /// Throws unless the arguments have the graph's shapes; returns the batch.
  int64_t checkArguments(const std::vector<at::Tensor> &arguments) const;

  Graph net;
  at::Device where;
  std::vector<at::Tensor> tensors;
  std::vector<Semantics> semantics;      ///< of each node
  std::vector<int64_t> parameterOfValue; ///< -1: none
};

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_GRAPHEXECUTOR_H
