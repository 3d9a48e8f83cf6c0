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

template <typename T>
Tensor convert(RankedTensorType type, ArrayRef<float> values) {
  SmallVector<T, 0> converted;
  for (float value : values)
    converted.push_back(T(value));
  return Tensor::create<T>(type.getShape(), converted);
}

/// `values` as the network's input of `type` takes them.
llvm::Expected<Tensor> toTensor(RankedTensorType type, ArrayRef<float> values,
                                StringRef file, StringRef name) {
  Type element = type.getElementType();
  if (element.isF32())
    return Tensor::create<float>(type.getShape(), values);
  if (element.isUnsignedInteger(8)) {
    Tensor bytes = convert<int16_t>(type, values);
    SmallVector<int8_t, 0> low;
    for (int16_t value : bytes.values<int16_t>())
      low.push_back(int8_t(value));
    return Tensor::create<int8_t>(type.getShape(), low);
  }
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return convert<bool>(type, values);
  case 8:
    return convert<int8_t>(type, values);
  case 16:
    return convert<int16_t>(type, values);
  case 32:
    return convert<int32_t>(type, values);
  case 64:
    return convert<int64_t>(type, values);
  }
  return makeFileError(file, "input '" + name + "' has no type of NumPy's");
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
  llvm::DenseSet<Value> quantized = valuesToQuantize(function);
  // A network that the host runs alone has nothing to measure.
  if (quantized.empty())
    return RangeTable();
  RangeCollector collector;
  for (int64_t sample = 0; sample < samples; ++sample) {
    std::vector<Tensor> inputs;
    for (BlockArgument argument : function.getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      ArrayRef<float> all = data[argument.getArgNumber()];
      int64_t size = type.getNumElements();
      llvm::Expected<Tensor> input =
          toTensor(type, all.slice(sample * size, size), file,
                   inputName(function, argument.getArgNumber()));
      if (!input)
        return input.takeError();
      inputs.push_back(std::move(*input));
    }
    auto observe = [&](Value value, ArrayRef<float> values, ArrayRef<int64_t>) {
      if (quantized.contains(value))
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
  llvm::errs() << "error: " << file << ": ";
  std::string text = diagnostic.str();
  // Errors of the transforms name the node and its type themselves.
  if (!name.empty() && !StringRef(text).starts_with("node '"))
    llvm::errs() << "node '" << name << "': ";
  llvm::errs() << text << '\n';
}

} // namespace accopt
