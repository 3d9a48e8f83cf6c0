//===- QuantParams.h - Scales and zero points -------------------*- C++ -*-===//
//
// The affine quantization real = scale (q - zero point) of docs/Design/
// Quantization.md: activations of 2 to 8 bits with a zero point or of 9 to 16
// without, weights of 2 to 8 bits without.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_QUANTPARAMS_H
#define ACCOPT_TRANSFORMS_QUANTPARAMS_H

#include "accopt/Transforms/Ranges.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace accopt {

/// The integers that `bits` (2 to 16) hold. Activations and weights use two's
/// complement, [-2^(bits-1), 2^(bits-1) - 1], but for 8-bit weights, which stay
/// in [-127, 127].
struct IntegerRange {
  int64_t min = -128, max = 127;
  bool contains(IntegerRange other) const {
    return min <= other.min && other.max <= max;
  }
  bool operator==(const IntegerRange &) const = default;
};
IntegerRange activationIntegers(unsigned bits);
IntegerRange weightIntegers(unsigned bits);

/// The fewest bits (2 to 16) whose two's complement holds `range`, which lies
/// in
/// [-32768, 32767].
unsigned countBits(IntegerRange range);

struct QuantParams {
  /// Positive, finite, and exact in f32.
  double scale = 1.0;
  /// In [-128, 127].
  int64_t zeroPoint = 0;

  bool operator==(const QuantParams &) const = default;
};

/// Parameters that map `range`, widened to hold zero, onto `integers` so that
/// zero is exact. A range of one point or a width that f32 cannot scale gets
/// scale 1 (nothing but zero has to be represented) or the nearest usable one.
QuantParams chooseParams(Range range, IntegerRange integers = {});

/// The same without a zero point, for the integers of `bits` (9 to 16): the
/// largest magnitude becomes 2^(bits - 1) - 1.
QuantParams chooseSymmetricParams(Range range, unsigned bits);

/// round(value / scale) + zero point, half to even, saturated to `integers`.
int16_t quantizeValue(double value, QuantParams params,
                      IntegerRange integers = {});

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

/// The scale that the integer contract allows in place of `scale`: the larger
/// of it and chooseWeightScale's bounds for bias and rescale, as f32. maxAbs is
/// not looked at.
double effectiveWeightScale(double scale, const WeightRow &row);

/// The f32 scale with the least sum of squared rounding and clipping errors of
/// `weights` in `integers`, among 96 steps below the one that clips nothing
/// (OMSE, Choukroun et al., 2019). Not finite where a weight is not.
double chooseLeastErrorScale(llvm::ArrayRef<float> weights,
                             IntegerRange integers);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_QUANTPARAMS_H
