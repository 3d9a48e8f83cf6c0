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

QuantParams accopt::chooseParams(Range range) {
  double min = std::min(range.min, 0.0), max = std::max(range.max, 0.0);
  double width = max - min;
  QuantParams params;
  if (!(width > 0.0))
    return params;
  params.scale = roundToFloat(width / 255.0);
  double zeroPoint = std::nearbyint(-128.0 - min / params.scale);
  params.zeroPoint = int64_t(std::clamp(zeroPoint, -128.0, 127.0));
  return params;
}

int8_t accopt::quantizeValue(double value, QuantParams params) {
  double q = std::nearbyint(value / params.scale) + double(params.zeroPoint);
  return int8_t(std::clamp(q, -128.0, 127.0));
}

double accopt::chooseWeightScale(const WeightRow &row) {
  // |bias| / (input scale * scale) <= 2^30 leaves room for the products.
  double forBias = std::fabs(row.bias) / (row.inputScale * 0x1p30);
  // input scale * scale / output scale >= 2^-24. Coarser weights do not show in
  // the result: a weight's rounding error moves it by 2^-17 of a step at most.
  double forShift = row.outputScale / row.inputScale * 0x1p-24;
  return roundToFloat(std::max({row.maxAbs / 127.0, forBias, forShift}));
}
