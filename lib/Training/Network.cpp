//===- Network.cpp - An nn function that LibTorch runs --------------------===//
//
// Includes both torch and MLIR, of which it only needs FuncOp.
//
//===----------------------------------------------------------------------===//

#include "NetworkImpl.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <ATen/Context.h>

#include <algorithm>
#include <cstdlib>

using namespace accopt;
using namespace accopt::training;

Network::Network(std::unique_ptr<Impl> state) : impl(std::move(state)) {}
Network::~Network() = default;

//===----------------------------------------------------------------------===//
// Making a network
//===----------------------------------------------------------------------===//

/// The same bytes from the same input, on CPU and GPU.
static void makeDeterministic() {
  at::Context &context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Costs a pass over every new tensor and guards nothing here.
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  // Ten bits of mantissa are too few to compare with other executors.
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
}

static llvm::Expected<at::Device> openDevice(llvm::StringRef name) {
  if (name == "cpu")
    return at::Device(at::kCPU);
  if (name != "cuda")
    return makeError("--device: expected cpu or cuda, got '" + name + "'");
  if (!at::hasCUDA() || at::getNumGPUs() == 0)
    return makeError("--device=cuda: expected a GPU and a LibTorch built for "
                     "it, found none");
  // cuBLAS reads this once, before its first use.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  return at::Device(at::kCUDA, 0);
}

llvm::Expected<std::unique_ptr<Network>>
Network::create(mlir::func::FuncOp function, const NetworkOptions &options) {
  std::unique_ptr<Network> network;
  llvm::Error error = guarded([&]() -> llvm::Error {
    llvm::Expected<at::Device> device = openDevice(options.device);
    if (!device)
      return device.takeError();
    makeDeterministic();
    llvm::Expected<Graph> graph = buildGraph(function);
    if (!graph)
      return graph.takeError();
    network.reset(
        new Network(std::make_unique<Impl>(std::move(*graph), *device)));
    return llvm::Error::success();
  });
  if (error)
    return std::move(error);
  return network;
}

int64_t Network::parameterCount() const {
  int64_t count = 0;
  for (const at::Tensor &tensor : impl->executor.parameters())
    if (tensor.requires_grad())
      count += tensor.numel();
  return count;
}

//===----------------------------------------------------------------------===//
// Impl
//===----------------------------------------------------------------------===//

std::vector<at::Tensor>
Network::Impl::compute(const std::vector<int64_t> &wanted,
                       const std::vector<at::Tensor> &arguments, Mode mode,
                       bool isTraining) {
  switch (mode) {
  case Mode::Float:
    return executor.compute(wanted, arguments, isTraining);
  case Mode::FakeQuantized:
    if (!quantizer)
      throw ExecutionError("expected a quantization plan before a quantized "
                           "run");
    return executor.compute(wanted, arguments, isTraining, quantizer.get());
  case Mode::Integer:
    if (!runInteger)
      throw ExecutionError("expected a quantization plan before an integer "
                           "run");
    return runInteger(wanted, arguments);
  }
  throw ExecutionError("expected a mode");
}

at::Tensor Network::Impl::makeInput(llvm::ArrayRef<float> values, int64_t count,
                                    size_t index) const {
  const Graph &net = graph();
  if (index >= net.arguments.size())
    throw ExecutionError("expected a network with an input");
  std::vector<int64_t> shape = net.values[net.arguments[index]].shape;
  if (!shape.empty() && count % net.modelBatch == 0)
    shape[0] *= count / net.modelBatch;
  else if (!shape.empty())
    shape[0] = count;
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  if (elements != static_cast<int64_t>(values.size()))
    throw ExecutionError("input '" + net.values[net.arguments[index]].name +
                         "': expected " + std::to_string(elements) +
                         " values for " + std::to_string(count) +
                         " samples, got " + std::to_string(values.size()));
  return at::from_blob(const_cast<float *>(values.data()), shape, at::kFloat)
      .to(executor.device());
}

int64_t Network::Impl::sampleElements(int64_t value) const {
  int64_t elements = 1;
  for (int64_t size : graph().values[value].shape)
    elements *= size;
  return elements / graph().modelBatch;
}

int64_t Network::Impl::batchSize(int64_t preferred) const {
  // The largest activation of a batch takes at most 256 MiB.
  constexpr int64_t maxElements = int64_t(1) << 26;
  int64_t largest = 1;
  for (const Node &node : graph().nodes)
    largest = std::max(largest, sampleElements(node.result));
  int64_t unit = graph().isBatchable ? 1 : graph().modelBatch;
  return std::max<int64_t>(1,
                           std::min(preferred, maxElements / largest) / unit) *
         unit;
}

