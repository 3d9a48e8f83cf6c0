//===- CompensateRounding.cpp - Rounding that later weights take back -----===//
//
// Part of AccOpt. See PatchStatistics.h.
//
// A row of weights w becomes integers q with w - q = e; its results lose
// e C e^T of their variance, C the covariance of the patches. With the factor
// C = V V^T, V triangular, that is a sum of squares, one for each column of V:
//
//   sum_k V_kk^2 (e_k + sum_j e_j V_jk / V_kk)^2   over the j rounded before k
//
// so each weight is rounded with what the ones before have lost added to it,
// and the square is at most V_kk^2 / 4.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "AddProducts.h"
#include "ConstantData.h"
#include "LinearOps.h"
#include "QuantizeConstants.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>
#include <numeric>

using namespace mlir;

// Every host gets the same.
#pragma clang fp contract(off)

namespace accopt {
namespace {

constexpr int64_t kStrip = UpperTriangle::kStrip;

/// In which order the weights of a block are rounded, from the last to the
/// first, and what share of each one's error those before it take over.
class Feedback {
public:
  /// `size` weights; `damping` is added to each variance.
  Feedback(const UpperTriangle &covariance, int64_t size, float damping);

  int64_t strips() const { return numStrips; }
  /// Where the weight of row `i` is in the block.
  ArrayRef<int64_t> order() const { return positions; }
  /// Rows j from 16 s to the last: what the weights [16 s, 16 s + 16) take over
  /// from weight j. Of the first 16 rows only those with a larger j count.
  const float *strip(int64_t s) const { return factors.data() + offset(s); }

private:
  size_t offset(int64_t s) const {
    return size_t(kStrip * kStrip * (s * numStrips - s * (s - 1) / 2));
  }

  int64_t numStrips;
  std::vector<int64_t> positions;
  std::vector<float> factors;
};

Feedback::Feedback(const UpperTriangle &covariance, int64_t size, float damping)
    : numStrips(covariance.strips()), positions(size),
      factors(offset(numStrips)) {
  std::iota(positions.begin(), positions.end(), 0);
  llvm::sort(positions, [&](int64_t a, int64_t b) {
    return std::pair(covariance.at(a, a), -a) <
           std::pair(covariance.at(b, b), -b);
  });
  UpperTriangle h(size);
  for (int64_t j = 0; j < size; ++j)
    for (int64_t i = 0; i <= j; ++i) {
      auto [a, b] = std::minmax(positions[i], positions[j]);
      h.at(i, j) = covariance.at(a, b);
    }
  for (int64_t i = 0; i < kStrip * numStrips; ++i)
    h.at(i, i) += damping;
  h.factorize(damping);
  for (int64_t s = 0; s < numStrips; ++s) {
    float *to = factors.data() + offset(s);
    for (int64_t i = 0; i < kStrip; ++i) {
      int64_t row = s * kStrip + i;
      float pivot = h.at(row, row);
      for (int64_t j = row + 1; j < kStrip * numStrips; ++j)
        to[(j - s * kStrip) * kStrip + i] = h.at(row, j) / pivot;
    }
  }
}

/// Rounds weights of some rows: strip m has 16 of them, side by side, in steps
/// of their scales, at rows + 16 m n for the n weights of a block with its
/// padding. In their places it leaves what each lost; integers[m][i][row] is
/// what they became.
void roundRows(const Feedback &feedback, MutableArrayRef<float> rows,
               IntegerRange range, MutableArrayRef<int8_t> integers) {
  int64_t size = feedback.strips() * kStrip;
  float least = float(range.min), most = float(range.max);
  for (int64_t s = feedback.strips(); s-- > 0;) {
    const float *factors = feedback.strip(s);
    int64_t first = s * kStrip * kStrip, after = first + kStrip * kStrip;
    for (size_t from = 0; from < rows.size(); from += size * kStrip) {
      float *lost = rows.data() + from;
      float wanted[kStrip * kStrip];
      std::copy_n(lost + first, kStrip * kStrip, wanted);
      addProducts(wanted, 1, factors + kStrip * kStrip, lost + after,
                  size - (s + 1) * kStrip);
      for (int64_t k = kStrip - 1; k >= 0; --k) {
        float *weights = lost + first + k * kStrip;
        int8_t *out = integers.data() + from + first + k * kStrip;
        for (int64_t i = 0; i < kStrip; ++i) {
          float q = std::clamp(wanted[k * kStrip + i], least, most);
          // To the nearest integer, half to even, as a sum that has no
          // fraction.
          q = (q + 0x1.8p23f) - 0x1.8p23f;
          out[i] = int8_t(q);
          weights[i] -= q;
        }
        for (int64_t j = 0; j < k; ++j)
          for (int64_t i = 0; i < kStrip; ++i)
            wanted[j * kStrip + i] += factors[k * kStrip + j] * weights[i];
      }
    }
  }
}

/// The rounding of one layer.
class LayerRounding {
public:
  LayerRounding(Operation *op, const PatchStatistics &patches,
                const WeightQuantizer &rule)
      : linear(*LinearOp::get(op)), patches(patches), rule(rule),
        weights(*ConstantFloats::get(linear.getWeights())),
        integers(weights.values().size()) {}

