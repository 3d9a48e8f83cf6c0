//===- RangeCollector.cpp - Ranges of activations from data ---------------===//

#include "accopt/Transforms/RangeCollector.h"

#include "accopt/Transforms/QuantParams.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace accopt;

//===----------------------------------------------------------------------===//
// Histogram
//===----------------------------------------------------------------------===//

static int64_t getBin(float value, int exponent) {
  return int64_t(std::floor(std::ldexp(double(value), -exponent)));
}

/// The smallest usable width for [`low`, `high`]. It grows with the interval,
/// so the last width does not depend on the way there. Below 2^-24 of the
/// largest magnitude floats have no neighbours to tell apart.
static int getExponent(float low, float high) {
  float largest = std::max(std::fabs(low), std::fabs(high));
  int exponent = largest > 0.0f ? std::ilogb(largest) - 24 : -126;
  while (getBin(high, exponent) - getBin(low, exponent) >= Histogram::maxBins)
    ++exponent;
  return exponent;
}

void Histogram::fit(float low, float high) {
  int wanted = getExponent(low, high);
  if (bins.empty())
    exponent = wanted;
  int shift = std::max(0, wanted - exponent);
  exponent += shift;
  int64_t start = getBin(low, exponent), end = getBin(high, exponent) + 1;
  std::vector<uint64_t> merged(end - start, 0);
  for (size_t i = 0; i < bins.size(); ++i)
    if (bins[i])
      merged[((first + int64_t(i)) >> shift) - start] += bins[i];
  first = start;
  bins = std::move(merged);
}

