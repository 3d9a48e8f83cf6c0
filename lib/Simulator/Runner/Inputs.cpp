//===- Inputs.cpp - Arrays for a program's inputs -------------------------===//
//
// `--input=NAME=FILE` is for the input of that name; otherwise each input takes
// from the files the array of its name or else the only one whose shape fits.
//
//===----------------------------------------------------------------------===//

#include "Inputs.h"

#include "accopt/Simulator/TensorLayout.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"
#include "accopt/Target/Arithmetic.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>
#include <optional>
#include <random>

using namespace accopt;
using llvm::StringRef;

namespace {

/// An array and where it came from.
struct Candidate {
  std::string input; ///< the name given on the command line, or empty
  std::string file, name;
  NumpyArray array;
};

std::string printShape(llvm::ArrayRef<int64_t> shape) {
  return "(" +
         llvm::join(llvm::map_range(
                        shape, [](int64_t d) { return std::to_string(d); }),
                    ", ") +
         ")";
}

/// How many inferences an array of `shape` holds, if it fits the tensor.
std::optional<size_t> inferencesIn(llvm::ArrayRef<int64_t> shape,
                                   const TensorInfo &tensor) {
  llvm::ArrayRef<int64_t> model = tensor.modelShape;
  if (shape == model)
    return 1;
  if (model.empty() || shape.size() != model.size() ||
      shape.drop_front() != model.drop_front() || shape.front() < 1 ||
      shape.front() % model.front())
    return std::nullopt;
  return size_t(shape.front() / model.front());
}

std::vector<int8_t> quantize(const NumpyArray &array,
                             const TensorInfo &tensor) {
  if (array.type == tensor.type)
    return {array.data.begin(), array.data.end()};
  return quantizeValues(array.toFloat(), tensor);
}

/// The least and the largest integer among the bytes of quantized elements.
std::pair<int, int> rangeOf(llvm::ArrayRef<int8_t> bytes, NumpyType type) {
  std::pair<int, int> range = {0, 0};
  size_t width = getByteWidth(type);
  for (size_t i = 0; i < bytes.size(); i += width) {
    int16_t value = bytes[i];
    if (width == 2)
      std::memcpy(&value, &bytes[i], width);
    range = {std::min<int>(range.first, value),
             std::max<int>(range.second, value)};
  }
  return range;
}

template <typename T> NumpyArray convertIntegers(const NumpyArray &array) {
  std::vector<T> values;
  for (int64_t value : array.toInt64())
    values.push_back(T(value));
  return NumpyArray::create<T>(array.shape, llvm::ArrayRef<T>(values));
}

/// The array as another type; integers of any width are as good as each other,
/// but floats are not taken for integers.
std::optional<NumpyArray> convert(const NumpyArray &array, NumpyType to) {
  if (array.type == to)
    return array;
  if (to == NumpyType::Float32) {
    std::vector<float> values = array.toFloat();
    return NumpyArray::create<float>(array.shape,
                                     llvm::ArrayRef<float>(values));
  }
  if (array.type == NumpyType::Float16 || array.type == NumpyType::Float32 ||
      array.type == NumpyType::Float64)
    return std::nullopt;
  switch (to) {
  case NumpyType::Int16:
    return convertIntegers<int16_t>(array);
  case NumpyType::Int32:
    return convertIntegers<int32_t>(array);
  case NumpyType::Int64:
    return convertIntegers<int64_t>(array);
  case NumpyType::UInt8:
    return convertIntegers<uint8_t>(array);
  case NumpyType::UInt16:
    return convertIntegers<uint16_t>(array);
  case NumpyType::UInt32:
    return convertIntegers<uint32_t>(array);
  case NumpyType::UInt64:
    return convertIntegers<uint64_t>(array);
  default:
    return std::nullopt;
  }
}

class Matcher {
public:
  Matcher(const Program &program, const RunnerOptions &options)
      : options(options) {
    for (const TensorInfo &tensor : program.tensors)
      if (tensor.kind == TensorInfo::Kind::Input)
        tensors.push_back(&tensor);
  }