  void roundBlock(int64_t group, size_t block, const Feedback &feedback);
  /// Writes what was rounded.
  void finish();

private:
  /// Strips of rows of weights that are rounded together: factors are read from
  /// memory once for them.
  static constexpr int64_t stripsAtOnce = 8;

  int64_t outputsPerGroup() const {
    return linear.getNumOutputs() / patches.groups();
  }
  double weight(int64_t m, int64_t k) const {
    return weights.values()[m * patches.patchSize() + k];
  }
  std::vector<double> lostMeans() const;

  LinearOp linear;
  const PatchStatistics &patches;
  const WeightQuantizer &rule;
  ConstantFloats weights;
  std::vector<int8_t> integers;
};

void LayerRounding::roundBlock(int64_t group, size_t block,
                               const Feedback &feedback) {
  int64_t first = patches.blockBounds()[block];
  int64_t height = feedback.strips() * kStrip;
  ArrayRef<int64_t> order = feedback.order();
  std::vector<float> rows;
  std::vector<int8_t> rounded;
  for (int64_t from = 0; from < outputsPerGroup();
       from += stripsAtOnce * kStrip) {
    int64_t count = std::min(stripsAtOnce * kStrip, outputsPerGroup() - from);
    rows.assign(UpperTriangle::countStrips(count) * kStrip * height, 0.0f);
    rounded.resize(rows.size());
    // The place of a weight in `rows`.
    auto at = [&](int64_t i, int64_t k) {
      return (i / kStrip * height + k) * kStrip + i % kStrip;
    };
    for (int64_t i = 0; i < count; ++i) {
      int64_t m = group * outputsPerGroup() + from + i;
      for (auto [k, position] : llvm::enumerate(order))
        rows[at(i, int64_t(k))] =
            float(weight(m, first + position) / rule.scales[m]);
    }
    roundRows(feedback, rows, weightIntegers(rule.bits), rounded);
    for (int64_t i = 0; i < count; ++i) {
      int64_t m = group * outputsPerGroup() + from + i;
      for (auto [k, position] : llvm::enumerate(order))
        integers[m * patches.patchSize() + first + position] =
            rounded[at(i, int64_t(k))];
    }
  }
}

/// What the integers lack of each output's mean. A mean over n patches is off
/// by an n-th of the variance; where nothing else is known, n / (n + 1) of it
/// is the best guess, so that one patch cannot do harm.
std::vector<double> LayerRounding::lostMeans() const {
  std::vector<double> lost(linear.getNumOutputs());
  double trust = double(patches.count()) / double(patches.count() + 1);
  for (int64_t group = 0; group < patches.groups(); ++group) {
    std::vector<double> means = patches.means(group);
    for (int64_t i = 0; i < outputsPerGroup(); ++i) {
      int64_t m = group * outputsPerGroup() + i;
      for (int64_t k = 0; k < patches.patchSize(); ++k)
        lost[m] += (weight(m, k) -
                    rule.scales[m] * integers[m * patches.patchSize() + k]) *
                   means[k];
      lost[m] *= trust;
    }
  }
  return lost;
}

void LayerRounding::finish() {
  linear.applyAffine({}, lostMeans());
  Value old = linear.getWeights();
  OpBuilder builder(linear.getOperation());
  Value constant = createIntegerWeights(builder, old, rule.scales, integers);
  linear.setWeights(quant::DequantizeCastOp::create(builder, old.getLoc(),
                                                    old.getType(), constant));
}

/// Rounds layers that read the same patches.
void roundLayers(const PatchStatistics &patches,
                 MutableArrayRef<LayerRounding> layers) {
  for (int64_t group = 0; group < patches.groups(); ++group)
    for (size_t b = 0; b + 1 < patches.blockBounds().size(); ++b) {
      int64_t width = patches.blockBounds()[b + 1] - patches.blockBounds()[b];
      UpperTriangle covariance = patches.covariance(group, b);
      Feedback feedback(covariance, width,
                        float(patches.damping(covariance, b)));
      for (LayerRounding &layer : layers)
        layer.roundBlock(group, b, feedback);
    }
  for (LayerRounding &layer : layers)
    layer.finish();
}
} // namespace

unsigned compensateRounding(func::FuncOp function, const PatchTable &patches,
                            const QuantizationPlan &plan,
                            llvm::function_ref<void(size_t)> done) {
  auto names = nameValues(function);
  unsigned rounded = 0;
  for (auto [index, entry] : llvm::enumerate(patches.entries())) {
    done(index);
    if (!entry.statistics || !entry.statistics->isFinite())
      continue;
    SmallVector<LayerRounding> layers;
    for (Operation *op : entry.layers) {
      const WeightQuantizer *rule =
          plan.findWeights(names.lookup(op->getResult(0)));
      if (rule &&
          int64_t(rule->scales.size()) == LinearOp::get(op)->getNumOutputs())
        layers.emplace_back(op, *entry.statistics, *rule);
    }
    if (layers.empty())
      continue;
    roundLayers(*entry.statistics, layers);
    rounded += unsigned(layers.size());
  }
  eraseDeadConstants(function);
  return rounded;
}

} // namespace accopt
