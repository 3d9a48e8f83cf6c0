//===- Augment.h - Changes one image at random ------------------*- C++ -*-===//
//
// Part of AccOpt, private to lib/Data.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DATA_AUGMENT_H
#define ACCOPT_LIB_DATA_AUGMENT_H

#include "accopt/Data/BatchLoader.h"
#include "accopt/Data/Random.h"

namespace accopt {

/// Writes the changed `image`, of `shape` C x H x W or H x W, to `result`.
void augment(const Augmentation &augmentation, llvm::ArrayRef<int64_t> shape,
             llvm::ArrayRef<float> image, SplitMix64 &random,
             llvm::MutableArrayRef<float> result);

} // namespace accopt

#endif // ACCOPT_LIB_DATA_AUGMENT_H
