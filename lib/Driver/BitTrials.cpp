//===- BitTrials.cpp - Accuracy at any choice of bits ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "BitTrials.h"

#include "LayerRunner.h"

#include "accopt/Conversion/NNToTosa.h"

using namespace mlir;

namespace accopt {

void GoalSums::add(size_t sample, size_t index, ArrayRef<float> values) {
  const std::vector<float> &expected = calibration.outputs[sample][index];
  // A result that is a constant of the network has no noise.
  if (expected.empty())
    return;
  errors[index].add(expected, values);
  Decisions more = compareDecisions(
      expected, values,
      cast<RankedTensorType>(calibration.scores[index].getType()).getShape());
  decisions.rows += more.rows;
  decisions.same += more.same;
}

GoalMeasure GoalSums::measure() const {
  GoalMeasure result;
  result.sqnr = 200;
  for (const ErrorSums &error : errors) {
    result.sqnr = std::min(result.sqnr, error.sqnr());
    if (error.noise > 0)
      result.noise =
          std::max(result.noise, error.noise / std::max(error.signal, 1e-30));
  }
  result.rows = decisions.rows;
  result.sameDecision = decisions.same;
  return result;
}

llvm::Expected<BitTrials> BitTrials::create(func::FuncOp function,
                                            const Calibration &calibration,
                                            StringRef file) {
  BitTrials trials(calibration);
  llvm::Expected<Samples> samples = Samples::read(function, file);
  if (!samples)
    return samples.takeError();
  for (int64_t sample : calibration.samples)
    trials.inputs.push_back(samples->get(sample));
  if (llvm::Error error =
          makeSwitchedNetwork(function, calibration.ranges, calibration.scores)
              .moveInto(trials.network))
    return std::move(error);
  auto main = trials.network.module->lookupSymbol<func::FuncOp>("main");
  FailureOr<func::FuncOp> lowered = convertNNToTosa(main);
  if (failed(lowered))
    return llvm::createStringError("cannot lower the network to TOSA");
  main.erase();
  auto executor = Executor::create(*trials.network.module, lowered->getName());
  if (!executor)
    return executor.takeError();
  trials.executor = std::move(*executor);
  return std::move(trials);
}

/// All but exact over what `rounding` reaches: a correction that is not there
/// leaves its residual as it is.
static Rounding almostExact(const Rounding &rounding) {
  constexpr float steps = 0x1p14f;
  return {rounding.step / steps, rounding.least * 2 * steps,
          rounding.most * 2 * steps};
}

std::vector<Tensor> BitTrials::switchesOf(const TrialChoice &choice) const {
  std::vector<Rounding> roundings;
  for (auto [index, entry] : llvm::enumerate(network.classes))
    roundings.push_back(choice.wide.test(unsigned(index)) ? entry.wide
                                                          : entry.narrow);
  std::vector<float> counts;
  for (auto [index, entry] : llvm::enumerate(network.corrections)) {
    bool isThere = choice.corrected.test(unsigned(index));
    bool isWide = llvm::any_of(entry.joined, [&](size_t joined) {
      return choice.wide.test(unsigned(joined));
    });
    const SwitchedClass &own = network.classes[entry.index];
    roundings[entry.index] = !isThere ? almostExact(own.narrow)
                             : isWide ? own.wide
                                      : own.narrow;
    counts.push_back(isThere ? 1 : 0);
  }
  std::vector<Tensor> switches;
  for (const Rounding &rounding : roundings)
    for (float value : {rounding.step, rounding.least, rounding.most})
      switches.push_back(Tensor::create<float>({1}, value));
  for (float count : counts)
    switches.push_back(Tensor::create<float>({1}, count));
  return switches;
}

llvm::Expected<GoalMeasure> BitTrials::run(const TrialChoice &choice,
                                           size_t samples) const {
  std::vector<Tensor> switches = switchesOf(choice);
  GoalSums sums(*calibration);
  size_t count = samples ? std::min(samples, inputs.size()) : inputs.size();
  for (size_t i = 0; i < count; ++i) {
    size_t sample = i * inputs.size() / count;
    std::vector<Tensor> arguments = inputs[sample];
    llvm::append_range(arguments, switches);
    auto results = executor->run(arguments);
    if (!results)
      return results.takeError();
    for (auto [index, tensor] : llvm::enumerate(*results))
      sums.add(sample, index, tensor.values<float>());
  }
  return sums.measure();
}

llvm::Expected<GoalMeasure> BitTrials::runIntegers(ModuleOp layers) const {
  SmallVector<unsigned> unwrapped;
  Value first = calibration->scores.front();
  for (OpOperand &result :
       first.getParentBlock()->getTerminator()->getOpOperands())
    if (getElementTypeOrSelf(result.get().getType()).isF32() &&
        !llvm::is_contained(calibration->scores, result.get()))
      unwrapped.push_back(result.getOperandNumber());
  auto runner = LayerRunner::create(layers, unwrapped);
  if (!runner)
    return runner.takeError();
  GoalSums sums(*calibration);
  for (size_t sample = 0; sample < inputs.size(); ++sample) {
    auto scores = runner->runScores(inputs[sample]);
    if (!scores)
      return scores.takeError();
    for (auto [index, values] : llvm::enumerate(*scores))
      sums.add(sample, index, values);
  }
  return sums.measure();
}

} // namespace accopt
