//===- Dataset.h - Samples with labels or targets ---------------*- C++ -*-===//
//
// Part of AccOpt. Data for training, in memory. docs/Data.md describes the
// forms that --data takes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DATA_DATASET_H
#define ACCOPT_DATA_DATASET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt {

/// Samples of one split. Either `labels` (classification) or `targets`
/// (regression) is filled.
struct Dataset {
  std::vector<int64_t> sampleShape; ///< without the batch: C x H x W, or K
  std::vector<float> inputs;        ///< size() * elements of a sample
  std::vector<int32_t> labels;
  std::vector<int64_t> targetShape; ///< of one sample's target
  std::vector<float> targets;

  int64_t sampleElements() const;
  int64_t targetElements() const;
  int64_t size() const;
  bool isClassification() const { return targets.empty(); }

  /// At most `count` samples, evenly spaced: of data in the order of its
  /// classes, some of each.
  Dataset spread(int64_t count) const;
};

struct DataSplits {
  std::string name;   ///< for reports: "digits", the file's stem
  std::string sha256; ///< over all samples, for the journal
  Dataset train, validation, test;
  int64_t classes = 0; ///< 0 for regression
};

struct DataOptions {
  /// Of the training samples, taken away for validation where the data has no
  /// validation part; and of all samples for the test where it has none.
  /// Stratified by label.
  double validationShare = 0.15, testShare = 0.2;
  uint64_t seed = 0;
  /// What the model reads and gives, without batch. Images of folders are
  /// scaled to it; anything else of another shape is refused.
  std::vector<int64_t> sampleShape, outputShape;
};

/// Reads what --data names: FILE.npz, digits, cifar10:DIR, mnist:DIR,
/// folder:DIR, with options in braces, `cifar10:DIR{mean=0.5,std=0.25}`. One
/// line of error names the file and what was expected: shapes that differ,
/// labels outside [0, classes), values that are not finite, no samples.
llvm::Expected<DataSplits> loadData(llvm::StringRef spec,
                                    const DataOptions &options);

} // namespace accopt

#endif // ACCOPT_DATA_DATASET_H
