//===- NetworkImpl.h - What a Network holds ---------------------*- C++ -*-===//
//
// Part of AccOpt. Shared by the files that implement Network and Trainer.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_NETWORKIMPL_H
#define ACCOPT_LIB_TRAINING_NETWORKIMPL_H

#include "GraphExecutor.h"

#include "accopt/Training/Network.h"

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

namespace accopt::training {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct Network::Impl {
  Impl(Graph graph, at::Device device) : executor(std::move(graph), device) {}

  GraphExecutor executor;

  /// What is learned beyond the graph's parameters (steps of quantizers); saved
  /// and loaded with them, in this order.
  std::vector<NamedTensor> extras;
  /// Set by setPlan.
  std::optional<QuantizationPlan> plan;
  /// Mode::FakeQuantized. Set by setPlan.
  std::unique_ptr<Hooks> quantizer;
  /// Mode::Integer: values `wanted` of the graph, as real numbers. Set by
  /// setPlan.
  std::function<std::vector<at::Tensor>(
      const std::vector<int64_t> &wanted,
      const std::vector<at::Tensor> &arguments)>
      runInteger;

  const Graph &graph() const { return executor.graph(); }

  /// Values `wanted` in a mode. Throws ExecutionError; a mode other than Float
  /// needs a plan.
  std::vector<at::Tensor> compute(const std::vector<int64_t> &wanted,
                                  const std::vector<at::Tensor> &arguments,
                                  Mode mode, bool isTraining = false);

  /// `count` samples of argument `index` on the device. Borrows `values` where
  /// the device is the CPU.
  at::Tensor makeInput(llvm::ArrayRef<float> values, int64_t count,
                       size_t index = 0) const;
  /// Logits of a batch as (samples, classes), or a regression's output as
  /// (samples, elements).
  at::Tensor flatten(const at::Tensor &result, int64_t count) const {
    return result.reshape({count, -1});
  }

  /// Refuses data whose samples, labels or targets the network cannot take.
  llvm::Error checkData(const Dataset &data) const;
  /// Elements that `value` has for one sample.
  int64_t sampleElements(int64_t value) const;
  /// Samples to run at once: about `preferred`, fewer where activations are
  /// large.
  int64_t batchSize(int64_t preferred = 256) const;
};

/// The layout of samples in `data` is that of the network's batch.
inline llvm::ArrayRef<float> sampleSlice(const Dataset &data, int64_t first,
                                         int64_t count) {
  auto elements = static_cast<size_t>(data.sampleElements());
  return llvm::ArrayRef<float>(data.inputs)
      .slice(static_cast<size_t>(first) * elements,
             static_cast<size_t>(count) * elements);
}

inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Runs `body` and turns what it throws into one line of error: nothing that
/// torch throws leaves the library.
template <typename Body> llvm::Error guarded(Body body) {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return llvm::Error::success();
    } else {
      return body();
    }
  } catch (const std::exception &exception) {
    return makeError(firstLine(exception));
  }
}

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_NETWORKIMPL_H
