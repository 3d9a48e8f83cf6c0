//===- DecodeImage.h - PNG and JPEG into floats -----------------*- C++ -*-===//
//
// Part of AccOpt, private to lib/Data.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DATA_DECODEIMAGE_H
#define ACCOPT_LIB_DATA_DECODEIMAGE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace accopt {

/// H x W x C with one (gray) or three (red, green, blue) channels.
struct DecodedImage {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

/// Reads a PNG or JPEG file, told apart by its first bytes. Transparent parts
/// of a PNG are laid over black.
llvm::Expected<DecodedImage> decodeImage(llvm::StringRef path);

/// Scales to C x H x W in [0, 255], C being 1 or 3. Where the image shrinks,
/// every pixel is a mean over the area it covers (a triangle, as torch's
/// antialiased bilinear interpolation weighs it); where it grows this is plain
/// bilinear interpolation between pixel centres.
std::vector<float> scaleImage(const DecodedImage &image, int64_t channels,
                              int64_t height, int64_t width);

} // namespace accopt

#endif // ACCOPT_LIB_DATA_DECODEIMAGE_H
