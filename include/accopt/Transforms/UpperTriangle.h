//===- UpperTriangle.h - A symmetric matrix, or its factor ------*- C++ -*-===//
//
// Part of AccOpt. In the layout that sums of products run through without
// copies: strips of 16 columns.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_UPPERTRIANGLE_H
#define ACCOPT_TRANSFORMS_UPPERTRIANGLE_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace accopt {

/// Elements (i, j) with i <= j of a square matrix. Strip s has the columns
/// [16 s, 16 s + 16) of the rows [0, 16 s + 16), 16 elements a row; what the
/// last strip has beyond `size` is padding.
class UpperTriangle {
public:
  static constexpr int64_t kStrip = 16;

  /// Zeros.
  explicit UpperTriangle(int64_t size)
      : numStrips(countStrips(size)),
        values(size_t(kStrip * kStrip * numStrips * (numStrips + 1) / 2)) {}

  static int64_t countStrips(int64_t size) {
    return (size + kStrip - 1) / kStrip;
  }
  int64_t strips() const { return numStrips; }

  /// Row i of strip s.
  float *row(int64_t i, int64_t s) {
    return values.data() + kStrip * (kStrip * (s * (s + 1) / 2) + i);
  }
  const float *row(int64_t i, int64_t s) const {
    return const_cast<UpperTriangle *>(this)->row(i, s);
  }
  /// Element (i, j), i <= j.
  float &at(int64_t i, int64_t j) { return row(i, j / kStrip)[j % kStrip]; }
  float at(int64_t i, int64_t j) const {
    return row(i, j / kStrip)[j % kStrip];
  }

  /// Adds P^T P, where strip s of P is at panel + 16 s depth and has `depth`
  /// rows of 16.
  void addGram(const float *panel, int64_t depth);

  /// R with H = R^T R in place of H, padding included. `least` > 0 is a lower
  /// bound of H's eigenvalues, and so of what a pivot is before its root is
  /// taken: what rounding leaves below it is raised to it.
  void factorize(float least);

private:
  int64_t numStrips;
  std::vector<float> values;
};

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_UPPERTRIANGLE_H
