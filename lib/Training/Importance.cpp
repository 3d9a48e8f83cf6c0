//===- Importance.cpp - What channels contribute --------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Losses.h"
#include "NetworkImpl.h"
#include "SampleLoss.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

using namespace accopt;
using namespace accopt::training;

at::Tensor accopt::training::sampleLosses(const Network::Impl &network,
                                          const Dataset &data, int64_t first,
                                          int64_t count,
                                          const at::Tensor &result) {
  at::Tensor output = network.flatten(result, count);
  if (data.isClassification()) {
    at::Tensor labels =
        at::from_blob(const_cast<int32_t *>(data.labels.data()) + first,
                      {count}, at::kInt)
            .to(output.device(), at::kLong);
    return -at::log_softmax(output, 1).gather(1, labels.unsqueeze(1)).sum();
  }
  at::Tensor targets = at::from_blob(const_cast<float *>(data.targets.data()) +
                                         first * data.targetElements(),
                                     output.sizes(), at::kFloat)
                           .to(output.device());
  return (output - targets).square().mean(1).sum();
}

int64_t accopt::training::lossValue(const Network::Impl &network,
                                    const Dataset &data) {
  return data.isClassification() ? network.graph().logits
                                 : network.graph().results[0];
}

int64_t accopt::training::findActivation(const Network::Impl &network,
                                         llvm::StringRef name) {
  const std::vector<GraphValue> &values = network.graph().values;
  for (size_t i = 0; i < values.size(); ++i)
    if (!name.empty() && values[i].name == name)
      return static_cast<int64_t>(i);
  throw ExecutionError("expected an activation named '" + name.str() +
                       "', got none");
}

/// Per channel, the sum over the samples of (sum over space of a g)^2.
static at::Tensor taylorTerms(const at::Tensor &activation,
                              const at::Tensor &gradient) {
  return (activation * gradient)
      .reshape({activation.size(0), activation.size(1), -1})
      .sum(2)
      .to(at::kDouble)
      .square()
      .sum(0);
}

/// Adds what one batch contributes to `sums`, one tensor for each value.
static void addImportance(Network::Impl &network,
                          const std::vector<int64_t> &wanted,
                          Network::Importance kind, const Dataset &data,
                          int64_t first, int64_t count,
                          std::vector<at::Tensor> &sums) {
  at::Tensor input = network.makeInput(sampleSlice(data, first, count), count);
  bool isTaylor = kind == Network::Importance::Taylor;
  input.set_requires_grad(isTaylor);
  at::AutoGradMode gradients(isTaylor);
  std::vector<at::Tensor> values =
      network.compute(wanted, {input}, Mode::Float);
  at::Tensor result = values.front();
  values.erase(values.begin());
  std::vector<at::Tensor> slopes(values.size());
  if (isTaylor)
    slopes = torch::autograd::grad(
        {sampleLosses(network, data, first, count, result)}, values, {},
        /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
  at::NoGradGuard noGrad;
  for (size_t i = 0; i < values.size(); ++i) {
    at::Tensor terms;
    if (isTaylor)
      terms = taylorTerms(values[i], slopes[i].defined()
                                         ? slopes[i]
                                         : at::zeros_like(values[i]));
    else
      terms = values[i]
                  .abs()
                  .to(at::kDouble)
                  .reshape({values[i].size(0), values[i].size(1), -1})
                  .mean(2)
                  .sum(0);
    sums[i] = sums[i].defined() ? sums[i] + terms : terms;
  }
}

llvm::Expected<std::vector<std::vector<double>>>
Network::channelImportance(llvm::ArrayRef<std::string> values, Importance kind,
                           const Dataset &data, int64_t maxSamples) {
  if (llvm::Error error = impl->checkData(data))
    return std::move(error);
  std::vector<std::vector<double>> importance;
  llvm::Error error = guarded([&] {
    std::vector<int64_t> wanted = {lossValue(*impl, data)};
    for (const std::string &name : values) {
      wanted.push_back(findActivation(*impl, name));
      if (impl->graph().values[wanted.back()].shape.size() < 2)
        throw ExecutionError("activation '" + name +
                             "': expected a dimension of channels");
    }
    int64_t samples = impl->batchSize(std::min(data.size(), maxSamples));
    samples = std::min(samples, data.size());
    int64_t batch = impl->batchSize();
    std::vector<at::Tensor> sums(values.size());
    for (int64_t first = 0; first < samples; first += batch)
      addImportance(*impl, wanted, kind, data, first,
                    std::min(batch, samples - first), sums);
    double seen = double(samples);
    for (const at::Tensor &sum : sums) {
      at::Tensor mean = (sum / seen).to(at::kCPU).contiguous();
      const double *numbers = mean.const_data_ptr<double>();
      importance.emplace_back(numbers, numbers + mean.numel());
    }
  });
  if (error)
    return std::move(error);
  return importance;
}