  llvm::Expected<InputSet> run() {
    if (options.inputs.empty())
      return random();
    if (llvm::Error error = readFiles())
      return error;
    InputSet set;
    std::optional<size_t> inferences;
    for (const TensorInfo *tensor : tensors) {
      llvm::Expected<const Candidate *> candidate = choose(*tensor);
      if (!candidate)
        return candidate.takeError();
      const NumpyArray &array = (*candidate)->array;
      std::optional<size_t> count = inferencesIn(array.shape, *tensor);
      if (!count)
        return makeFileError((*candidate)->file,
                             "input '" + tensor->name + "': expected shape " +
                                 printShape(tensor->modelShape) +
                                 " or a multiple of it in the first "
                                 "dimension, got " +
                                 printShape(array.shape));
      if (inferences.value_or(*count) != *count)
        return makeFileError(
            (*candidate)->file,
            llvm::formatv("input '{0}': expected {1} inferences as in the "
                          "inputs before, got {2}",
                          tensor->name, *inferences, *count)
                .str());
      inferences = count;
      if (!isQuantized(*tensor)) {
        std::optional<NumpyArray> converted = convert(array, tensor->type);
        if (!converted)
          return makeFileError((*candidate)->file,
                               "input '" + tensor->name + "': expected " +
                                   getName(tensor->type) + ", got " +
                                   getName(array.type));
        set.inputs.push_back(
            {tensor, {converted->data.begin(), converted->data.end()}});
        continue;
      }
      set.inputs.push_back({tensor, quantize(array, *tensor)});
      int limit = 1 << (tensor->bits - 1);
      auto [least, most] = rangeOf(set.inputs.back().values, tensor->type);
      if (least < -limit || most >= limit)
        return makeFileError((*candidate)->file,
                             llvm::formatv("input '{0}': expected values in "
                                           "[{1}, {2}], got {3}",
                                           tensor->name, -limit, limit - 1,
                                           least < -limit ? least : most)
                                 .str());
    }
    set.inferences = inferences.value_or(1);
    return set;
  }

private:
  llvm::Error readFiles() {
    for (StringRef argument : options.inputs) {
      // NAME=FILE only if NAME is an input: a path may contain '='.
      auto [name, file] = argument.split('=');
      bool isNamed = argument.contains('=') &&
                     llvm::any_of(tensors, [name = name](const TensorInfo *t) {
                       return t->name == name;
                     });
      if (!isNamed) {
        if (argument.contains('=') && !llvm::sys::fs::exists(argument))
          return makeFileError(options.binary, "expected an input of " +
                                                   inputNames() + ", got '" +
                                                   name + "'");
        file = argument;
      }
      llvm::Expected<NamedNumpyArrays> arrays = readNumpyFile(file);
      if (!arrays)
        return arrays.takeError();
      for (auto &[arrayName, array] : *arrays)
        candidates.push_back({isNamed ? name.str() : "", file.str(), arrayName,
                              std::move(array)});
    }
    return llvm::Error::success();
  }

  std::string inputNames() const {
    std::string names;
    for (const TensorInfo *tensor : tensors)
      names += (names.empty() ? "'" : ", '") + tensor->name + "'";
    return names;
  }

  llvm::Expected<const Candidate *> choose(const TensorInfo &tensor) {
    llvm::SmallVector<const Candidate *> named, fitting, all;
    bool isGiven = llvm::any_of(
        candidates, [&](const Candidate &c) { return c.input == tensor.name; });
    for (const Candidate &candidate : candidates) {
      if (isGiven ? candidate.input != tensor.name : !candidate.input.empty())
        continue;
      all.push_back(&candidate);
      if (candidate.name == tensor.name)
        named.push_back(&candidate);
      if (inferencesIn(candidate.array.shape, tensor))
        fitting.push_back(&candidate);
    }
    for (auto *list : {&named, &fitting, &all})
      if (list->size() == 1)
        return list->front();
    return makeFileError(
        options.binary,
        llvm::formatv("input '{0}': expected one array of that name or of "
                      "shape {1} among the inputs, got {2}",
                      tensor.name, printShape(tensor.modelShape),
                      fitting.size())
            .str());
  }

  InputSet random() const {
    InputSet set;
    std::mt19937_64 generator(options.seed);
    for (const TensorInfo *tensor : tensors) {
      InputData &data = set.inputs.emplace_back();
      data.tensor = tensor;
      data.values = randomValues(*tensor, generator);
    }
    return set;
  }

  const RunnerOptions &options;
  std::vector<const TensorInfo *> tensors;
  std::vector<Candidate> candidates;
};

} // namespace

std::vector<int8_t> accopt::randomValues(const TensorInfo &tensor,
                                         std::mt19937_64 &generator) {
  std::vector<int8_t> values(byteCount(tensor));
  if (tensor.type == NumpyType::Int8) {
    for (int8_t &value : values)
      value = signExtend(int8_t(generator() >> 56), unsigned(tensor.bits));
    return values;
  }
  if (isQuantized(tensor)) {
    for (size_t i = 0; i < values.size(); i += 2) {
      auto value = int16_t(int64_t(generator()) >> (64 - tensor.bits));
      std::memcpy(&values[i], &value, 2);
    }
    return values;
  }
  // Floats in [-1, 1); integers of one bit, which index anything.
  size_t width = getByteWidth(tensor.type);
  for (size_t i = 0; i < values.size(); i += width) {
    uint64_t bits = generator() >> 63;
    if (tensor.type == NumpyType::Float32) {
      float value = float(int64_t(generator()) >> 40) * 0x1p-23f;
      std::memcpy(&bits, &value, sizeof(value));
    }
    std::memcpy(&values[i], &bits, width);
  }
  return values;
}

size_t accopt::byteCount(const TensorInfo &tensor) {
  return elementCount(tensor) * getByteWidth(tensor.type);
}

size_t accopt::elementCount(const TensorInfo &tensor) {
  size_t count = 1;
  for (int64_t extent : tensor.shape)
    count *= size_t(extent);
  return count;
}

llvm::Expected<InputSet> accopt::readInputs(const Program &program,
                                            const RunnerOptions &options) {
  return Matcher(program, options).run();
}

llvm::Expected<std::vector<int64_t>>
accopt::readLabels(const std::string &path) {
  llvm::Expected<NamedNumpyArrays> arrays = readNumpyFile(path);
  if (!arrays)
    return arrays.takeError();
  const NumpyArray *found = nullptr;
  size_t count = 0;
  for (auto &[name, array] : *arrays)
    if (array.shape.size() == 1) {
      found = &array;
      ++count;
    }
  if (count != 1)
    return makeFileError(path, "expected one array of one dimension as "
                               "labels, got " +
                                   llvm::Twine(count));
  return found->toInt64();
}
