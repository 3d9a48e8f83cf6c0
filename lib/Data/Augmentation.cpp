//===- Augmentation.cpp - Flip, shift, crop and cut-out -------------------===//
//
// Part of AccOpt. A crop out of the padded image is a shift whose way is drawn
// on its own, so both become one offset. Cut-out: T. DeVries, G. W. Taylor,
// "Improved regularization of convolutional neural networks with cutout",
// arXiv:1708.04552; the square's centre is anywhere, so it may stick out.
//
//===----------------------------------------------------------------------===//

#include "Augment.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace llvm;
using namespace accopt;

Expected<Augmentation> accopt::parseAugmentation(StringRef text) {
  Augmentation augmentation;
  if (text.trim() == "none")
    return augmentation;
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [key, value] = part.trim().split('=');
    if (key == "flip" && value.empty()) {
      augmentation.flip = true;
      continue;
    }
    int64_t *field = key == "shift"    ? &augmentation.shift
                     : key == "crop"   ? &augmentation.crop
                     : key == "cutout" ? &augmentation.cutout
                                       : nullptr;
    if (!field)
      return createStringError("augmentation: expected none, flip, shift=N, "
                               "crop=N or cutout=N, got '" +
                               part.trim() + "'");
    if (value.getAsInteger(10, *field) || *field < 1)
      return createStringError("augmentation: " + key +
                               ": expected a number of pixels from 1, got '" +
                               value + "'");
  }
  return augmentation;
}

Error accopt::checkAugmentation(const Augmentation &augmentation,
                                ArrayRef<int64_t> sampleShape) {
  if (!augmentation.isActive())
    return Error::success();
  auto got = [&] {
    return join(map_range(sampleShape,
                          [](int64_t size) { return std::to_string(size); }),
                " x ");
  };
  if (sampleShape.size() != 2 && sampleShape.size() != 3)
    return createStringError(
        "augmentation: expected images of C x H x W, got samples of " + got());
  int64_t side = std::min(sampleShape.back(), sampleShape.drop_back().back());
  if (augmentation.shift + augmentation.crop >= side ||
      augmentation.cutout > side)
    return createStringError("augmentation: expected less than the images' "
                             "side, got images of " +
                             got());
  return Error::success();
}

void accopt::augment(const Augmentation &augmentation, ArrayRef<int64_t> shape,
                     ArrayRef<float> image, SplitMix64 &random,
                     MutableArrayRef<float> result) {
  int64_t width = shape.back(), height = shape.drop_back().back();
  int64_t channels = shape.size() == 3 ? shape.front() : 1;

  bool flip = augmentation.flip && random.below(2) == 1;
  int64_t moveY = 0, moveX = 0;
  for (int64_t reach : {augmentation.shift, augmentation.crop}) {
    if (reach == 0)
      continue;
    moveY += random.between(-reach, reach);
    moveX += random.between(-reach, reach);
  }
  int64_t top = 0, left = 0, side = augmentation.cutout;
  if (side != 0) {
    top = random.between(0, height - 1) - side / 2;
    left = random.between(0, width - 1) - side / 2;
  }

  std::fill(result.begin(), result.end(), 0.0f);
  int64_t yBegin = std::max<int64_t>(0, moveY);
  int64_t yEnd = std::min(height, height + moveY);
  int64_t xBegin = std::max<int64_t>(0, moveX);
  int64_t xEnd = std::min(width, width + moveX);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = yBegin; y < yEnd; ++y) {
      const float *from = &image[(c * height + y - moveY) * width];
      float *to = &result[(c * height + y) * width];
      for (int64_t x = xBegin; x < xEnd; ++x)
        to[x] = from[flip ? width - 1 - (x - moveX) : x - moveX];
    }
    for (int64_t y = std::max<int64_t>(0, top),
                 e = std::min(height, top + side);
         y < e; ++y)
      for (int64_t x = std::max<int64_t>(0, left),
                   f = std::min(width, left + side);
           x < f; ++x)
        result[(c * height + y) * width + x] = 0;
  }
}
