//===- Trainer.cpp - Loss, optimizer, schedule, epochs --------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Losses.h"
#include "Schedule.h"
#include "TrainerImpl.h"

#include <torch/csrc/autograd/autograd.h>

#include <cmath>

using namespace accopt;
using namespace accopt::training;

//===----------------------------------------------------------------------===//
// Making a trainer
//===----------------------------------------------------------------------===//

/// Weights decay; normalizations, biases, factors per channel and quantizers'
/// steps do not. Steps are logarithms, whose gradients shrink with the square
/// of the step under SGD: AdamW, which does not mind their scale, learns them
/// always.
static std::vector<ParameterGroup> makeGroups(const Network::Impl &network,
                                              const TrainingOptions &options) {
  ParameterGroup weights, others, steps;
  weights.kind = others.kind = options.optimizer;
  weights.weightDecay = options.weightDecay;
  steps.rate = options.stepRate;
  const std::vector<at::Tensor> &tensors = network.executor.parameters();
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].requires_grad())
      (network.graph().parameters[i].role == Role::Weights ? weights : others)
          .parameters.push_back(tensors[i]);
  if (options.mode == Mode::FakeQuantized)
    for (const NamedTensor &extra : network.extras)
      if (extra.tensor.requires_grad())
        steps.parameters.push_back(extra.tensor);
  return {std::move(weights), std::move(others), std::move(steps)};
}

static int64_t outputOf(const Network::Impl &network, const Dataset &data) {
  return data.isClassification() ? network.graph().logits
                                 : network.graph().results[0];
}

static int64_t findValue(const Network::Impl &network, llvm::StringRef name) {
  const std::vector<GraphValue> &values = network.graph().values;
  for (size_t i = 0; i < values.size(); ++i)
    if (!name.empty() && values[i].name == name)
      return static_cast<int64_t>(i);
  return -1;
}

Trainer::Impl::Impl(Network &network, Network *teacher, const Dataset &data,
                    const TrainingOptions &options)
    : owner(network), network(network.getImpl()),
      teacher(teacher ? &teacher->getImpl() : nullptr), data(data),
      options(options),
      optimizer(makeGroups(network.getImpl(), options), options.momentum) {
  wanted.push_back(outputOf(this->network, data));
  if (this->teacher)
    teacherWanted.push_back(outputOf(*this->teacher, data));
  if (options.hintWeight != 0)
    for (const std::string &name : options.hints) {
      wanted.push_back(findValue(this->network, name));
      teacherWanted.push_back(findValue(*this->teacher, name));
    }
  if (options.averageDecay > 0)
    for (const at::Tensor &parameter : optimizer.parameters())
      averages.push_back(parameter.detach().clone());
}

static llvm::Error checkOptions(const TrainingOptions &options) {
  auto check = [](bool isGood, const char *name, const char *expected,
                  double got) -> llvm::Error {
    if (isGood)
      return llvm::Error::success();
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "training: %s: expected %s, got %g", name,
                                   expected, got);
  };
  auto isShare = [](double value) { return value >= 0 && value < 1; };
  auto isAmount = [](double value) {
    return value >= 0 && std::isfinite(value);
  };
  const char *share = "a number in [0, 1)", *amount = "a number of at least 0";
  llvm::Error errors[] = {
      check(options.batchSize > 0, "batch size", "at least 1",
            double(options.batchSize)),
      check(options.epochs > 0, "epochs", "at least 1", double(options.epochs)),
      check(isAmount(options.learningRate), "learning rate", amount,
            options.learningRate),
      check(isShare(options.momentum), "momentum", share, options.momentum),
      check(isAmount(options.weightDecay), "weight decay", amount,
            options.weightDecay),
      check(isShare(options.labelSmoothing), "label smoothing", share,
            options.labelSmoothing),
      check(isShare(options.averageDecay), "average decay", share,
            options.averageDecay),
      check(isAmount(options.clipNorm), "clip norm", amount, options.clipNorm),
      check(isAmount(options.warmupEpochs), "warm-up epochs", amount,
            options.warmupEpochs),
      check(isAmount(options.hintWeight), "hint weight", amount,
            options.hintWeight),
      check(options.stepEpochs > 0, "step epochs", "at least 1",
            double(options.stepEpochs)),
      check(options.distillation >= 0 && options.distillation <= 1,
            "distillation", "a number in [0, 1]", options.distillation),
      check(options.temperature > 0, "temperature", "a positive number",
            options.temperature)};
  llvm::Error first = llvm::Error::success();
  for (llvm::Error &error : errors) {
    if (first)
      llvm::consumeError(std::move(error));
    else
      first = std::move(error);
  }
  return first;
}

