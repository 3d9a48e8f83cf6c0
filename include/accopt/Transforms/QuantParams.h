//===- QuantParams.h - Scales and zero points -------------------*- C++ -*-===//
//
// The affine quantization real = scale (q - zero point) of docs/Design/
// Quantization.md: int8 activations with a zero point, int8 weights without.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_QUANTPARAMS_H
#define ACCOPT_TRANSFORMS_QUANTPARAMS_H

#include "accopt/Transforms/Ranges.h"

#include <cstdint>

namespace accopt {

struct QuantParams {
  /// Positive, finite, and exact in f32.
  double scale = 1.0;
  /// In [-128, 127].
  int64_t zeroPoint = 0;

  bool operator==(const QuantParams &) const = default;
};

/// Parameters that map `range`, widened to hold zero, onto [-128, 127] so that
/// zero is exact. A range of one point or a width that f32 cannot scale gets
/// scale 1 (nothing but zero has to be represented) or the nearest usable one.
QuantParams chooseParams(Range range);

/// round(value / scale) + zero point, half to even, saturated to [-128, 127].
int8_t quantizeValue(double value, QuantParams params);

/// What the scale of one row of weights depends on.
struct WeightRow {
  /// Largest magnitude of the weights.
  double maxAbs = 0.0;
  /// The row's bias, in real numbers.
  double bias = 0.0;
  double inputScale = 1.0;
  double outputScale = 1.0;
};

/// maxAbs / 127, or more where a row of tiny weights would make the bias
/// overflow int32 or the rescale to the output leave TOSA's shifts (see the
/// design page).
double chooseWeightScale(const WeightRow &row);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_QUANTPARAMS_H
