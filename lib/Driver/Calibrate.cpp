//===- Calibrate.cpp - Ranges of activations, from any source -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Calibrate.h"

#include "Samples.h"
#include "accopt/Execution/Executor.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Transforms/RangeCollector.h"
#include "dialects/NN/NNOps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {
namespace {

/// Shows every value, sample by sample: `observe(sample, value, elements,
/// shape)`.
using Observer = llvm::function_ref<void(int64_t, Value, ArrayRef<float>,
                                         ArrayRef<int64_t>)>;

llvm::Error runOnSamples(func::FuncOp function, const Samples &samples,
                         StringRef task, Progress &progress, Observer observe) {
  progress.begin(task, samples.count());
  auto runner = IntermediateRunner::create(function);
  if (!runner)
    return runner.takeError();
  for (int64_t sample = 0; sample < samples.count(); ++sample) {
    progress.update(double(sample));
    auto observeOne = [&](Value value, ArrayRef<float> values,
                          ArrayRef<int64_t> shape) {
      observe(sample, value, values, shape);
    };
    if (llvm::Error error = (*runner)->run(samples.get(sample), observeOne))
      return error;
  }
  progress.update(double(samples.count()));
  progress.end();
  return llvm::Error::success();
}

/// All that one pass over the data is to collect.
class Collector {
public:
  Collector(func::FuncOp function, const CompileOptions &options,
            Calibration &result);

  bool isIdle() const {
    return quantized.empty() && result.patches.empty() && places.empty();
  }
  /// Chooses the samples on which results are kept.
  void chooseSamples(int64_t count);
  void observe(int64_t sample, Value value, ArrayRef<float> values);
  llvm::Expected<RangeTable> ranges(const CalibrationMethod &method) const {
    return collector.finish(method);
  }

private:
  Calibration &result;
  llvm::DenseSet<Value> quantized; ///< whose ranges are asked for
  llvm::MapVector<Value, std::string> names;
  llvm::DenseMap<Value, SmallVector<size_t>> places; ///< among the scores
  RangeCollector collector;
};

Collector::Collector(func::FuncOp function, const CompileOptions &options,
                     Calibration &result)
    : result(result), names(nameValues(function)) {
  if (options.calibration.empty())
    quantized = valuesToQuantize(function);
  if (options.compensatesRounding())
    result.patches = PatchTable(function);
  if (!options.accuracyGoal)
    return;
  result.scores = getScores(function);
  for (auto [index, score] : llvm::enumerate(result.scores))
    places[score].push_back(index);
}

void Collector::chooseSamples(int64_t count) {
  result.patches.expect(count);
  if (places.empty())
    return;
  int64_t taken = std::min(count, kGoalSamples);
  for (int64_t i = 0; i < taken; ++i)
    result.samples.push_back(i * count / taken);
  result.outputs.assign(size_t(taken),
                        std::vector<std::vector<float>>(result.scores.size()));
}

void Collector::observe(int64_t sample, Value value, ArrayRef<float> values) {
  if (quantized.contains(value))
    collector.observe(names.lookup(value), values);
  result.patches.observe(value, values);
  auto place = places.find(value);
  auto kept = llvm::lower_bound(result.samples, sample);
  if (place == places.end() || kept == result.samples.end() || *kept != sample)
    return;
  for (size_t index : place->second)
    result.outputs[kept - result.samples.begin()][index] = values.vec();
}

/// A pass over the data, and its ranges where no file has them.
llvm::Error measure(func::FuncOp function, const CompileOptions &options,
                    Progress &progress, Calibration &result) {
  llvm::Expected<CalibrationMethod> method =
      parseCalibrationMethod(options.calibrationMethod);
  if (!method)
    return method.takeError();
  Collector collector(function, options, result);
  // A network that the host runs alone has nothing to measure.
  if (collector.isIdle())
    return llvm::Error::success();
  llvm::Expected<Samples> samples =
      Samples::read(function, options.calibrationData);
  if (!samples)
    return samples.takeError();
  collector.chooseSamples(samples->count());
  auto observe = [&](int64_t sample, Value value, ArrayRef<float> values,
                     ArrayRef<int64_t>) {
    collector.observe(sample, value, values);
  };
  if (llvm::Error error =
          runOnSamples(function, *samples, "calibration", progress, observe))
    return error;
  if (!options.calibration.empty())
    return llvm::Error::success();
  return collector.ranges(*method).moveInto(result.ranges);
}
} // namespace

