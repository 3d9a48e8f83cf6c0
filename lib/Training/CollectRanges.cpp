//===- CollectRanges.cpp - Ranges of activations from data ----------------===//

#include "NetworkImpl.h"

#include "accopt/Transforms/RangeCollector.h"

using namespace accopt;
using namespace accopt::training;

namespace {
/// Shows every activation to the collector.
class Observer : public Hooks {
public:
  Observer(const Graph &graph, RangeCollector &collector)
      : graph(graph), collector(collector) {}

  at::Tensor activation(const Node *, int64_t value, at::Tensor x) override {
    at::Tensor host = x.to(at::kCPU).contiguous();
    collector.observe(
        graph.values[value].name,
        {host.const_data_ptr<float>(), static_cast<size_t>(host.numel())});
    return x;
  }

private:
  const Graph &graph;
  RangeCollector &collector;
};
} // namespace

llvm::Expected<RangeTable> Network::collectRanges(const Dataset &data,
                                                  int64_t maxSamples,
                                                  llvm::StringRef method) {
  llvm::Expected<CalibrationMethod> parsed = parseCalibrationMethod(method);
  if (!parsed)
    return parsed.takeError();
  if (llvm::Error error = impl->checkData(data))
    return std::move(error);
  RangeCollector collector;
  llvm::Error error = guarded([&] {
    at::NoGradGuard noGrad;
    const Graph &graph = impl->graph();
    Observer observer(graph, collector);
    // Also what no result needs has a range.
    std::vector<int64_t> wanted = graph.results;
    for (const Node &node : graph.nodes)
      wanted.push_back(node.result);
    int64_t unit = graph.isBatchable ? 1 : graph.modelBatch;
    int64_t samples = std::min(data.size(), maxSamples) / unit * unit;
    int64_t batch = impl->batchSize(64);
    for (int64_t i = 0; i < samples; i += batch) {
      int64_t count = std::min(batch, samples - i);
      at::Tensor input = impl->makeInput(sampleSlice(data, i, count), count);
      impl->executor.compute(wanted, {input}, /*isTraining=*/false, &observer);
    }
  });
  if (error)
    return std::move(error);
  return collector.finish(*parsed);
}
