//===- RangeCollector.h - Ranges of activations from data -------*- C++ -*-===//
//
// Watches the float values of every tensor while a model runs on calibration
// data, and chooses a range for each. The result does not depend on the order
// in which the data comes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_RANGECOLLECTOR_H
#define ACCOPT_TRANSFORMS_RANGECOLLECTOR_H

#include "accopt/Transforms/Ranges.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace accopt {

struct CalibrationMethod {
  enum class Kind { MinMax, Percentile, Mse };
  Kind kind = Kind::MinMax;
  /// Percent of the values that a percentile range holds; what lies outside is
  /// shared equally by the two ends.
  double percentile = 99.99;
};

/// Parses "minmax", "percentile", "percentile=P" with 50 < P <= 100, or "mse".
llvm::Expected<CalibrationMethod> parseCalibrationMethod(llvm::StringRef text);

/// Counts of values in at most 4096 bins, whose width is a power of two and
/// whose edges are multiples of it. When values fall outside, the width doubles
/// and pairs of bins are merged; thus the counts depend on the set of values
/// only.
class Histogram {
public:
  static constexpr int64_t maxBins = 4096;

  void add(llvm::ArrayRef<float> values);

  uint64_t size() const { return total; }
  /// Whether an infinity or NaN was added; those are not counted.
  bool hasNonFinite() const { return nonFinite; }

  /// Smallest and largest value; zeros if there was none.
  Range getMinMax() const;
  /// The range of bins that holds `percent` of the values.
  Range getPercentile(double percent) const;
  /// The range, of 128 x 128 that shrink either end towards zero, with the
  /// least mean squared error of quantization in 255 steps: clipping outside,
  /// and step^2 / 12 inside, except for zeros, which are exact.
  Range getLeastError() const;
  /// The same for a type of `bits`, from 2 to 7, whose integers are so few that
  /// the error of each is summed, zero points rounded as chooseParams() does.
  Range getLeastError(unsigned bits) const;

private:
  /// Doubles the width until [`low`, `high`] fits, keeping the counts.
  void fit(float low, float high);
  double getBinCenter(size_t i) const;

  uint64_t total = 0, zeros = 0;
  bool nonFinite = false;
  float min = 0.0f, max = 0.0f;
  /// Bin i holds values in [(first + i) 2^exponent, (first + i + 1)
  /// 2^exponent).
  int exponent = 0;
  int64_t first = 0;
  std::vector<uint64_t> bins;
};

class RangeCollector {
public:
  /// Takes in the values of tensor `key`; the keys are those of nameValues. An
  /// empty key, which is what a value without a name has, is passed over.
  void observe(llvm::StringRef key, llvm::ArrayRef<float> values);

  /// The range of each tensor, in the order in which the keys first came; those
  /// for fewer than 8 bits have the least squared error. Fails if nothing was
  /// observed or a tensor had a value that is not finite.
  llvm::Expected<RangeTable> finish(const CalibrationMethod &method) const;

private:
  std::vector<std::pair<std::string, Histogram>> entries;
  llvm::StringMap<size_t> index;
};

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_RANGECOLLECTOR_H
