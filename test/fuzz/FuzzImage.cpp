//===- FuzzImage.cpp - Fuzzer of the reader of images ---------------------===//
//
// PNG and JPEG, by their first bytes. An image has as many pixels as its size
// says, and scaled it stays between 0 and 255.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "DecodeImage.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace accopt;

/// A file in memory that holds the input; the decoder opens it by its path.
static std::string pathOf(llvm::ArrayRef<uint8_t> bytes) {
  static const int file = memfd_create("fuzzed", MFD_CLOEXEC);
  fuzz::demand(file >= 0 && ftruncate(file, 0) == 0 &&
                   pwrite(file, bytes.data(), bytes.size(), 0) ==
                       ssize_t(bytes.size()),
               "expected a file in memory");
  return "/proc/self/fd/" + std::to_string(file);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::Expected<DecodedImage> image = decodeImage(pathOf({data, size}));
  if (!fuzz::get(image))
    return 0;
  int64_t pixels = image->height * image->width;
  fuzz::demand(pixels >= 1 &&
                   image->pixels.size() == size_t(pixels * image->channels),
               "expected as many values as the size says");
  if (pixels > 1 << 16)
    return 0;
  for (int64_t channels : {1, 3})
    for (float value : scaleImage(*image, channels, 5, 7))
      fuzz::demand(value >= 0 && value < 255.5F, "expected 0 to 255");
  return 0;
}
