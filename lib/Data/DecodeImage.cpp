//===- DecodeImage.cpp - PNG and JPEG into floats -------------------------===//
//
// Part of AccOpt. libpng's simplified interface and libjpeg-turbo's TurboJPEG
// do the decoding; both return errors without longjmp or exceptions.
//
//===----------------------------------------------------------------------===//

#include "DecodeImage.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <png.h>
#include <turbojpeg.h>

using namespace llvm;
using namespace accopt;

/// Above this a header is taken for damaged: 2^26 pixels are 192 MiB.
static Error checkSize(StringRef path, int64_t height, int64_t width) {
  if (height >= 1 && width >= 1 && height <= (int64_t(1) << 26) / width)
    return Error::success();
  return makeFileError(path, "expected 1 to 2^26 pixels, got " + Twine(height) +
                                 " x " + Twine(width));
}

static Expected<DecodedImage> decodePng(StringRef path, StringRef bytes) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  auto fail = [&] {
    Error error = makeFileError(path, Twine("PNG: ") + png.message);
    png_image_free(&png);
    return error;
  };
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    return fail();
  if (Error error = checkSize(path, png.height, png.width)) {
    png_image_free(&png);
    return error;
  }
  // 16 bits would else be taken for linear light.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  bool isColor = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  png.format = isColor ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  DecodedImage image{png.height, png.width, isColor ? 3 : 1, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(png)); // zeros: the black behind
  if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr))
    return fail();
  return image;
}

static Expected<DecodedImage> decodeJpeg(StringRef path, StringRef bytes) {
  struct Destroyer {
    void operator()(void *handle) const { tjDestroy(handle); }
  };
  std::unique_ptr<void, Destroyer> jpeg(tjInitDecompress());
  auto fail = [&] {
    return makeFileError(path, Twine("JPEG: ") + tjGetErrorStr2(jpeg.get()));
  };
  if (!jpeg)
    return fail();
  const auto *data = reinterpret_cast<const unsigned char *>(bytes.data());
  int width = 0, height = 0, sampling = 0, colors = 0;
  if (tjDecompressHeader3(jpeg.get(), data, bytes.size(), &width, &height,
                          &sampling, &colors) != 0)
    return fail();
  if (Error error = checkSize(path, height, width))
    return error;
  bool isGray = colors == TJCS_GRAY;
  DecodedImage image{height, width, isGray ? 1 : 3, {}};
  image.pixels.resize(image.height * image.width * image.channels);
  if (tjDecompress2(jpeg.get(), data, bytes.size(), image.pixels.data(), width,
                    /*pitch=*/0, height, isGray ? TJPF_GRAY : TJPF_RGB,
                    TJFLAG_ACCURATEDCT) != 0)
    return fail(); // a warning, such as a premature end, too
  return image;
}

Expected<DecodedImage> accopt::decodeImage(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeFileError(path, buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (bytes.starts_with("\x89PNG"))
    return decodePng(path, bytes);
  if (bytes.starts_with("\xFF\xD8"))
    return decodeJpeg(path, bytes);
  return makeFileError(path, "expected a PNG or JPEG image, got other data");
}

namespace {
/// One output element: source elements from `first` with their weights.
struct Window {
  int64_t first;
  std::vector<float> weights;
};
} // namespace

static std::vector<Window> makeWindows(int64_t from, int64_t to) {
  double ratio = static_cast<double>(from) / static_cast<double>(to);
  double reach = std::max(ratio, 1.0);
  std::vector<Window> windows;
  for (int64_t i = 0; i < to; ++i) {
    double center = (static_cast<double>(i) + 0.5) * ratio;
    auto first = static_cast<int64_t>(std::floor(center - reach + 0.5));
    auto last = static_cast<int64_t>(std::floor(center + reach + 0.5));
    first = std::max<int64_t>(first, 0);
    last = std::min(last, from);
    std::vector<double> weights;
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      double distance = std::abs(static_cast<double>(j) + 0.5 - center) / reach;
      weights.push_back(std::max(0.0, 1 - distance));
      sum += weights.back();
    }
    Window window{first, {}};
    for (double weight : weights)
      window.weights.push_back(static_cast<float>(weight / sum));
    windows.push_back(std::move(window));
  }
  return windows;
}

/// One channel of `image` as floats.
static std::vector<float> takePlane(const DecodedImage &image, int64_t channel,
                                    bool toGray) {
  std::vector<float> plane;
  plane.reserve(image.height * image.width);
  for (size_t i = 0; i < image.pixels.size(); i += image.channels) {
    const uint8_t *pixel = &image.pixels[i];
    if (image.channels == 1)
      plane.push_back(pixel[0]);
    else if (toGray) // luma of ITU-R BT.601
      plane.push_back(0.299f * pixel[0] + 0.587f * pixel[1] +
                      0.114f * pixel[2]);
    else
      plane.push_back(pixel[channel]);
  }
  return plane;
}

std::vector<float> accopt::scaleImage(const DecodedImage &image,
                                      int64_t channels, int64_t height,
                                      int64_t width) {
  std::vector<Window> rows = makeWindows(image.height, height);
  std::vector<Window> columns = makeWindows(image.width, width);
  std::vector<float> result;
  result.reserve(channels * height * width);
  std::vector<float> narrow(image.height * width);
  for (int64_t c = 0; c < channels; ++c) {
    std::vector<float> plane =
        takePlane(image, c, channels == 1 && image.channels == 3);
    for (int64_t y = 0; y < image.height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const float *from = &plane[y * image.width + columns[x].first];
        float sum = 0;
        for (float weight : columns[x].weights)
          sum += weight * *from++;
        narrow[y * width + x] = sum;
      }
    for (const Window &row : rows)
      for (int64_t x = 0; x < width; ++x) {
        const float *from = &narrow[row.first * width + x];
        float sum = 0;
        for (float weight : row.weights) {
          sum += weight * *from;
          from += width;
        }
        result.push_back(sum);
      }
  }
  return result;
}
