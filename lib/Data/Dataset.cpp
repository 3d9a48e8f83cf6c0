//===- Dataset.cpp - Reads, checks, splits and hashes data ----------------===//
//
// Part of AccOpt. The readers know their formats; everything that must hold of
// any data is checked here.
//
//===----------------------------------------------------------------------===//

#include "accopt/Data/Dataset.h"

#include "Reader.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SHA256.h"

#include <array>
#include <cmath>

using namespace llvm;
using namespace accopt;

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

int64_t Dataset::sampleElements() const { return product(sampleShape); }
int64_t Dataset::targetElements() const { return product(targetShape); }

int64_t Dataset::size() const {
  return inputs.empty()
             ? 0
             : static_cast<int64_t>(inputs.size()) / sampleElements();
}

Dataset Dataset::spread(int64_t count) const {
  int64_t all = size();
  count = std::min(count, all);
  Dataset part;
  part.sampleShape = sampleShape;
  part.targetShape = targetShape;
  auto copy = [](const auto &from, auto &to, int64_t index, int64_t each) {
    to.insert(to.end(), from.begin() + index * each,
              from.begin() + (index + 1) * each);
  };
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = i * all / count;
    copy(inputs, part.inputs, index, sampleElements());
    if (isClassification())
      part.labels.push_back(labels[index]);
    else
      copy(targets, part.targets, index, targetElements());
  }
  return part;
}

std::string accopt::formatShape(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "a number";
  return join(map_range(shape, [](int64_t size) { return itostr(size); }),
              " x ");
}

void accopt::appendBytes(std::vector<float> &values, ArrayRef<uint8_t> bytes,
                         std::optional<double> scale) {
  std::array<float, 256> table;
  for (auto [byte, value] : enumerate(table))
    value = scale ? static_cast<float>(static_cast<double>(byte) * *scale)
                  : static_cast<float>(byte) / 255.0f;
  values.reserve(values.size() + bytes.size());
  for (uint8_t byte : bytes)
    values.push_back(table[byte]);
}

//===----------------------------------------------------------------------===//
// Shapes, labels and values
//===----------------------------------------------------------------------===//

/// Without axes of size 1: N and N x 1 hold the same targets.
static std::vector<int64_t> withoutOnes(ArrayRef<int64_t> shape) {
  std::vector<int64_t> rest;
  copy_if(shape, std::back_inserter(rest), [](int64_t n) { return n != 1; });
  return rest;
}

static Error matchShapes(DataPart &part, const DataOptions &options) {
  Dataset &samples = part.samples;
  ArrayRef<int64_t> wanted = options.sampleShape;
  if (!wanted.empty() && wanted != ArrayRef(samples.sampleShape)) {
    // Images without a channel axis, and images for a network that reads them
    // flattened, hold the elements in the model's order.
    bool isGray = wanted.size() == 3 && wanted[0] == 1 &&
                  wanted.drop_front() == ArrayRef(samples.sampleShape);
    bool isFlat = wanted.size() == 1 && wanted[0] == samples.sampleElements();
    if (!isGray && !isFlat)
      return makeFileError(part.source, "expected samples of shape " +
                                            formatShape(wanted) +
                                            " as the model reads, got " +
                                            formatShape(samples.sampleShape));
    samples.sampleShape.assign(wanted.begin(), wanted.end());
  }
  if (samples.isClassification() || options.outputShape.empty())
    return Error::success();
  if (withoutOnes(options.outputShape) != withoutOnes(samples.targetShape))
    return makeFileError(part.source,
                         "expected integer labels, or targets of shape " +
                             formatShape(options.outputShape) +
                             " as the model gives, got floats of shape " +
                             formatShape(samples.targetShape));
  samples.targetShape = options.outputShape;
  return Error::success();
}

static Error checkValues(const DataPart &part, int64_t classes) {
  const Dataset &samples = part.samples;
  StringRef labels = part.labelsFrom();
  auto checkFinite = [&](ArrayRef<float> values, int64_t each, StringRef source,
                         StringRef what) -> Error {
    for (auto [index, value] : enumerate(values))
      if (!std::isfinite(value))
        return makeFileError(
            source, "sample " + Twine(index / each) + ": expected finite " +
                        what + ", got " + formatv("{0}", value).str());
    return Error::success();
  };
  if (samples.size() == 0)
    return makeFileError(part.source, "expected samples, got none");
  if (Error error = checkFinite(samples.inputs, samples.sampleElements(),
                                part.source, "values"))
    return error;
  if (Error error = checkFinite(samples.targets, samples.targetElements(),
                                labels, "targets"))
    return error;
  for (auto [index, label] : enumerate(samples.labels))
    if (label < 0 || label >= classes)
      return makeFileError(
          labels, "sample " + Twine(index) + ": expected a label from 0 to " +
                      Twine(classes - 1) + ", got " + Twine(label));
  return Error::success();
}

