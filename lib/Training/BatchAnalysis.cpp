//===- BatchAnalysis.cpp - Where the batch is -----------------------------===//
//
// A function is made for one batch size, mostly 1. It computes any number of
// samples at once if every op treats the rows of dimension 0 alike and keeps
// their order. Rows may be more than samples: a reshape from 1 x T x D to T x D
// makes T rows of each sample, and they are still next to each other.
//
//===----------------------------------------------------------------------===//

#include "Graph.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

using namespace accopt::training;

namespace {
class BatchAnalysis {
public:
  explicit BatchAnalysis(Graph &graph) : graph(graph) {}

  void run() {
    graph.isBatchable = !graph.arguments.empty();
    for (int64_t argument : graph.arguments) {
      GraphValue &value = graph.values[argument];
      value.isBatched =
          !value.shape.empty() && value.shape[0] == graph.modelBatch;
      graph.isBatchable &= value.isBatched;
    }
    for (const Node &node : graph.nodes) {
      bool reads = llvm::any_of(node.operands, [&](const Operand &operand) {
        return isBatched(operand);
      });
      if (!reads)
        continue;
      bool keeps = keepsBatch(node);
      graph.values[node.result].isBatched = keeps;
      graph.isBatchable &= keeps;
    }
    for (int64_t result : graph.results)
      graph.isBatchable &= graph.values[result].isBatched;
  }

private:
  using Shape = std::vector<int64_t>;

  bool isBatched(const Operand &operand) const {
    return operand.value >= 0 && graph.values[operand.value].isBatched;
  }
  const Shape &shape(const Operand &operand) const {
    return graph.values[operand.value].shape;
  }
  const Shape &resultShape(const Node &node) const {
    return graph.values[node.result].shape;
  }
  static const Shape &list(const Node &node, const char *name) {
    return std::get<Shape>(node.attributes.at(name));
  }

  /// Whether an operand that is broadcast to the result has its rows, or the
  /// same for all.
  bool fitsRows(const Operand &operand, const Node &node) const {
    if (operand.value < 0)
      return true;
    const Shape &from = shape(operand), &to = resultShape(node);
    if (isBatched(operand))
      return from.size() == to.size() && from[0] == to[0];
    return from.size() < to.size() || from[0] == 1;
  }

  bool onlyFirstIsBatched(const Node &node) const {
    return isBatched(node.operands[0]) &&
           llvm::none_of(llvm::drop_begin(node.operands),
                         [&](const Operand &o) { return isBatched(o); });
  }

  bool keepsLinear(const Node &node, bool isTransposed) const {
    return isBatched(node.operands[0]) && !isTransposed &&
           !isBatched(node.operands[1]) && fitsRows(node.operands[2], node) &&
           fitsRows(node.operands[3], node);
  }

  bool keepsMatMul(const Node &node) const {
    const Operand &a = node.operands[0], &b = node.operands[1];
    size_t ranks[] = {shape(a).size(), shape(b).size()};
    if (isBatched(a) && !isBatched(b))
      return ranks[0] >= 2 && (ranks[1] <= 2 || ranks[0] > ranks[1] ||
                               (ranks[0] == ranks[1] && shape(b)[0] == 1));
    if (!isBatched(a))
      return ranks[1] >= 3 && (ranks[0] < ranks[1] ||
                               (ranks[0] == ranks[1] && shape(a)[0] == 1));
    return ranks[0] >= 3 && ranks[0] == ranks[1] && shape(a)[0] == shape(b)[0];
  }

  bool keepsConcat(const Node &node) const {
    return std::get<int64_t>(node.attributes.at("axis")) != 0 &&
           llvm::all_of(node.operands, [&](const Operand &operand) {
             return fitsRows(operand, node);
           });
  }

  bool keepsSlice(const Node &node) const {
    return list(node, "starts")[0] == 0 && list(node, "steps")[0] == 1 &&
           list(node, "sizes")[0] == shape(node.operands[0])[0];
  }

  bool keepsReshape(const Node &node) const {
    const Shape &to = resultShape(node);
    return !to.empty() && to[0] % graph.modelBatch == 0;
  }

  bool keepsBatch(const Node &node) const {
    llvm::StringRef op = node.op;
    if (op == "conv")
      return keepsLinear(node, false);
    if (op == "gemm")
      return keepsLinear(node, std::get<bool>(node.attributes.at("trans_a")));
    if (op == "matmul")
      return keepsMatMul(node);
    if (op == "add" || op == "sub" || op == "mul" || op == "div")
      return llvm::all_of(node.operands, [&](const Operand &operand) {
        return fitsRows(operand, node);
      });
    if (op == "concat")
      return keepsConcat(node);
    if (op == "reshape")
      return keepsReshape(node);
    if (op == "slice")
      return keepsSlice(node);
    if (op == "transpose")
      return list(node, "perm")[0] == 0;
    if (op == "pad") {
      const Shape &pads = list(node, "pads");
      return pads[0] == 0 && pads[pads.size() / 2] == 0;
    }
    if (op == "reduce_mean")
      return !llvm::is_contained(list(node, "axes"), 0);
    if (op == "softmax")
      return std::get<int64_t>(node.attributes.at("axis")) != 0;
    // Windows, normalizations and functions of single elements. One that is not
    // known here is run sample by sample.
    static constexpr llvm::StringLiteral rowWise[] = {
        "relu",         "clip",       "leaky_relu",  "sigmoid",
        "hard_sigmoid", "hard_swish", "silu",        "batch_norm",
        "lrn",          "max_pool",   "average_pool"};
    return llvm::is_contained(rowWise, op) && onlyFirstIsBatched(node);
  }

  Graph &graph;
};
} // namespace

void accopt::training::analyzeBatch(Graph &graph) {
  graph.modelBatch = 1;
  if (!graph.arguments.empty()) {
    const auto &shape = graph.values[graph.arguments[0]].shape;
    graph.modelBatch = shape.empty() ? 1 : shape[0];
  }
  BatchAnalysis(graph).run();
}