void Histogram::add(ArrayRef<float> values) {
  float low = INFINITY, high = -INFINITY;
  for (float value : values) {
    if (!std::isfinite(value)) {
      nonFinite = true;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high)
    return;
  if (total > 0) {
    low = std::min(low, min);
    high = std::max(high, max);
  }
  if (total == 0 || low < min || high > max)
    fit(low, high);
  min = low;
  max = high;
  double inverse = std::ldexp(1.0, -exponent);
  for (float value : values) {
    if (!std::isfinite(value))
      continue;
    ++total;
    zeros += value == 0.0f;
    ++bins[int64_t(std::floor(value * inverse)) - first];
  }
}

double Histogram::getBinCenter(size_t i) const {
  return std::ldexp(double(first + int64_t(i)) + 0.5, exponent);
}

Range Histogram::getMinMax() const { return {min, max}; }

Range Histogram::getPercentile(double percent) const {
  if (total == 0)
    return {};
  double outside = double(total) * (100.0 - percent) / 200.0;
  size_t low = 0, high = bins.size() - 1;
  double below = 0.0, above = 0.0;
  while (low < high && below + double(bins[low]) <= outside)
    below += double(bins[low++]);
  while (high > low && above + double(bins[high]) <= outside)
    above += double(bins[high--]);
  // Outer edges, which no value passes.
  double lowEdge = std::ldexp(double(first + int64_t(low)), exponent);
  double highEdge = std::ldexp(double(first + int64_t(high) + 1), exponent);
  return {std::max<double>(min, lowEdge), std::min<double>(max, highEdge)};
}

namespace {
/// Sums over the bins before each index: of counts, values and squares.
struct PrefixSums {
  std::vector<double> counts{0.0}, values{0.0}, squares{0.0};

  void push(double count, double value) {
    counts.push_back(counts.back() + count);
    values.push_back(values.back() + count * value);
    squares.push_back(squares.back() + count * value * value);
  }
  /// Sum of count (value - x)^2 over bins [from, to).
  double getError(size_t from, size_t to, double x) const {
    return squares[to] - squares[from] - 2.0 * x * (values[to] - values[from]) +
           x * x * (counts[to] - counts[from]);
  }
};
} // namespace

Range Histogram::getLeastError() const {
  if (total == 0)
    return {};
  constexpr int steps = 128;
  PrefixSums sums;
  for (size_t i = 0; i < bins.size(); ++i)
    sums.push(double(bins[i]), getBinCenter(i));
  auto getIndex = [&](double value) {
    double bin = std::floor(std::ldexp(value, -exponent)) - double(first);
    return size_t(std::clamp(bin, 0.0, double(bins.size())));
  };
  double low = std::min<double>(min, 0.0), high = std::max<double>(max, 0.0);
  Range best{low, high};
  double least = INFINITY;
  // From the widest range down, so that of equal ones the widest stays.
  for (int i = steps; i >= 0; --i) {
    double lower = low * i / steps;
    size_t lowerIndex = getIndex(lower);
    for (int k = steps; k >= 0; --k) {
      double upper = high * k / steps, step = (upper - lower) / 255.0;
      size_t upperIndex = std::min(bins.size(), getIndex(upper) + 1);
      double inside =
          sums.counts[upperIndex] - sums.counts[lowerIndex] - double(zeros);
      double error = sums.getError(0, lowerIndex, lower) +
                     sums.getError(upperIndex, bins.size(), upper) +
                     std::max(0.0, inside) * step * step / 12.0;
      if (error < least) {
        least = error;
        best = {lower, upper};
      }
      if (high == 0.0)
        break;
    }
    if (low == 0.0)
      break;
  }
  return best;
}

Range Histogram::getLeastError(unsigned bits) const {
  double low = std::min<double>(min, 0.0), high = std::max<double>(max, 0.0);
  if (total == 0 || low == high)
    return {low, high};
  PrefixSums sums;
  for (size_t i = 0; i < bins.size(); ++i)
    sums.push(double(bins[i]), getBinCenter(i));
  IntegerRange integers = activationIntegers(bits);
  double inverse = std::ldexp(1.0, -exponent);
  auto getError = [&](Range range) {
    QuantParams params = chooseParams(range, integers);
    double error = 0.0;
    size_t from = 0;
    for (int64_t q = integers.min; q <= integers.max; ++q) {
      double value = double(q - params.zeroPoint) * params.scale;
      double bin = (value + params.scale / 2) * inverse - double(first);
      size_t to =
          q == integers.max
              ? bins.size()
              : size_t(std::clamp(bin, double(from), double(bins.size())));
      error += sums.getError(from, to, value);
      from = to;
    }
    return error;
  };
  // From the widest range down, so that of equal ones the widest stays.
  int steps = low < 0.0 && high > 0.0 ? 48 : 128;
  int lowSteps = low < 0.0 ? steps : 0, highSteps = high > 0.0 ? steps : 0;
  Range best{low, high};
  double least = getError(best);
  for (int i = lowSteps; i >= 0; --i)
    for (int k = highSteps; k >= 0; --k) {
      Range range{low * i / steps, high * k / steps};
      if (range.min == range.max)
        continue;
      if (double error = getError(range); error < least) {
        least = error;
        best = range;
      }
    }
  return best;
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

Expected<CalibrationMethod> accopt::parseCalibrationMethod(StringRef text) {
  using Kind = CalibrationMethod::Kind;
  CalibrationMethod method;
  StringRef rest = text;
  if (text == "minmax")
    return method;
  if (text == "mse") {
    method.kind = Kind::Mse;
    return method;
  }
  if (rest.consume_front("percentile")) {
    method.kind = Kind::Percentile;
    if (rest.empty())
      return method;
    if (rest.consume_front("=") && !rest.getAsDouble(method.percentile) &&
        method.percentile > 50.0 && method.percentile <= 100.0)
      return method;
  }
  return createStringError("expected 'minmax', 'percentile', 'percentile=P' "
                           "with 50 < P <= 100, or 'mse', got '" +
                           text + "'");
}

void RangeCollector::observe(StringRef key, ArrayRef<float> values) {
  if (key.empty())
    return;
  auto [it, isNew] = index.try_emplace(key, entries.size());
  if (isNew)
    entries.emplace_back(key.str(), Histogram());
  entries[it->second].second.add(values);
}

Expected<RangeTable>
RangeCollector::finish(const CalibrationMethod &method) const {
  RangeTable table;
  for (const auto &[key, histogram] : entries) {
    if (histogram.hasNonFinite())
      return createStringError("calibration: expected finite values of '" +
                               key + "', got an infinity or NaN");
    if (histogram.size() == 0)
      return createStringError("calibration: expected values of '" + key +
                               "', got none");
    switch (method.kind) {
    case CalibrationMethod::Kind::MinMax:
      table.set(key, histogram.getMinMax());
      break;
    case CalibrationMethod::Kind::Percentile:
      table.set(key, histogram.getPercentile(method.percentile));
      break;
    case CalibrationMethod::Kind::Mse:
      table.set(key, histogram.getLeastError());
      break;
    }
    for (unsigned bits = 2; bits < 8; ++bits)
      table.setNarrow(key, bits, histogram.getLeastError(bits));
  }
  if (table.size() == 0)
    return createStringError("calibration: expected data, got none");
  return table;
}