static llvm::Error checkTeacher(const Network::Impl &network,
                                const Network::Impl *teacher,
                                const Dataset &data,
                                const TrainingOptions &options) {
  bool hasHints = options.hintWeight != 0 && !options.hints.empty();
  if (!teacher && (options.distillation > 0 || hasHints))
    return makeError("training: expected a teacher for distillation, got none");
  if (!teacher)
    return llvm::Error::success();
  if (llvm::Error error = teacher->checkData(data))
    return error;
  int64_t mine = network.sampleElements(outputOf(network, data));
  int64_t other = teacher->sampleElements(outputOf(*teacher, data));
  if (mine != other)
    return makeError("training: expected a teacher with " + llvm::Twine(mine) +
                     " outputs, got " + llvm::Twine(other));
  if (!hasHints)
    return llvm::Error::success();
  for (const std::string &name : options.hints) {
    int64_t here = findValue(network, name), there = findValue(*teacher, name);
    if (here < 0 || there < 0)
      return makeError("training: hint '" + name +
                       "': expected an activation of this name in network and "
                       "teacher, got none in the " +
                       (here < 0 ? "network" : "teacher"));
    if (network.sampleElements(here) != teacher->sampleElements(there))
      return makeError("training: hint '" + name +
                       "': expected equal shapes in network and teacher");
  }
  return llvm::Error::success();
}

Trainer::Trainer(std::unique_ptr<Impl> state) : impl(std::move(state)) {}
Trainer::~Trainer() = default;

