//===- RefineWeights.cpp - Less loss without training ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "RefineWeights.h"

#include "Calibrate.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {
namespace {

llvm::Error needData(const CompileOptions &options, StringRef flag) {
  if (!options.calibrationData.empty())
    return llvm::Error::success();
  return llvm::createStringError(
      flag + ": expected --calibration-data=FILE, got none");
}

void note(const CompileOptions &options, StringRef done, unsigned count,
          StringRef what) {
  if (!options.quiet)
    llvm::errs() << "note: " << done << ' ' << count << ' ' << what << '\n';
}

llvm::Error compensate(func::FuncOp function, const QuantizationPlan &plan,
                       const CompileOptions &options) {
  if (llvm::Error error = needData(options, "--compensate-rounding"))
    return error;
  auto patches = measurePatches(function, options.calibrationData);
  if (!patches)
    return patches.takeError();
  note(options, "compensated the rounding of",
       compensateRounding(function, *patches, plan), "layers");
  return llvm::Error::success();
}

llvm::Error correct(func::FuncOp function, const QuantizationPlan &plan,
                    const CompileOptions &options) {
  if (llvm::Error error = needData(options, "--correct-bias"))
    return error;
  auto channels = measureChannels(function, options.calibrationData);
  if (!channels)
    return channels.takeError();
  note(options, "corrected the biases of",
       correctBiases(function, *channels, plan), "layers");
  return llvm::Error::success();
}
} // namespace

llvm::Error levelChannels(func::FuncOp function,
                          const CompileOptions &options) {
  if (!options.equalize)
    return llvm::Error::success();
  if (llvm::Error error = needData(options, "--equalize"))
    return error;
  auto channels = measureChannels(function, options.calibrationData);
  if (!channels)
    return channels.takeError();
  note(options, "levelled the channels of",
       equalizeChannels(function, *channels), "tensors");
  return llvm::Error::success();
}

llvm::Error refineWeights(func::FuncOp function, const RangeTable &ranges,
                          const CompileOptions &options) {
  if (!options.compensateRounding && !options.correctBias)
    return llvm::Error::success();
  llvm::Expected<QuantizationPlan> plan = planQuantization(function, ranges);
  if (!plan)
    return makeFileError(options.input, llvm::toString(plan.takeError()));
  if (options.compensateRounding)
    if (llvm::Error error = compensate(function, *plan, options))
      return error;
  if (options.correctBias)
    return correct(function, *plan, options);
  return llvm::Error::success();
}

} // namespace accopt
