//===- NpzData.cpp - Samples in .npz files, and the digits ----------------===//
//
// Part of AccOpt. x_train, y_train [, x_val, y_val] [, x_test, y_test], or x
// and y alone; `image` and `labels` are names for the latter two. Integers in y
// are labels, floats are targets.
//
//===----------------------------------------------------------------------===//

#include "Reader.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>
#include <limits>

using namespace llvm;
using namespace accopt;

static bool isFloat(NumpyType type) {
  return type == NumpyType::Float16 || type == NumpyType::Float32 ||
         type == NumpyType::Float64;
}

static const NumpyArray *findArray(const NamedNumpyArrays &arrays,
                                   StringRef name) {
  auto it = find_if(arrays, [&](auto &entry) { return entry.first == name; });
  return it == arrays.end() ? nullptr : &it->second;
}

/// H x W x C to C x H x W, sample by sample.
static void moveChannelsFirst(Dataset &samples) {
  auto shape = samples.sampleShape;
  int64_t pixels = shape[0] * shape[1], channels = shape[2];
  std::vector<float> moved(samples.inputs.size());
  for (int64_t n = 0, e = samples.size(); n < e; ++n)
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        moved[(n * channels + c) * pixels + p] =
            samples.inputs[(n * pixels + p) * channels + c];
  samples.inputs = std::move(moved);
  samples.sampleShape = {shape[2], shape[0], shape[1]};
}

static Error readInputs(const NumpyArray &x, const DataSpec &spec,
                        StringRef where, Dataset &samples) {
  if (x.shape.size() < 2)
    return makeFileError(where, "expected samples of shape N x ..., got " +
                                    formatShape(x.shape));
  if (x.numElements() == 0)
    return makeFileError(where, "expected samples, got none in shape " +
                                    formatShape(x.shape));
  samples.sampleShape.assign(x.shape.begin() + 1, x.shape.end());
  if (x.type == NumpyType::UInt8) {
    appendBytes(samples.inputs, x.values<uint8_t>(), spec.scale);
  } else {
    samples.inputs = x.toFloat();
    if (spec.scale)
      for (float &value : samples.inputs)
        value = static_cast<float>(value * *spec.scale);
  }
  if (!spec.channelsLast)
    return Error::success();
  if (samples.sampleShape.size() != 3)
    return makeFileError(where, "layout=nhwc: expected N x H x W x C, got " +
                                    formatShape(x.shape));
  moveChannelsFirst(samples);
  return Error::success();
}

static Error readLabels(const NumpyArray &y, StringRef where,
                        Dataset &samples) {
  if (isFloat(y.type)) {
    samples.targetShape.assign(y.shape.begin() + 1, y.shape.end());
    samples.targets = y.toFloat();
    return samples.targets.empty()
               ? makeFileError(where, "expected targets, got none in shape " +
                                          formatShape(y.shape))
               : Error::success();
  }
  if (y.numElements() != y.shape[0])
    return makeFileError(where, "expected one label for each sample, got " +
                                    formatShape(y.shape));
  for (auto [index, label] : enumerate(y.toInt64())) {
    // The upper end is the model's, and checked with it.
    if (label < 0 || label > std::numeric_limits<int32_t>::max())
      return makeFileError(where, "sample " + Twine(index) +
                                      ": expected a label from 0, got " +
                                      Twine(label));
    samples.labels.push_back(static_cast<int32_t>(label));
  }
  return Error::success();
}

static Expected<DataPart> readPart(const NamedNumpyArrays &arrays, StringRef x,
                                   StringRef y, const DataSpec &spec) {
  const NumpyArray *inputs = findArray(arrays, x),
                   *labels = findArray(arrays, y);
  if (!inputs || !labels)
    return makeFileError(spec.path, "expected arrays '" + x + "' and '" + y +
                                        "', got no '" + (inputs ? y : x) + "'");
  DataPart part;
  part.source = spec.path;
  std::string whereX = spec.path + ": array '" + x.str() + "'";
  std::string whereY = spec.path + ": array '" + y.str() + "'";
  if (Error error = readInputs(*inputs, spec, whereX, part.samples))
    return error;
  if (labels->shape.empty() || labels->shape[0] != inputs->shape[0])
    return makeFileError(whereY, "expected " + Twine(inputs->shape[0]) +
                                     " entries as '" + x + "' has, got shape " +
                                     formatShape(labels->shape));
  if (Error error = readLabels(*labels, whereY, part.samples))
    return error;
  part.source = whereX;
  part.labelSource = whereY;
  return part;
}

Expected<DataParts> accopt::readNpzParts(const DataSpec &spec) {
  Expected<NamedNumpyArrays> arrays = readNpz(spec.path);
  if (!arrays)
    return arrays.takeError();
  auto has = [&](StringRef name) {
    return findArray(*arrays, name) != nullptr;
  };

  DataParts parts;
  parts.name = sys::path::stem(spec.path).str();
  bool isSplit = has("x_train") || has("y_train");
  bool isImage = has("image") && !has("x");
  if (!isSplit && !has("x") && !isImage)
    return makeFileError(spec.path,
                         "expected arrays x_train and y_train, or x and y");
  auto train = isSplit   ? readPart(*arrays, "x_train", "y_train", spec)
               : isImage ? readPart(*arrays, "image", "labels", spec)
                         : readPart(*arrays, "x", "y", spec);
  if (!train)
    return train.takeError();
  parts.train = std::move(*train);
  auto readOptional = [&](StringRef x, StringRef y,
                          std::optional<DataPart> &to) -> Error {
    if (!has(x) && !has(y))
      return Error::success();
    Expected<DataPart> part = readPart(*arrays, x, y, spec);
    if (!part)
      return part.takeError();
    to = std::move(*part);
    return Error::success();
  };
  StringRef validation =
      has("x_validation") || has("y_validation") ? "_validation" : "_val";
  if (validation != "_val" && (has("x_val") || has("y_val")))
    return makeFileError(spec.path, "expected x_val or x_validation, got both");
  if (Error error = readOptional(("x" + validation).str(),
                                 ("y" + validation).str(), parts.validation))
    return error;
  if (Error error = readOptional("x_test", "y_test", parts.test))
    return error;
  return parts;
}

Expected<std::string> accopt::findDigits() {
  std::vector<std::string> places;
  if (const char *folder = std::getenv("ACCOPT_DATA_DIR")) {
    places.push_back(folder);
  } else {
    std::string tool = sys::fs::getMainExecutable(
        nullptr, reinterpret_cast<void *>(&findDigits));
    StringRef prefix = sys::path::parent_path(sys::path::parent_path(tool));
    places.push_back((prefix + "/share/accopt").str());
    places.push_back((prefix + "/data").str());
  }
  for (const std::string &place : places)
    if (sys::fs::exists(place + "/digits.npz"))
      return place + "/digits.npz";
  return createStringError("digits: expected digits.npz in " +
                           join(places, " or ") +
                           "; write it with `python -m accopt.digits.data " +
                           places.front() + "/digits.npz`");
}
