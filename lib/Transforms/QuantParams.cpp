//===- QuantParams.cpp - Scales and zero points ---------------------------===//

#include "accopt/Transforms/QuantParams.h"

#include <algorithm>
#include <cmath>

using namespace accopt;

/// Products of two scales must stay normal numbers of f32, the bias's type.
static constexpr double minScale = 0x1p-60;
static constexpr double maxScale = 0x1p+60;

/// The next f32 that is not below `scale`: rounding down would push the ends of
/// the range out of [-128, 127].
static double roundToFloat(double scale) {
  scale = std::clamp(scale, minScale, maxScale);
  float nearest = float(scale);
  if (double(nearest) < scale)
    nearest = std::nextafter(nearest, INFINITY);
  return nearest;
}

IntegerRange accopt::activationIntegers(unsigned bits) {
  int64_t half = int64_t(1) << (bits - 1);
  return {-half, half - 1};
}

IntegerRange accopt::weightIntegers(unsigned bits) {
  return bits == 8 ? IntegerRange{-127, 127} : activationIntegers(bits);
}

unsigned accopt::countBits(IntegerRange range) {
  unsigned bits = 2;
  while (bits < 16 && !activationIntegers(bits).contains(range))
    ++bits;
  return bits;
}

QuantParams accopt::chooseParams(Range range, IntegerRange integers) {
  double min = std::min(range.min, 0.0), max = std::max(range.max, 0.0);
  double width = max - min;
  QuantParams params;
  if (!(width > 0.0))
    return params;
  double low = double(integers.min), high = double(integers.max);
  params.scale = roundToFloat(width / (high - low));
  double zeroPoint = std::nearbyint(low - min / params.scale);
  params.zeroPoint = int64_t(std::clamp(zeroPoint, low, high));
  return params;
}

QuantParams accopt::chooseSymmetricParams(Range range, unsigned bits) {
  double reach = std::max(std::fabs(range.min), std::fabs(range.max));
  QuantParams params;
  if (reach > 0.0)
    params.scale = roundToFloat(reach / double(activationIntegers(bits).max));
  return params;
}

int16_t accopt::quantizeValue(double value, QuantParams params,
                              IntegerRange integers) {
  double q = std::nearbyint(value / params.scale) + double(params.zeroPoint);
  return int16_t(std::clamp(q, double(integers.min), double(integers.max)));
}

double accopt::effectiveWeightScale(double scale, const WeightRow &row) {
  // |bias| / (input scale * scale) <= 2^30 leaves room for the products.
  double forBias = std::fabs(row.bias) / (row.inputScale * 0x1p30);
  // input scale * scale / output scale >= 2^-24. Coarser weights do not show in
  // the result: a weight's rounding error moves it by 2^-17 of a step at most.
  double forShift = row.outputScale / row.inputScale * 0x1p-24;
  return roundToFloat(std::max({scale, forBias, forShift}));
}

double accopt::chooseWeightScale(const WeightRow &row) {
  return effectiveWeightScale(row.maxAbs / 127.0, row);
}

/// The sum of squares of what `scale` changes in `weights`.
static double getSquaredError(llvm::ArrayRef<float> weights, double scale,
                              IntegerRange integers) {
  double error = 0.0, low = double(integers.min), high = double(integers.max);
  for (float weight : weights) {
    double q = std::clamp(std::nearbyint(weight / scale), low, high);
    double difference = weight - q * scale;
    error += difference * difference;
  }
  return error;
}

double accopt::chooseLeastErrorScale(llvm::ArrayRef<float> weights,
                                     IntegerRange integers) {
  double largest = 0.0;
  for (float weight : weights) {
    if (!std::isfinite(weight))
      return INFINITY;
    // The two's complement has one integer more on the negative side.
    double limit = weight < 0 ? -double(integers.min) : double(integers.max);
    largest = std::max(largest, std::fabs(double(weight)) / limit);
  }
  double best = roundToFloat(largest);
  if (largest == 0.0)
    return best;
  double least = getSquaredError(weights, best, integers);
  constexpr int steps = 100, smallest = 4;
  for (int step = steps - 1; step >= smallest; --step) {
    double scale = roundToFloat(largest * step / steps);
    double error = getSquaredError(weights, scale, integers);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}
