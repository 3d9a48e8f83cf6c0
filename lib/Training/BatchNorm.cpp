//===- BatchNorm.cpp - Re-estimating the statistics of batch norms --------===//
//
// Training moves running statistics while the weights move. Here they become
// what the data has under the weights as they are: mean and variance of the
// whole data set (population, not of batches), for each batch norm on what the
// ones before it give with their new statistics. Batch norms that no path
// connects share a pass, so there are as many passes as batch norms on the
// longest path, and each runs only as far as it needs.
//
//===----------------------------------------------------------------------===//

#include "NetworkImpl.h"

using namespace accopt;
using namespace accopt::training;

namespace {
/// Mean and sum of squared distances per channel, joined batch by batch (Chan,
/// Golub, LeVeque 1979), in double.
struct Moments {
  double count = 0;
  at::Tensor mean, squares;

  void add(const at::Tensor &values) {
    at::Tensor x = values.to(at::kDouble);
    std::vector<int64_t> dims;
    for (int64_t d = 0; d < x.dim(); ++d)
      if (d != 1)
        dims.push_back(d);
    auto [variance, average] = at::var_mean(x, dims, /*correction=*/0);
    double more =
        static_cast<double>(x.numel()) / static_cast<double>(x.size(1));
    if (count == 0) {
      count = more;
      mean = average;
      squares = variance * more;
      return;
    }
    double total = count + more;
    at::Tensor difference = average - mean;
    squares = squares + variance * more +
              difference * difference * (count * more / total);
    mean = mean + difference * (more / total);
    count = total;
  }
};
} // namespace

/// Batch norms by the number of batch norms before them on the longest path.
static std::vector<std::vector<const Node *>> findLevels(const Graph &graph) {
  std::vector<size_t> level(graph.values.size(), 0);
  std::vector<std::vector<const Node *>> levels;
  for (const Node &node : graph.nodes) {
    size_t depth = 0;
    for (const Operand &operand : node.operands)
      if (operand.value >= 0)
        depth = std::max(depth, level[operand.value]);
    if (node.op == "batch_norm") {
      if (depth == levels.size())
        levels.emplace_back();
      levels[depth].push_back(&node);
      ++depth;
    }
    level[node.result] = depth;
  }
  return levels;
}

static void estimateLevel(Network::Impl &impl, const Dataset &data,
                          const std::vector<const Node *> &level) {
  std::vector<int64_t> wanted;
  wanted.reserve(level.size());
  for (const Node *node : level)
    wanted.push_back(node->operands[0].value);
  std::vector<Moments> moments(level.size());
  int64_t batch = impl.batchSize();
  for (int64_t i = 0; i < data.size(); i += batch) {
    int64_t count = std::min(batch, data.size() - i);
    at::Tensor input = impl.makeInput(sampleSlice(data, i, count), count);
    std::vector<at::Tensor> values = impl.compute(wanted, {input}, Mode::Float);
    for (size_t k = 0; k < level.size(); ++k)
      moments[k].add(values[k]);
  }
  for (size_t k = 0; k < level.size(); ++k) {
    auto parameter = [&](size_t operand) -> at::Tensor {
      int64_t value = level[k]->operands[operand].value;
      const std::vector<Parameter> &list = impl.graph().parameters;
      for (size_t p = 0; p < list.size(); ++p)
        if (list[p].value == value)
          return impl.executor.parameters()[p];
      throw ExecutionError(describe(*level[k]) +
                           ": expected constant statistics");
    };
    parameter(3).copy_(moments[k].mean);
    parameter(4).copy_(moments[k].squares / moments[k].count);
  }
}

llvm::Error Network::estimateBatchNorm(const Dataset &data) {
  if (llvm::Error error = impl->checkData(data))
    return error;
  return guarded([&] {
    at::NoGradGuard noGrad;
    for (const auto &level : findLevels(impl->graph()))
      estimateLevel(*impl, data, level);
  });
}
