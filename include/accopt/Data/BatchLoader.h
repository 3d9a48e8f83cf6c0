//===- BatchLoader.h - Shuffled, augmented mini-batches ---------*- C++ -*-===//
//
// Part of AccOpt. A thread prepares batches ahead. What a batch holds depends
// on seed, epoch and options alone.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DATA_BATCHLOADER_H
#define ACCOPT_DATA_BATCHLOADER_H

#include "accopt/Data/Dataset.h"

#include <memory>

namespace accopt {

/// For images (samples of C x H x W); each is off at its default.
struct Augmentation {
  bool flip = false;  ///< left-right, one half of the time
  int64_t shift = 0;  ///< up to so many pixels each way, zeros come in
  int64_t crop = 0;   ///< pad by this and cut the original size out
  int64_t cutout = 0; ///< a square of this side set to zero
  bool isActive() const { return flip || shift || crop || cutout; }
};
/// Parses "none" or a list such as "flip,shift=2,cutout=8".
llvm::Expected<Augmentation> parseAugmentation(llvm::StringRef text);
/// Fails where samples of this shape are not images (C x H x W, or H x W), or
/// are too small for what is asked.
llvm::Error checkAugmentation(const Augmentation &augmentation,
                              llvm::ArrayRef<int64_t> sampleShape);

struct Batch {
  int64_t size = 0;
  std::vector<float> inputs;
  std::vector<int32_t> labels;
  std::vector<float> targets;
};

struct BatchOptions {
  int64_t batchSize = 64;
  bool shuffle = true;
  bool dropLast = false; ///< leave out a last batch that is not full
  Augmentation augmentation;
  uint64_t seed = 0, epoch = 0;
};

class BatchLoader {
public:
  /// `data` must outlive the loader. The batch size is at least 1, and
  /// checkAugmentation() has nothing against the augmentation.
  BatchLoader(const Dataset &data, const BatchOptions &options);
  ~BatchLoader();
  int64_t batches() const;
  /// The next batch in `batch`; false after the last.
  bool next(Batch &batch);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace accopt

#endif // ACCOPT_DATA_BATCHLOADER_H
