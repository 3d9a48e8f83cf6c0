//===- Samples.cpp - Real inputs of a network -----------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Samples.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace accopt {

static StringRef inputName(func::FuncOp function, unsigned index) {
  auto name = function.getArgAttrOfType<StringAttr>(index, "nn.name");
  return name ? name.getValue() : StringRef();
}

static std::string printShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

/// The array for argument `index`: by name, or the only one of the file.
static llvm::Expected<const NumpyArray *>
arrayFor(func::FuncOp function, unsigned index, const NamedNumpyArrays &arrays,
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
static Tensor convert(RankedTensorType type, ArrayRef<float> values) {
  SmallVector<T, 0> converted;
  for (float value : values)
    converted.push_back(T(value));
  return Tensor::create<T>(type.getShape(), converted);
}

/// `values` as the network's input of `type` takes them.
static Tensor toTensor(RankedTensorType type, ArrayRef<float> values) {
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
  default:
    llvm_unreachable("no other types are read");
  }
}

static bool isNumpyType(Type element) {
  return element.isF32() ||
         (element.isInteger() &&
          llvm::is_contained({1u, 8u, 16u, 32u, 64u},
                             element.getIntOrFloatBitWidth()));
}

llvm::Expected<Samples> Samples::read(func::FuncOp function, StringRef file) {
  llvm::Expected<NamedNumpyArrays> arrays = readNumpyFile(file);
  if (!arrays)
    return arrays.takeError();
  Samples result;
  result.samples = -1;
  for (BlockArgument argument : function.getArguments()) {
    StringRef name = inputName(function, argument.getArgNumber());
    llvm::Expected<const NumpyArray *> array =
        arrayFor(function, argument.getArgNumber(), *arrays, file);
    if (!array)
      return array.takeError();
    auto type = cast<RankedTensorType>(argument.getType());
    if (!isNumpyType(type.getElementType()))
      return makeFileError(file, "input '" + name + "' has no type of NumPy's");
    int64_t perSample = type.getNumElements();
    int64_t count = (*array)->numElements();
    if (count == 0 || count % perSample)
      return makeFileError(file, "expected a multiple of " +
                                     std::to_string(perSample) +
                                     " values for input '" + name + "', got " +
                                     std::to_string(count));
    if (result.samples >= 0 && result.samples != count / perSample)
      return makeFileError(file, "inputs differ in their number of samples");
    result.samples = count / perSample;
    result.inputs.push_back({type, (*array)->toFloat()});
  }
  result.samples = std::max<int64_t>(result.samples, 0);
  return result;
}

std::vector<Tensor> Samples::get(int64_t sample) const {
  std::vector<Tensor> tensors;
  for (const Input &input : inputs) {
    int64_t size = int64_t(input.values.size()) / samples;
    tensors.push_back(toTensor(
        input.type, ArrayRef(input.values).slice(sample * size, size)));
  }
  return tensors;
}

} // namespace accopt
