//===- Graph.h - An nn function as plain data -------------------*- C++ -*-===//
//
// Part of AccOpt. The seam between MLIR and torch: GraphFromIR.cpp reads the IR
// and knows no torch, the executor knows no MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_GRAPH_H
#define ACCOPT_LIB_TRAINING_GRAPH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt::training {

using Attribute =
    std::variant<bool, int64_t, double, std::string, std::vector<int64_t>>;

/// What an operand is to its op; quantizers and the optimizer go by it. Weights
/// and biases are constants; what the network computes itself is an activation.
enum class Role : uint8_t {
  Activation,
  Weights,
  Bias,
  Residual,
  NormScale,
  NormShift,
  NormMean,
  NormVariance
};

struct Operand {
  int64_t value; ///< index into Graph::values; -1 where an optional is absent
  Role role = Role::Activation;
};

struct Node {
  std::string op;   ///< mnemonic of the dialect: "conv", "add", ...
  std::string name; ///< the ONNX node's, for messages
  /// In the order of the op's definition, with a place for every optional one:
  /// conv is input, weights, bias, residual.
  std::vector<Operand> operands;
  int64_t result = 0;
  /// By the dialect's names; floats as double. Optional ones may be missing.
  std::map<std::string, Attribute> attributes;
};

struct GraphValue {
  /// nameValues()' name; empty for constants.
  std::string name;
  std::vector<int64_t> shape;
  /// Whether dimension 0 is the batch, or the batch times something, with the
  /// samples outermost: the value of n samples is those of each, one after
  /// another. Set by the batch analysis.
  bool isBatched = false;
};

/// A float constant.
struct Parameter {
  int64_t value;
  std::vector<float> data;
  /// The role in its first use, and whether training changes it: weights,
  /// biases, normalizations' scale and shift; constants of arithmetic are
  /// trained too where they have a value per channel (1 x C x 1 x 1, or D
  /// along another dimension but the batch). Weight decay is for Role::Weights.
  Role role = Role::Activation;
  bool isTrainable = false;
};

struct Graph {
  std::vector<GraphValue> values;
  std::vector<Node> nodes; ///< in program order
  std::vector<Parameter> parameters;
  std::vector<int64_t> arguments, results; ///< values
  /// What a classification loss reads: the first result, or what the softmax
  /// that makes it is taken of.
  int64_t logits = 0;
  int64_t modelBatch = 1; ///< dimension 0 of the first argument
  /// Every op keeps the batch in dimension 0; otherwise samples go one by one.
  bool isBatchable = false;
};

/// Reads `function`. Fails with the node's name for ops of other dialects and
/// for tensors that are not f32.
llvm::Expected<Graph> buildGraph(mlir::func::FuncOp function);

/// Sets isBatched of every value, and isBatchable.
void analyzeBatch(Graph &graph);

/// Writes the values of all parameters, in order, into the constants of
/// `function`. Those that are equal already stay as they are.
llvm::Error storeParameters(mlir::func::FuncOp function,
                            llvm::ArrayRef<std::vector<float>> parameters);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_GRAPH_H
