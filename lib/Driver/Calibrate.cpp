//===- Calibrate.cpp - Ranges of activations, from any source -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Calibrate.h"

#include "accopt/Execution/Executor.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"
#include "accopt/Transforms/RangeCollector.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {
namespace {

StringRef inputName(func::FuncOp function, unsigned index) {
  auto name = function.getArgAttrOfType<StringAttr>(index, "nn.name");
  return name ? name.getValue() : StringRef();
}

std::string printShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

/// The array for argument `index`: by name, or the only one of the file.
llvm::Expected<const NumpyArray *> arrayFor(func::FuncOp function,
                                            unsigned index,
                                            const NamedNumpyArrays &arrays,
                                            StringRef file) {
  StringRef name = inputName(function, index);
  for (const auto &[key, array] : arrays)
    if (key == name)
      return &array;
  // A data set's file also has labels: take the one array of the right shape.
  auto shape =
      cast<RankedTensorType>(function.getArgument(index).getType()).getShape();
  const NumpyArray *found = nullptr;
  for (const auto &[key, array] : arrays)
    if (ArrayRef<int64_t>(array.shape).drop_front(!array.shape.empty()) ==
        shape.drop_front(!shape.empty())) {
      if (found)
        return makeFileError(file, "several arrays fit input '" + name +
                                       "': name one of them so");
      found = &array;
    }
  if (!found)
    return makeFileError(file, "expected an array named '" + name +
                                   "' or one of shape Nx" +
                                   printShape(shape.drop_front()));
  return found;
}

llvm::Expected<RangeTable> rangesFromData(func::FuncOp function,
                                          const CompileOptions &options) {
  llvm::Expected<CalibrationMethod> method =
      parseCalibrationMethod(options.calibrationMethod);
  if (!method)
    return method.takeError();
  StringRef file = options.calibrationData;
  llvm::Expected<NamedNumpyArrays> arrays = readNumpyFile(file);
  if (!arrays)
    return arrays.takeError();

  std::vector<std::vector<float>> data;
  int64_t samples = -1;
  for (BlockArgument argument : function.getArguments()) {
    llvm::Expected<const NumpyArray *> array =
        arrayFor(function, argument.getArgNumber(), *arrays, file);
    if (!array)
      return array.takeError();
    int64_t perSample =
        cast<RankedTensorType>(argument.getType()).getNumElements();
    int64_t count = (*array)->numElements();
    if (count == 0 || count % perSample)
      return makeFileError(
          file, "expected a multiple of " + std::to_string(perSample) +
                    " values for input '" +
                    inputName(function, argument.getArgNumber()) + "', got " +
                    std::to_string(count));
    if (samples >= 0 && samples != count / perSample)
      return makeFileError(file, "inputs differ in their number of samples");
    samples = count / perSample;
    data.push_back((*array)->toFloat());
  }
  auto runner = IntermediateRunner::create(function);
  if (!runner)
    return runner.takeError();
  auto names = nameValues(function);
  RangeCollector collector;
  for (int64_t sample = 0; sample < samples; ++sample) {
    std::vector<Tensor> inputs;
    for (BlockArgument argument : function.getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      ArrayRef<float> all = data[argument.getArgNumber()];
      int64_t size = type.getNumElements();
      inputs.push_back(Tensor::create<float>(type.getShape(),
                                             all.slice(sample * size, size)));
    }
    auto observe = [&](Value value, ArrayRef<float> values, ArrayRef<int64_t>) {
      collector.observe(names.lookup(value), values);
    };
    if (llvm::Error error = (*runner)->run(inputs, observe))
      return std::move(error);
  }
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

void printDiagnostic(StringRef file, Diagnostic &diagnostic) {
  std::string name = getNodeName(diagnostic.getLocation());
  std::string text = diagnostic.str();
  // Errors of the transforms name the node and its type themselves.
  if (!name.empty() && !StringRef(text).starts_with("node '"))
    text = "node '" + name + "': " + text;
  printError(makeFileError(file, text));
}

} // namespace accopt
