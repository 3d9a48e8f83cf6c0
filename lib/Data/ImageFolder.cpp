//===- ImageFolder.cpp - A folder of images for each class ----------------===//
//
// Part of AccOpt. DIR/{train,val,test}/CLASS/IMAGE, or DIR/CLASS/IMAGE to be
// split. Classes are numbered in the order of their names' bytes, images follow
// in that order too, so that the file system has no say.
//
//===----------------------------------------------------------------------===//

#include "DecodeImage.h"
#include "Reader.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace accopt;

/// Names in `folder` without hidden ones, sorted.
static Expected<std::vector<std::string>> listNames(StringRef folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (sys::fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code))
    if (StringRef name = sys::path::filename(it->path());
        !name.starts_with("."))
      names.push_back(name.str());
  if (code)
    return makeFileError(folder, code.message());
  sort(names);
  return names;
}

static Expected<std::vector<std::string>> listClasses(StringRef folder) {
  Expected<std::vector<std::string>> names = listNames(folder);
  if (!names)
    return names.takeError();
  for (const std::string &name : *names)
    if (!sys::fs::is_directory(folder + "/" + name))
      return makeFileError((folder + "/" + name).str(),
                           "expected a folder of images, got a file");
  if (names->empty())
    return makeFileError(folder, "expected a folder for each class, got none");
  return names;
}

static bool isImageName(StringRef name) {
  return StringSwitch<bool>(sys::path::extension(name).lower())
      .Cases({".png", ".jpg", ".jpeg"}, true)
      .Default(false);
}

namespace {
class FolderReader {
public:
  FolderReader(const DataSpec &spec, ArrayRef<int64_t> sampleShape)
      : spec(spec), shape(sampleShape.begin(), sampleShape.end()) {}

  /// The part in `folder`; classes are those of the first part that is read.
  Expected<DataPart> readPart(const std::string &folder);

private:
  Error readImage(const std::string &path, int32_t label, Dataset &samples);

  const DataSpec &spec;
  std::vector<int64_t> shape;
  std::vector<std::string> classes;
};
} // namespace

Error FolderReader::readImage(const std::string &path, int32_t label,
                              Dataset &samples) {
  Expected<DecodedImage> image = decodeImage(path);
  if (!image)
    return image.takeError();
  if (shape.empty())
    shape = {3, image->height, image->width};
  double scale = spec.scale.value_or(1 / 255.0);
  for (float value : scaleImage(*image, shape[0], shape[1], shape[2]))
    samples.inputs.push_back(static_cast<float>(value * scale));
  samples.labels.push_back(label);
  return Error::success();
}

Expected<DataPart> FolderReader::readPart(const std::string &folder) {
  Expected<std::vector<std::string>> names = listClasses(folder);
  if (!names)
    return names.takeError();
  if (classes.empty())
    classes = *names;

  DataPart part;
  part.source = folder;
  for (const std::string &name : *names) {
    auto known = llvm::find(classes, name);
    std::string place = folder + "/" + name;
    if (known == classes.end())
      return makeFileError(place, "expected a class of the training part");
    Expected<std::vector<std::string>> files = listNames(place);
    if (!files)
      return files.takeError();
    if (files->empty())
      return makeFileError(place, "expected images, got none");
    for (const std::string &file : *files) {
      std::string path = place + "/" + file;
      if (!isImageName(file))
        return makeFileError(path, "expected .png, .jpg or .jpeg");
      auto label = static_cast<int32_t>(known - classes.begin());
      if (Error error = readImage(path, label, part.samples))
        return error;
    }
  }
  part.samples.sampleShape = shape;
  return part;
}

Expected<DataParts> accopt::readFolderParts(const DataSpec &spec,
                                            ArrayRef<int64_t> sampleShape) {
  if (!sampleShape.empty() &&
      (sampleShape.size() != 3 || (sampleShape[0] != 1 && sampleShape[0] != 3)))
    return makeFileError(spec.path,
                         "expected a model that reads C x H x W with 1 or 3 "
                         "channels, got " +
                             formatShape(sampleShape));
  if (!sys::fs::is_directory(spec.path))
    return makeFileError(spec.path, "expected a folder of images");

  FolderReader reader(spec, sampleShape);
  DataParts parts;
  parts.name = sys::path::stem(StringRef(spec.path).rtrim('/')).str();
  bool isSplit = sys::fs::is_directory(spec.path + "/train");
  auto train = reader.readPart(isSplit ? spec.path + "/train" : spec.path);
  if (!train)
    return train.takeError();
  parts.train = std::move(*train);
  if (!isSplit)
    return parts;
  std::pair<StringRef, std::optional<DataPart> *> others[] = {
      {"/val", &parts.validation}, {"/test", &parts.test}};
  for (auto [name, to] : others) {
    if (!sys::fs::is_directory(spec.path + name))
      continue;
    Expected<DataPart> part = reader.readPart(spec.path + name.str());
    if (!part)
      return part.takeError();
    *to = std::move(*part);
  }
  return parts;
}
