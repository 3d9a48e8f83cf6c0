//===- Moments.h - Means and variances of channels --------------*- C++ -*-===//
//
// A tensor is described by one Gaussian per channel (axis 1), or by a single
// one for all of it, and by the interval that its values are expected to reach.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_MOMENTS_H
#define ACCOPT_LIB_TRANSFORMS_MOMENTS_H

#include "accopt/Transforms/Ranges.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace accopt {

struct Moment {
  double mean = 0.0;
  double variance = 0.0;
};

/// Moments of min(max(X, lower), upper) for Gaussian X; infinite bounds
/// allowed.
Moment clampGaussian(Moment moment, double lower, double upper);

/// Moments of f(X) for Gaussian X, by the trapezoidal rule over +-6 deviations
/// in 48 steps, which is exact to rounding for smooth f.
Moment transformGaussian(Moment moment, llvm::function_ref<double(double)> f);

/// Moments of the product of independent variables.
Moment multiply(Moment x, Moment y);

/// Moments of a value drawn from one of `parts` with equal chance.
Moment mix(llvm::ArrayRef<Moment> parts);

struct Moments {
  /// One for all channels, or one per channel. Never empty.
  llvm::SmallVector<Moment> channels;
  Range reach;

  Moment operator[](size_t c) const {
    return channels.size() == 1 ? channels.front() : channels[c];
  }

  /// The same values seen as one channel.
  Moments collapsed() const;

  /// Sets the reach to mean +- sigmas deviations over all channels.
  void reachSigmas(double sigmas);
  /// Cuts the reach; a reach that misses [lower, upper] becomes a point of it.
  void limitReach(double lower, double upper);
  /// Applies a clamp to moments and reach.
  void clamp(double lower, double upper);
};

/// Dot products of one row of weights with the means, and of its squares with
/// the variances, of `size` inputs.
Moment weightedSum(const float *weights, const float *means,
                   const float *variances, size_t size);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_MOMENTS_H