static std::string toText(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

llvm::Error Network::Impl::checkData(const Dataset &data) const {
  const Graph &net = graph();
  if (net.arguments.size() != 1)
    return makeError("expected a network with one input, got " +
                     llvm::Twine(net.arguments.size()));
  llvm::ArrayRef<int64_t> shape = net.values[net.arguments[0]].shape;
  if (shape.empty() || shape.drop_front() != llvm::ArrayRef(data.sampleShape))
    return makeError("data: expected samples of " +
                     toText(shape.empty() ? shape : shape.drop_front()) +
                     ", got " + toText(data.sampleShape));
  int64_t samples = data.size();
  if (samples == 0)
    return makeError("data: expected samples, got none");
  if (!net.isBatchable && samples % net.modelBatch != 0)
    return makeError("data: the model mixes the samples of its batch; expected "
                     "a multiple of " +
                     llvm::Twine(net.modelBatch) + " samples, got " +
                     llvm::Twine(samples));
  if (!data.isClassification()) {
    int64_t elements = sampleElements(net.results[0]);
    if (data.targetElements() != elements)
      return makeError("data: expected targets of " + llvm::Twine(elements) +
                       " elements, got " + toText(data.targetShape));
    return llvm::Error::success();
  }
  int64_t classes = sampleElements(net.logits);
  for (auto [i, label] : llvm::enumerate(data.labels))
    if (label < 0 || label >= classes)
      return makeError("data: expected labels in [0, " + llvm::Twine(classes) +
                       "), got " + llvm::Twine(label) + " for sample " +
                       llvm::Twine(i));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static std::vector<float> toVector(const at::Tensor &tensor) {
  at::Tensor host = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  const float *data = host.const_data_ptr<float>();
  return {data, data + host.numel()};
}

llvm::Expected<std::vector<Output>>
Network::runAll(llvm::ArrayRef<llvm::ArrayRef<float>> inputs, int64_t count,
                Mode mode) {
  std::vector<Output> outputs;
  const Graph &net = impl->graph();
  llvm::Error error = guarded([&] {
    at::NoGradGuard noGrad;
    if (inputs.size() != net.arguments.size())
      throw ExecutionError("expected " + std::to_string(net.arguments.size()) +
                           " inputs, got " + std::to_string(inputs.size()));
    std::vector<at::Tensor> arguments;
    arguments.reserve(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i)
      arguments.push_back(impl->makeInput(inputs[i], count, i));
    std::vector<at::Tensor> results =
        impl->compute(net.results, arguments, mode);
    for (auto [value, result] : llvm::zip_equal(net.results, results)) {
      Output output;
      output.shape = net.values[value].shape;
      // Rows that are not samples stay together.
      if (output.shape.empty() || output.shape[0] != net.modelBatch) {
        if (count != net.modelBatch)
          output.shape.insert(output.shape.begin(), count / net.modelBatch);
      } else {
        output.shape[0] = count;
      }
      output.values = toVector(result);
      outputs.push_back(std::move(output));
    }
  });
  if (error)
    return std::move(error);
  return outputs;
}

llvm::Expected<Output> Network::run(llvm::ArrayRef<float> inputs, int64_t count,
                                    Mode mode) {
  llvm::Expected<std::vector<Output>> outputs = runAll({inputs}, count, mode);
  if (!outputs)
    return outputs.takeError();
  return std::move(outputs->front());
}

static int32_t largest(llvm::ArrayRef<float> values) {
  return static_cast<int32_t>(std::max_element(values.begin(), values.end()) -
                              values.begin());
}

/// Adds what `count` samples from `first` contribute.
static void addBatch(Network::Impl &impl, const Dataset &data, int64_t first,
                     int64_t count, Mode mode, Evaluation &evaluation) {
  bool isClassification = data.isClassification();
  int64_t wanted =
      isClassification ? impl.graph().logits : impl.graph().results[0];
  at::Tensor input = impl.makeInput(sampleSlice(data, first, count), count);
  at::Tensor result =
      impl.flatten(impl.compute({wanted}, {input}, mode).front(), count);
  result = result.to(at::kCPU, at::kFloat).contiguous();
  if (!isClassification) {
    at::Tensor targets = at::from_blob(
        const_cast<float *>(data.targets.data()) + first * result.size(1),
        result.sizes(), at::kFloat);
    evaluation.loss += (result - targets)
                           .to(at::kDouble)
                           .square()
                           .mean(1)
                           .sum()
                           .item<double>();
    return;
  }
  at::Tensor losses = -at::log_softmax(result.to(at::kDouble), 1);
  auto classes = static_cast<size_t>(result.size(1));
  for (int64_t i = 0; i < count; ++i) {
    int32_t label = data.labels[first + i];
    int32_t decision =
        largest({result.const_data_ptr<float>() + i * result.size(1), classes});
    evaluation.loss +=
        losses.const_data_ptr<double>()[i * result.size(1) + label];
    evaluation.accuracy += decision == label;
    evaluation.decisions.push_back(decision);
  }
}

llvm::Expected<Evaluation> Network::evaluate(const Dataset &data, Mode mode) {
  if (llvm::Error error = impl->checkData(data))
    return std::move(error);
  Evaluation evaluation;
  evaluation.samples = data.size();
  llvm::Error error = guarded([&] {
    at::NoGradGuard noGrad;
    int64_t batch = impl->batchSize();
    for (int64_t i = 0; i < evaluation.samples; i += batch)
      addBatch(*impl, data, i, std::min(batch, evaluation.samples - i), mode,
               evaluation);
  });
  if (error)
    return std::move(error);
  evaluation.loss /= static_cast<double>(evaluation.samples);
  evaluation.accuracy /= static_cast<double>(evaluation.samples);
  return evaluation;
}

//===----------------------------------------------------------------------===//
// Parameters out and in
//===----------------------------------------------------------------------===//

llvm::Error Network::store(mlir::func::FuncOp function) const {
  std::vector<std::vector<float>> parameters;
  llvm::Error error = guarded([&] {
    for (const at::Tensor &tensor : impl->executor.parameters())
      parameters.push_back(toVector(tensor));
  });
  if (error)
    return error;
  return storeParameters(function, parameters);
}
