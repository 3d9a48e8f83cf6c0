//===- BinaryImages.cpp - CIFAR-10's and MNIST's own files ----------------===//
//
// Part of AccOpt. CIFAR-10's binary version is records of a label and 3 x 32 x
// 32 bytes: https://www.cs.toronto.edu/~kriz/cifar.html. MNIST's idx files are
// big endian, a magic number and the sizes of the axes before the bytes:
// http://yann.lecun.com/exdb/mnist. zlib reads them with and without gzip.
//
//===----------------------------------------------------------------------===//

#include "Reader.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <memory>
#include <zlib.h>

using namespace llvm;
using namespace accopt;

static std::string joinPath(StringRef folder, StringRef name) {
  SmallString<128> path(folder);
  sys::path::append(path, name);
  return path.str().str();
}

static Error checkFolder(StringRef path) {
  if (sys::fs::is_directory(path))
    return Error::success();
  return makeFileError(path, sys::fs::exists(path)
                                 ? "expected a folder, got a file"
                                 : "expected a folder, got nothing there");
}

//===----------------------------------------------------------------------===//
// CIFAR-10
//===----------------------------------------------------------------------===//

static Error appendCifar(StringRef path, const DataSpec &spec,
                         Dataset &samples) {
  constexpr int64_t pixels = 3 * 32 * 32, record = pixels + 1;
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeFileError(path, buffer.getError().message());
  ArrayRef<uint8_t> bytes(
      reinterpret_cast<const uint8_t *>((*buffer)->getBufferStart()),
      (*buffer)->getBufferSize());
  if (bytes.empty() || bytes.size() % record != 0)
    return makeFileError(path, "expected records of " + Twine(record) +
                                   " bytes, got " + Twine(bytes.size()) +
                                   " bytes");
  for (; !bytes.empty(); bytes = bytes.drop_front(record)) {
    if (bytes[0] > 9)
      return makeFileError(path, "expected labels from 0 to 9, got " +
                                     Twine(unsigned(bytes[0])));
    samples.labels.push_back(bytes[0]);
    appendBytes(samples.inputs, bytes.slice(1, pixels), spec.scale);
  }
  samples.sampleShape = {3, 32, 32};
  return Error::success();
}

Expected<DataParts> accopt::readCifar10Parts(const DataSpec &spec) {
  if (Error error = checkFolder(spec.path))
    return error;
  // The archive holds a folder of this name.
  std::string folder = joinPath(spec.path, "cifar-10-batches-bin");
  if (!sys::fs::is_directory(folder))
    folder = spec.path;

  DataParts parts;
  parts.name = "cifar10";
  parts.train.source = folder;
  for (int number = 1; number <= 5; ++number) {
    std::string path =
        joinPath(folder, "data_batch_" + std::to_string(number) + ".bin");
    // Fewer files are a smaller set, but none is an error.
    if (number > 1 && !sys::fs::exists(path))
      continue;
    if (Error error = appendCifar(path, spec, parts.train.samples))
      return error;
  }
  std::string path = joinPath(folder, "test_batch.bin");
  parts.test.emplace();
  parts.test->source = path;
  if (Error error = appendCifar(path, spec, parts.test->samples))
    return error;
  return parts;
}

//===----------------------------------------------------------------------===//
// MNIST
//===----------------------------------------------------------------------===//

namespace {
struct FileCloser {
  void operator()(gzFile_s *file) const { gzclose(file); }
};

struct IdxFile {
  std::string path;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};
} // namespace

/// Appends `size` bytes; piece by piece, for a damaged header may ask for more
/// than there is.
static Error readBytes(gzFile_s *file, StringRef path, uint64_t size,
                       std::vector<uint8_t> &bytes) {
  constexpr uint64_t piece = 1 << 20;
  for (uint64_t done = 0; done < size;) {
    uint64_t wanted = std::min(piece, size - done);
    size_t end = bytes.size();
    bytes.resize(end + wanted);
    int got = gzread(file, bytes.data() + end, static_cast<unsigned>(wanted));
    if (got < 0) {
      int code;
      return makeFileError(path, gzerror(file, &code));
    }
    done += got;
    if (static_cast<uint64_t>(got) < wanted)
      return makeFileError(path, "truncated: expected " + Twine(size) +
                                     " bytes, got " + Twine(done));
  }
  return Error::success();
}

