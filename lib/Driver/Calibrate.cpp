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

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {
namespace {

/// Shows every value, sample by sample.
llvm::Error runOnSamples(func::FuncOp function, StringRef file,
                         ValueCallback observe) {
  llvm::Expected<Samples> samples = Samples::read(function, file);
  if (!samples)
    return samples.takeError();
  auto runner = IntermediateRunner::create(function);
  if (!runner)
    return runner.takeError();
  for (int64_t sample = 0; sample < samples->count(); ++sample)
    if (llvm::Error error = (*runner)->run(samples->get(sample), observe))
      return error;
  return llvm::Error::success();
}

llvm::Expected<RangeTable> rangesFromData(func::FuncOp function,
                                          const CompileOptions &options) {
  llvm::Expected<CalibrationMethod> method =
      parseCalibrationMethod(options.calibrationMethod);
  if (!method)
    return method.takeError();
  llvm::DenseSet<Value> quantized = valuesToQuantize(function);
  // A network that the host runs alone has nothing to measure.
  if (quantized.empty())
    return RangeTable();
  RangeCollector collector;
  auto names = nameValues(function);
  auto observe = [&](Value value, ArrayRef<float> values, ArrayRef<int64_t>) {
    if (quantized.contains(value))
      collector.observe(names.lookup(value), values);
  };
  if (llvm::Error error =
          runOnSamples(function, options.calibrationData, observe))
    return std::move(error);
  return collector.finish(*method);
}
} // namespace

llvm::Expected<RangeTable> findRanges(func::FuncOp function,
                                      const CompileOptions &options) {
  if (!options.calibration.empty())
    return readRanges(options.calibration);
  if (!options.calibrationData.empty())
    return rangesFromData(function, options);
  if (!options.quiet)
    llvm::errs() << "note: ranges are estimated from the model's own "
                    "statistics; give --calibration-data=FILE for measured "
                    "ones\n";
  llvm::Expected<RangeTable> ranges = inferRanges(function);
  if (!ranges)
    return makeFileError(options.input, llvm::toString(ranges.takeError()));
  return ranges;
}

llvm::Expected<ChannelTable> measureChannels(func::FuncOp function,
                                             StringRef file) {
  ChannelTable channels;
  auto names = nameValues(function);
  auto observe = [&](Value value, ArrayRef<float> values,
                     ArrayRef<int64_t> shape) {
    if (std::string name = names.lookup(value); !name.empty())
      channels[name].observe(values, shape);
  };
  if (llvm::Error error = runOnSamples(function, file, observe))
    return std::move(error);
  return channels;
}

llvm::Expected<PatchTable> measurePatches(func::FuncOp function,
                                          StringRef file) {
  PatchTable patches = makePatchTable(function);
  auto observe = [&](Value value, ArrayRef<float> values, ArrayRef<int64_t>) {
    for (OpOperand &use : value.getUses())
      if (auto found = patches.find(use.getOwner());
          found != patches.end() && use.getOperandNumber() == 0)
        found->second.observe(values);
  };
  if (llvm::Error error = runOnSamples(function, file, observe))
    return std::move(error);
  return patches;
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