/// (value - mean) / deviation for each channel, the first axis of a sample.
static Error standardize(DataPart &part, const DataSpec &spec) {
  Dataset &samples = part.samples;
  if (samples.size() == 0 || (spec.mean.empty() && spec.deviation.empty()))
    return Error::success();
  int64_t channels = samples.sampleShape.front();
  for (const auto *numbers : {&spec.mean, &spec.deviation})
    if (numbers->size() > 1 &&
        static_cast<int64_t>(numbers->size()) != channels)
      return makeFileError(part.source,
                           Twine(numbers == &spec.mean ? "mean" : "std") +
                               ": expected one number or " + Twine(channels) +
                               ", one for each channel, got " +
                               Twine(numbers->size()));
  auto pick = [](ArrayRef<double> numbers, int64_t channel, double otherwise) {
    return numbers.empty()       ? otherwise
           : numbers.size() == 1 ? numbers[0]
                                 : numbers[channel];
  };
  int64_t each = samples.sampleElements() / channels;
  for (auto [index, value] : enumerate(samples.inputs)) {
    int64_t channel = static_cast<int64_t>(index) / each % channels;
    value = static_cast<float>((value - pick(spec.mean, channel, 0)) /
                               pick(spec.deviation, channel, 1));
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Hash
//===----------------------------------------------------------------------===//

static void hashWords(SHA256 &hash, ArrayRef<int64_t> words) {
  for (int64_t word : words) {
    uint8_t bytes[8];
    support::endian::write64le(bytes, word);
    hash.update(bytes);
  }
}

template <typename T> static void hashValues(SHA256 &hash, ArrayRef<T> values) {
  hashWords(hash, static_cast<int64_t>(values.size()));
  hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(values.data()),
                       values.size() * sizeof(T)));
}

static std::string hashSplits(const DataSplits &splits) {
  SHA256 hash;
  for (const Dataset *part :
       {&splits.train, &splits.validation, &splits.test}) {
    hashWords(hash, static_cast<int64_t>(part->sampleShape.size()));
    hashWords(hash, part->sampleShape);
    hashValues<float>(hash, part->inputs);
    hashValues<int32_t>(hash, part->labels);
    hashValues<float>(hash, part->targets);
  }
  return toHex(hash.final(), /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// loadData
//===----------------------------------------------------------------------===//

static Expected<DataParts> readParts(DataSpec &spec,
                                     const DataOptions &options) {
  switch (spec.kind) {
  case DataSpec::Kind::Digits: {
    Expected<std::string> path = findDigits();
    if (!path)
      return path.takeError();
    spec.path = *path;
    return readNpzParts(spec);
  }
  case DataSpec::Kind::Npz:
    return readNpzParts(spec);
  case DataSpec::Kind::Cifar10:
    return readCifar10Parts(spec);
  case DataSpec::Kind::Mnist:
    return readMnistParts(spec);
  case DataSpec::Kind::Folder:
    return readFolderParts(spec, options.sampleShape);
  }
  llvm_unreachable("every kind has a reader");
}

static Error checkShare(StringRef what, double share) {
  if (share > 0 && share < 1)
    return Error::success();
  return createStringError(what +
                           " share: expected a number between 0 and 1, "
                           "got " +
                           formatv("{0}", share).str());
}

/// Number of classes; 0 for targets.
static int64_t countClasses(ArrayRef<DataPart *> parts,
                            const DataOptions &options) {
  if (!parts.front()->samples.isClassification())
    return 0;
  if (!options.outputShape.empty())
    return product(options.outputShape);
  int32_t largest = 0;
  for (const DataPart *part : parts)
    for (int32_t label : part->samples.labels)
      largest = std::max(largest, label);
  return static_cast<int64_t>(largest) + 1;
}

/// All that is checked before anything is split.
static Expected<int64_t> checkParts(DataParts &data, const DataSpec &spec,
                                    const DataOptions &options) {
  SmallVector<DataPart *> parts{&data.train};
  if (data.validation)
    parts.push_back(&*data.validation);
  if (data.test)
    parts.push_back(&*data.test);
  const Dataset &train = data.train.samples;
  if (train.isClassification() && withoutOnes(options.outputShape).size() > 1)
    return makeFileError(data.train.labelsFrom(),
                         "expected targets of the output's shape, " +
                             formatShape(options.outputShape) +
                             ", got one label for each sample");
  int64_t classes = countClasses(parts, options);
  for (DataPart *part : parts) {
    if (Error error = matchShapes(*part, options))
      return error;
    if (part->samples.sampleShape != train.sampleShape ||
        part->samples.targetShape != train.targetShape ||
        part->samples.isClassification() != train.isClassification())
      return makeFileError(part->source,
                           "expected samples and labels of the same shape and "
                           "kind as in the training part");
    if (Error error = standardize(*part, spec))
      return error;
    if (Error error = checkValues(*part, classes))
      return error;
  }
  return classes;
}

Expected<DataSplits> accopt::loadData(StringRef text,
                                      const DataOptions &options) {
  Expected<DataSpec> spec = parseDataSpec(text);
  if (!spec)
    return spec.takeError();
  double validationShare =
      spec->validationShare.value_or(options.validationShare);
  double testShare = spec->testShare.value_or(options.testShare);
  uint64_t seed = spec->splitSeed.value_or(options.seed);
  if (Error error = checkShare("validation", validationShare))
    return error;
  if (Error error = checkShare("test", testShare))
    return error;

  Expected<DataParts> data = readParts(*spec, options);
  if (!data)
    return data.takeError();
  Expected<int64_t> classes = checkParts(*data, *spec, options);
  if (!classes)
    return classes.takeError();

  DataSplits splits;
  splits.name = data->name;
  splits.classes = *classes;
  splits.train = std::move(data->train.samples);
  auto take = [&](std::optional<DataPart> &part, double share,
                  uint64_t purpose) -> Expected<Dataset> {
    if (part)
      return std::move(part->samples);
    return takeShare(splits.train, share, seed, purpose, data->train.source);
  };
  // The test part first, so that it does not depend on validation's share.
  enum : uint64_t { TestPart = 1, ValidationPart = 2 };
  Expected<Dataset> test = take(data->test, testShare, TestPart);
  if (!test)
    return test.takeError();
  splits.test = std::move(*test);
  Expected<Dataset> validation =
      take(data->validation, validationShare, ValidationPart);
  if (!validation)
    return validation.takeError();
  splits.validation = std::move(*validation);
  splits.sha256 = hashSplits(splits);
  return splits;
}