/// What `value` holds in other shapes with the same rows.
static Value skipReshapes(Value value) {
  auto rowOf = [](Value shaped) {
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(shaped.getType()).getShape();
    return shape.empty() ? 1 : shape.back();
  };
  while (auto reshape = value.getDefiningOp<nn::ReshapeOp>()) {
    if (rowOf(reshape.getInput()) != rowOf(value))
      break;
    value = reshape.getInput();
  }
  return value;
}

SmallVector<Value> getScores(func::FuncOp function) {
  SmallVector<Value> scores;
  for (Value value :
       function.getBody().front().getTerminator()->getOperands()) {
    if (!getElementTypeOrSelf(value.getType()).isF32())
      continue;
    auto softmax = skipReshapes(value).getDefiningOp<nn::SoftmaxOp>();
    bool isLast = softmax &&
                  int64_t(softmax.getAxis()) == softmax.getType().getRank() - 1;
    scores.push_back(isLast ? softmax.getInput() : value);
  }
  return scores;
}

llvm::Expected<Calibration> calibrate(func::FuncOp function,
                                      const CompileOptions &options,
                                      Progress &progress) {
  Calibration result;
  if (!options.calibration.empty())
    if (llvm::Error error =
            readRanges(options.calibration).moveInto(result.ranges))
      return std::move(error);
  bool needsData = options.calibration.empty() ||
                   options.compensatesRounding() || options.accuracyGoal;
  if (!options.calibrationData.empty()) {
    if (needsData)
      if (llvm::Error error = measure(function, options, progress, result))
        return std::move(error);
    return std::move(result);
  }
  if (!options.calibration.empty())
    return std::move(result);
  if (!options.quiet)
    llvm::errs() << "note: ranges are estimated from the model's own "
                    "statistics; give --calibration-data=FILE for measured "
                    "ones\n";
  if (llvm::Error error = inferRanges(function).moveInto(result.ranges))
    return makeFileError(options.input, llvm::toString(std::move(error)));
  return std::move(result);
}

llvm::Error addMissingRanges(func::FuncOp function, ArrayRef<Value> values,
                             const CompileOptions &options, Progress &progress,
                             RangeTable &ranges) {
  auto names = nameValues(function);
  llvm::SetVector<Value> missing;
  for (Value value : values)
    if (!ranges.find(names.lookup(value)))
      missing.insert(value);
  if (missing.empty())
    return llvm::Error::success();
  RangeTable more;
  if (options.calibrationData.empty()) {
    if (llvm::Error error = inferRanges(function).moveInto(more))
      return makeFileError(options.input, llvm::toString(std::move(error)));
  } else {
    llvm::Expected<CalibrationMethod> method =
        parseCalibrationMethod(options.calibrationMethod);
    if (!method)
      return method.takeError();
    llvm::Expected<Samples> samples =
        Samples::read(function, options.calibrationData);
    if (!samples)
      return samples.takeError();
    RangeCollector collector;
    auto observe = [&](int64_t, Value value, ArrayRef<float> elements,
                       ArrayRef<int64_t>) {
      if (missing.contains(value))
        collector.observe(names.lookup(value), elements);
    };
    if (llvm::Error error =
            runOnSamples(function, *samples, "calibration of corrections",
                         progress, observe))
      return error;
    if (llvm::Error error = collector.finish(*method).moveInto(more))
      return error;
  }
  for (Value value : missing)
    if (const Range *range = more.find(names.lookup(value)))
      ranges.set(names.lookup(value), *range);
  return llvm::Error::success();
}

llvm::Expected<ChannelTable> measureChannels(func::FuncOp function,
                                             const CompileOptions &options,
                                             Progress &progress) {
  ChannelTable channels;
  auto names = nameValues(function);
  auto observe = [&](int64_t, Value value, ArrayRef<float> values,
                     ArrayRef<int64_t> shape) {
    if (std::string name = names.lookup(value); !name.empty())
      channels[name].observe(values, shape);
  };
  llvm::Expected<Samples> samples =
      Samples::read(function, options.calibrationData);
  if (!samples)
    return samples.takeError();
  if (llvm::Error error = runOnSamples(
          function, *samples, "statistics of channels", progress, observe))
    return std::move(error);
  return std::move(channels);
}

void printDiagnostic(StringRef file, Diagnostic &diagnostic) {
  std::string name = getNodeName(diagnostic.getLocation());
  std::string text = diagnostic.str();
  // Errors of the transforms name the node and its type themselves.
  if (!name.empty() && !StringRef(text).starts_with("node '"))
    text = "node '" + name + "': " + text;
  printError(makeFileError(file, text));
}

} // namespace accopt
