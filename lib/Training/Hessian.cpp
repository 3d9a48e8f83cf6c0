//===- Hessian.cpp - Traces of the loss's second derivative ---------------===//
//
// Part of AccOpt. Hutchinson: for v of independent signs, E[v' H v] = tr H. The
// product H v is a gradient of a gradient. Signs are drawn for all layers at
// once; what two layers share averages out, because their signs are
// independent.
//
//===----------------------------------------------------------------------===//

#include "Quantizers.h"
#include "SampleLoss.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <random>

using namespace accopt;
using namespace accopt::training;

/// The weights of the layer whose result has this name.
static at::Tensor findWeights(const Network::Impl &network,
                              const std::string &layer) {
  int64_t result = findActivation(network, layer);
  for (const Node &node : network.graph().nodes) {
    int64_t index = findOperand(node, Role::Weights);
    if (node.result != result || index < 0)
      continue;
    at::Tensor weights =
        findParameter(network.executor, node.operands[index].value);
    if (weights.defined() && weights.requires_grad())
      return weights;
  }
  throw ExecutionError("layer '" + layer +
                       "': expected a layer with weights that training "
                       "changes");
}

/// Tensors of 1 and -1, like those given; the same for the same generator.
static std::vector<at::Tensor> drawSigns(const std::vector<at::Tensor> &like,
                                         std::mt19937_64 &random) {
  std::vector<at::Tensor> signs;
  for (const at::Tensor &tensor : like) {
    at::Tensor host = at::empty(tensor.sizes(), at::kFloat);
    float *values = host.mutable_data_ptr<float>();
    for (int64_t i = 0; i < host.numel(); ++i)
      values[i] = random() >> 63 ? 1.0f : -1.0f;
    signs.push_back(host.to(tensor.device()));
  }
  return signs;
}

/// Adds v' H v for each layer and each vector over one batch.
static void addProducts(Network::Impl &network, const Dataset &data,
                        int64_t first, int64_t count,
                        const std::vector<at::Tensor> &weights,
                        const std::vector<std::vector<at::Tensor>> &vectors,
                        std::vector<double> &sums) {
  at::Tensor input = network.makeInput(sampleSlice(data, first, count), count);
  at::Tensor loss = sampleLosses(
      network, data, first, count,
      network.compute({lossValue(network, data)}, {input}, Mode::Float)
          .front());
  std::vector<at::Tensor> slopes = torch::autograd::grad(
      {loss}, weights, {}, /*retain_graph=*/true, /*create_graph=*/true,
      /*allow_unused=*/true);
  std::vector<at::Tensor> used, usedWeights;
  std::vector<size_t> places;
  for (size_t i = 0; i < slopes.size(); ++i)
    // A gradient that does not depend on any weight has no derivative.
    if (slopes[i].defined() && slopes[i].requires_grad()) {
      used.push_back(slopes[i]);
      usedWeights.push_back(weights[i]);
      places.push_back(i);
    }
  if (used.empty())
    return;
  for (const std::vector<at::Tensor> &signs : vectors) {
    std::vector<at::Tensor> chosen;
    chosen.reserve(places.size());
    for (size_t place : places)
      chosen.push_back(signs[place]);
    std::vector<at::Tensor> products =
        torch::autograd::grad(used, usedWeights, chosen, /*retain_graph=*/true,
                              /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t k = 0; k < places.size(); ++k)
      if (products[k].defined())
        sums[places[k]] +=
            (products[k] * chosen[k]).sum(at::kDouble).item<double>();
  }
}

llvm::Expected<std::vector<double>>
Network::hessianTraces(llvm::ArrayRef<std::string> layers, const Dataset &data,
                       int64_t maxSamples, unsigned vectors, uint64_t seed) {
  if (llvm::Error error = impl->checkData(data))
    return std::move(error);
  if (vectors == 0 || maxSamples < 1)
    return makeError("Hessian trace: expected at least one vector and sample");
  std::vector<double> traces(layers.size(), 0.0);
  llvm::Error error = guarded([&] {
    at::AutoGradMode gradients(true);
    std::vector<at::Tensor> weights;
    for (const std::string &layer : layers)
      weights.push_back(findWeights(*impl, layer));
    std::mt19937_64 random(seed);
    std::vector<std::vector<at::Tensor>> signs;
    signs.reserve(vectors);
    for (unsigned i = 0; i < vectors; ++i)
      signs.push_back(drawSigns(weights, random));
    int64_t samples = impl->batchSize(std::min(data.size(), maxSamples));
    samples = std::min(samples, data.size());
    int64_t batch = impl->batchSize();
    for (int64_t first = 0; first < samples; first += batch)
      addProducts(*impl, data, first, std::min(batch, samples - first), weights,
                  signs, traces);
    double seen = double(samples);
    for (size_t i = 0; i < traces.size(); ++i)
      traces[i] /= seen * double(vectors) * double(weights[i].numel());
  });
  if (error)
    return std::move(error);
  return traces;
}