static Expected<IdxFile> readIdx(StringRef folder, StringRef part,
                                 StringRef what, unsigned rank) {
  // As they come, as many tools unpack them, and packed.
  std::string stem = (part + "-" + what).str();
  std::string tail = "idx" + std::to_string(rank) + "-ubyte";
  IdxFile idx;
  for (StringRef separator : {"-", "."})
    for (StringRef ending : {"", ".gz"})
      if (std::string path =
              joinPath(folder, stem + separator.str() + tail + ending.str());
          idx.path.empty() && sys::fs::exists(path))
        idx.path = path;
  if (idx.path.empty())
    return makeFileError(joinPath(folder, stem + "-" + tail),
                         "expected this file, or with .gz, got neither");

  std::unique_ptr<gzFile_s, FileCloser> file(gzopen(idx.path.c_str(), "rb"));
  if (!file)
    return makeFileError(idx.path, "cannot be opened");
  std::vector<uint8_t> header;
  if (Error error = readBytes(file.get(), idx.path, 4 + 4 * rank, header))
    return error;
  uint32_t magic = support::endian::read32be(header.data());
  if (magic != 0x800 + rank)
    return makeFileError(idx.path, "expected magic number " +
                                       Twine(0x800 + rank) + ", got " +
                                       Twine(magic));
  uint64_t size = 1;
  for (unsigned axis = 0; axis < rank; ++axis) {
    uint32_t length = support::endian::read32be(header.data() + 4 + 4 * axis);
    idx.shape.push_back(length);
    if (length == 0 || length > (uint64_t(1) << 40) / size)
      return makeFileError(idx.path, "expected sizes above 0 and at most 2^40 "
                                     "bytes, got " +
                                         formatShape(idx.shape));
    size *= length;
  }
  if (Error error = readBytes(file.get(), idx.path, size, idx.bytes))
    return error;
  // Reading to the end makes zlib check the sum of a packed file.
  uint8_t more;
  if (int got = gzread(file.get(), &more, 1)) {
    int code;
    return makeFileError(idx.path, got < 0 ? gzerror(file.get(), &code)
                                           : "more data than the header says");
  }
  return idx;
}

static Expected<DataPart> readMnistPart(const DataSpec &spec, StringRef part) {
  Expected<IdxFile> images = readIdx(spec.path, part, "images", 3);
  if (!images)
    return images.takeError();
  Expected<IdxFile> labels = readIdx(spec.path, part, "labels", 1);
  if (!labels)
    return labels.takeError();
  if (images->shape[0] != labels->shape[0])
    return makeFileError(labels->path, "expected " + Twine(images->shape[0]) +
                                           " labels, one for each image, got " +
                                           Twine(labels->shape[0]));
  DataPart result;
  result.source = images->path;
  result.samples.sampleShape = {1, images->shape[1], images->shape[2]};
  appendBytes(result.samples.inputs, images->bytes, spec.scale);
  result.samples.labels.assign(labels->bytes.begin(), labels->bytes.end());
  return result;
}

Expected<DataParts> accopt::readMnistParts(const DataSpec &spec) {
  if (Error error = checkFolder(spec.path))
    return error;
  DataParts parts;
  parts.name = "mnist";
  Expected<DataPart> train = readMnistPart(spec, "train");
  if (!train)
    return train.takeError();
  Expected<DataPart> test = readMnistPart(spec, "t10k");
  if (!test)
    return test.takeError();
  parts.train = std::move(*train);
  parts.test = std::move(*test);
  return parts;
}
