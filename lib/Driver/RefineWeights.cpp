//===- RefineWeights.cpp - Less loss without training ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "RefineWeights.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {
namespace {

void note(const CompileOptions &options, StringRef done, unsigned count,
          StringRef what) {
  if (!options.quiet)
    llvm::errs() << "note: " << done << ' ' << count << ' ' << what << '\n';
}

void compensate(func::FuncOp function, const QuantizationPlan &plan,
                const PatchTable &patches, const CompileOptions &options,
                Progress &progress) {
  progress.begin("rounding of weights", int64_t(patches.entries().size()));
  unsigned rounded =
      compensateRounding(function, patches, plan,
                         [&](size_t done) { progress.update(double(done)); });
  progress.end();
  // By default it goes without saying.
  if (options.compensateRounding)
    note(options, "compensated the rounding of", rounded, "layers");
}

llvm::Error correct(func::FuncOp function, const QuantizationPlan &plan,
                    const CompileOptions &options, Progress &progress) {
  auto channels = measureChannels(function, options, progress);
  if (!channels)
    return channels.takeError();
  note(options, "corrected the biases of",
       correctBiases(function, *channels, plan), "layers");
  return llvm::Error::success();
}
} // namespace

llvm::Error checkRefinements(const CompileOptions &options) {
  if (!options.calibrationData.empty())
    return llvm::Error::success();
  const std::pair<bool, StringRef> flags[] = {
      {options.equalize, "--equalize"},
      {options.compensateRounding.value_or(false), "--compensate-rounding"},
      {options.correctBias, "--correct-bias"},
      {options.accuracyGoal.has_value(), "--accuracy-goal"}};
  for (const auto &[isSet, flag] : flags)
    if (isSet)
      return llvm::createStringError(
          flag + ": expected --calibration-data=FILE, got none");
  return llvm::Error::success();
}

llvm::Error levelChannels(func::FuncOp function, const CompileOptions &options,
                          Progress &progress) {
  if (!options.equalize)
    return llvm::Error::success();
  auto channels = measureChannels(function, options, progress);
  if (!channels)
    return channels.takeError();
  note(options, "levelled the channels of",
       equalizeChannels(function, *channels), "tensors");
  return llvm::Error::success();
}

llvm::Error refineWeights(func::FuncOp function, const Calibration &calibration,
                          const CompileOptions &options, Progress &progress) {
  if (!options.compensatesRounding() && !options.correctBias)
    return llvm::Error::success();
  llvm::Expected<QuantizationPlan> plan =
      planQuantization(function, calibration.ranges);
  if (!plan)
    return makeFileError(options.input, llvm::toString(plan.takeError()));
  if (options.compensatesRounding())
    compensate(function, *plan, calibration.patches, options, progress);
  if (options.correctBias)
    return correct(function, *plan, options, progress);
  return llvm::Error::success();
}

llvm::Error correctWeights(func::FuncOp function, const ExactWeights &exact,
                           Calibration &calibration,
                           const CompileOptions &options, Progress &progress) {
  auto fail = [&](llvm::Error error) {
    return makeFileError(options.input, llvm::toString(std::move(error)));
  };
  auto corrections = addCorrections(function, exact, calibration.ranges);
  if (!corrections)
    return fail(corrections.takeError());
  if (llvm::Error error = addMissingRanges(function, *corrections, options,
                                           progress, calibration.ranges))
    return error;
  if (llvm::Error error = roundCorrections(function, calibration.ranges))
    return fail(std::move(error));
  return llvm::Error::success();
}

} // namespace accopt