llvm::Expected<std::unique_ptr<Trainer>>
Trainer::create(Network &network, Network *teacher, const Dataset &data,
                const TrainingOptions &options) {
  if (network.parameterCount() == 0)
    return makeError("training: expected a network with parameters, got none");
  if (options.mode == Mode::Integer)
    return makeError("training: integers have no gradients; expected mode "
                     "Float or FakeQuantized");
  if (options.mode == Mode::FakeQuantized && !network.getImpl().quantizer)
    return makeError("training: expected a quantization plan before quantized "
                     "training, got none");
  if (llvm::Error error = checkOptions(options))
    return std::move(error);
  if (llvm::Error error = network.getImpl().checkData(data))
    return std::move(error);
  if (llvm::Error error =
          checkTeacher(network.getImpl(),
                       teacher ? &teacher->getImpl() : nullptr, data, options))
    return std::move(error);
  std::unique_ptr<Trainer> trainer;
  if (llvm::Error error = guarded([&] {
        trainer.reset(new Trainer(
            std::make_unique<Impl>(network, teacher, data, options)));
      }))
    return std::move(error);
  return trainer;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

at::Tensor Trainer::Impl::taskLoss(const Batch &batch, const at::Tensor &output,
                                   BatchResult &result) const {
  if (!data.isClassification()) {
    at::Tensor targets =
        at::from_blob(const_cast<float *>(batch.targets.data()), output.sizes(),
                      at::kFloat)
            .to(output.device());
    return squaredDistance(output, targets);
  }
  at::Tensor labels = at::from_blob(const_cast<int32_t *>(batch.labels.data()),
                                    {batch.size}, at::kInt)
                          .to(output.device(), at::kLong);
  {
    at::NoGradGuard noGrad;
    result.correct = output.argmax(1).eq(labels).sum().item<int64_t>();
  }
  return crossEntropy(output, labels, options.labelSmoothing);
}

at::Tensor Trainer::Impl::lossOf(const Batch &batch, const at::Tensor &input,
                                 BatchResult &result) {
  std::vector<at::Tensor> values =
      network.compute(wanted, {input}, options.mode, /*isTraining=*/true);
  at::Tensor output = network.flatten(values[0], batch.size);
  at::Tensor loss = taskLoss(batch, output, result);
  if (!teacher || (options.distillation == 0 && wanted.size() == 1))
    return loss;
  std::vector<at::Tensor> taught;
  {
    at::NoGradGuard noGrad;
    taught = teacher->compute(teacherWanted, {input}, Mode::Float);
  }
  double share = options.distillation;
  if (share > 0) {
    at::Tensor goal = teacher->flatten(taught[0], batch.size);
    at::Tensor distance =
        data.isClassification()
            ? distillationLoss(output, goal, options.temperature)
            : squaredDistance(output, goal);
    loss = loss * (1 - share) + distance * share;
  }
  for (size_t i = 1; i < wanted.size(); ++i)
    loss = loss + squaredDistance(values[i], taught[i].reshape_as(values[i])) *
                      options.hintWeight;
  return loss;
}

/// Early on the average follows closely, as in TensorFlow's.
void Trainer::Impl::updateAverages() {
  if (averages.empty())
    return;
  at::NoGradGuard noGrad;
  double warm = double(steps) / double(steps + 9);
  double decay = std::min(options.averageDecay, warm);
  at::_foreach_lerp_(averages, optimizer.parameters(), 1 - decay);
}

Trainer::Impl::BatchResult Trainer::Impl::trainBatch(const Batch &batch,
                                                     double learningRate) {
  BatchResult result;
  at::Tensor input = network.makeInput(batch.inputs, batch.size);
  at::Tensor loss = lossOf(batch, input, result);
  result.loss = loss.item<double>();
  // What is not finite must not reach the parameters.
  if (!std::isfinite(result.loss))
    return result;
  optimizer.clearGradients();
  torch::autograd::backward({loss});
  if (options.clipNorm > 0)
    optimizer.clipGradients(options.clipNorm);
  optimizer.step(learningRate);
  ++steps;
  updateAverages();
  return result;
}

llvm::Expected<EpochResult>
Trainer::runEpoch(int64_t epoch, llvm::function_ref<void(double)> progress) {
  const TrainingOptions &options = impl->options;
  BatchOptions batches;
  batches.batchSize = impl->network.batchSize(options.batchSize);
  batches.augmentation = options.augmentation;
  batches.seed = options.seed;
  batches.epoch = static_cast<uint64_t>(epoch);
  // A last batch of one sample has no statistics.
  batches.dropLast = impl->data.size() > batches.batchSize &&
                     impl->data.size() % batches.batchSize == 1;
  EpochResult result{epoch};
  int64_t samples = 0, correct = 0;
  llvm::Error error = guarded([&]() -> llvm::Error {
    BatchLoader loader(impl->data, batches);
    double count = double(std::max<int64_t>(1, loader.batches()));
    Batch batch;
    for (int64_t i = 0; loader.next(batch); ++i) {
      result.learningRate = learningRate(options, double(epoch) + i / count);
      Impl::BatchResult step = impl->trainBatch(batch, result.learningRate);
      if (!std::isfinite(step.loss))
        return llvm::createStringError(
            llvm::inconvertibleErrorCode(),
            "training: epoch %lld, batch %lld: expected a finite loss, got %s; "
            "a lower learning rate may help",
            static_cast<long long>(epoch), static_cast<long long>(i),
            std::isnan(step.loss) ? "nan" : "infinity");
      result.loss += step.loss * double(batch.size);
      samples += batch.size;
      correct += step.correct;
      if (progress)
        progress(double(i + 1) / count);
    }
    return llvm::Error::success();
  });
  if (error)
    return std::move(error);
  result.loss /= double(std::max<int64_t>(1, samples));
  result.accuracy = double(correct) / double(std::max<int64_t>(1, samples));
  return result;
}

void Trainer::useAverage() {
  at::NoGradGuard noGrad;
  std::vector<at::Tensor> parameters = impl->optimizer.parameters();
  for (size_t i = 0; i < impl->averages.size(); ++i)
    parameters[i].copy_(impl->averages[i]);
}
