//===- Moments.cpp - Means and variances of channels ----------------------===//

#include "Moments.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace llvm;
using namespace accopt;

static double normalDensity(double z) {
  if (std::isinf(z))
    return 0.0;
  return std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
}

static double normalCumulative(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

Moment accopt::clampGaussian(Moment moment, double lower, double upper) {
  double mean = moment.mean, sigma = std::sqrt(moment.variance);
  if (sigma == 0.0)
    return {std::min(std::max(mean, lower), upper), 0.0};
  double a = (lower - mean) / sigma, b = (upper - mean) / sigma;
  double below = normalCumulative(a), above = normalCumulative(-b);
  double inside = std::max(0.0, 1.0 - below - above);
  double densityA = normalDensity(a), densityB = normalDensity(b);
  // First and second moment of the part between the bounds, then the two point
  // masses at the bounds. An infinite bound has no mass.
  double first = mean * inside + sigma * (densityA - densityB);
  double second = (mean * mean + moment.variance) * inside;
  if (!std::isinf(lower)) {
    first += lower * below;
    second += lower * lower * below + sigma * (mean + lower) * densityA;
  }
  if (!std::isinf(upper)) {
    first += upper * above;
    second += upper * upper * above - sigma * (mean + upper) * densityB;
  }
  return {first, std::max(0.0, second - first * first)};
}

Moment accopt::transformGaussian(Moment moment,
                                 function_ref<double(double)> f) {
  constexpr int steps = 48;
  constexpr double width = 12.0 / steps;
  double sigma = std::sqrt(moment.variance);
  if (sigma == 0.0)
    return {f(moment.mean), 0.0};
  double weight = 0.0, first = 0.0, second = 0.0;
  for (int i = 0; i <= steps; ++i) {
    double z = -6.0 + i * width;
    double density = normalDensity(z), value = f(moment.mean + sigma * z);
    weight += density;
    first += density * value;
    second += density * value * value;
  }
  first /= weight;
  second /= weight;
  return {first, std::max(0.0, second - first * first)};
}

Moment accopt::multiply(Moment x, Moment y) {
  return {x.mean * y.mean, x.variance * y.variance +
                               x.variance * y.mean * y.mean +
                               y.variance * x.mean * x.mean};
}

Moment accopt::mix(ArrayRef<Moment> parts) {
  double mean = 0.0, square = 0.0;
  for (Moment part : parts) {
    mean += part.mean;
    square += part.variance + part.mean * part.mean;
  }
  mean /= double(parts.size());
  square /= double(parts.size());
  return {mean, std::max(0.0, square - mean * mean)};
}

Moments Moments::collapsed() const {
  Moments result;
  result.channels.push_back(mix(channels));
  result.reach = reach;
  return result;
}

void Moments::reachSigmas(double sigmas) {
  reach = {INFINITY, -INFINITY};
  for (Moment channel : channels) {
    double width = sigmas * std::sqrt(channel.variance);
    reach = unite(reach, {channel.mean - width, channel.mean + width});
  }
}

void Moments::limitReach(double lower, double upper) {
  reach.min = std::min(std::max(reach.min, lower), upper);
  reach.max = std::min(std::max(reach.max, lower), upper);
}

void Moments::clamp(double lower, double upper) {
  for (Moment &channel : channels)
    channel = clampGaussian(channel, lower, upper);
  limitReach(lower, upper);
}

Moment accopt::weightedSum(const float *weights, const float *means,
                           const float *variances, size_t size) {
  // Independent partial sums, which the compiler keeps in vector registers.
  constexpr size_t lanes = 8;
  float mean[lanes] = {}, variance[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= size; i += lanes)
    for (size_t k = 0; k < lanes; ++k) {
      float weight = weights[i + k];
      mean[k] += weight * means[i + k];
      variance[k] += weight * weight * variances[i + k];
    }
  Moment sum;
  for (size_t k = 0; k < lanes; ++k) {
    sum.mean += mean[k];
    sum.variance += variance[k];
  }
  for (; i < size; ++i) {
    sum.mean += double(weights[i]) * means[i];
    sum.variance += double(weights[i]) * weights[i] * variances[i];
  }
  return sum;
}
