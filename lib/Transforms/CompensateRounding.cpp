//===- CompensateRounding.cpp - Rounding that later weights take back -----===//
//
// Part of AccOpt. See PatchStatistics.h.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "AddMultiple.h"
#include "ConstantData.h"
#include "LinearOps.h"
#include "QuantizeConstants.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace accopt {
namespace {

/// A square matrix, row-major.
struct Square {
  explicit Square(int64_t size) : size(size), values(size_t(size) * size) {}
  double *operator[](int64_t row) { return values.data() + row * size; }
  const double *operator[](int64_t row) const {
    return values.data() + row * size;
  }
  int64_t size;
  std::vector<double> values;
};

/// The order in which a row's weights of one block are rounded, and what the
/// error of each gives to the later ones: feedback[i][j] for j > i.
struct Feedback {
  std::vector<int64_t> order;
  Square factors;

  /// `count` patches were seen.
  Feedback(ArrayRef<double> covariance, int64_t size, double count);
};

/// Columns or rows that are worked on at once, so that what they change is read
/// from memory once for all of them.
constexpr int64_t kPanel = 32;

/// V, upper triangular, with H = V V^T, in place of H. H is positive definite.
void factorUpwards(Square &h) {
  std::vector<std::vector<double>> columns(kPanel);
  for (int64_t last = h.size; last > 0; last -= kPanel) {
    int64_t first = std::max<int64_t>(0, last - kPanel);
    for (int64_t j = last - 1; j >= first; --j) {
      std::vector<double> &column = columns[last - 1 - j];
      column.resize(j + 1);
      double root = std::sqrt(h[j][j]);
      h[j][j] = root;
      for (int64_t i = 0; i < j; ++i)
        column[i] = h[i][j] /= root;
      for (int64_t i = 0; i < j; ++i)
        for (int64_t k = std::max(i, first); k < j; ++k)
          h[i][k] -= column[i] * column[k];
    }
    // What is left of the panel.
    for (int64_t i = 0; i < first; ++i)
      for (int64_t p = 0; p < last - first; ++p) {
        addMultiple(h[i] + i, -columns[p][i], &columns[p][i], first - i);
      }
  }
}

/// U = V^-1 of an upper triangle, rows from the last.
Square invertUpper(const Square &v) {
  Square u(v.size);
  auto addRow = [&](int64_t i, int64_t k) {
    addMultiple(u[i] + k, -v[i][k] / v[i][i], u[k] + k, v.size - k);
  };
  for (int64_t last = v.size; last > 0; last -= kPanel) {
    int64_t first = std::max<int64_t>(0, last - kPanel);
    for (int64_t k = last; k < v.size; ++k)
      for (int64_t i = first; i < last; ++i)
        addRow(i, k);
    for (int64_t i = last - 1; i >= first; --i) {
      for (int64_t k = i + 1; k < last; ++k)
        addRow(i, k);
      u[i][i] = 1 / v[i][i];
    }
  }
  return u;
}

Feedback::Feedback(ArrayRef<double> covariance, int64_t size, double count)
    : order(size), factors(size) {
  std::iota(order.begin(), order.end(), 0);
  auto variance = [&](int64_t i) { return covariance[i * size + i]; };
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::pair(-variance(a), a) < std::pair(-variance(b), b);
  });
  double trace = 0;
  for (int64_t i = 0; i < size; ++i)
    trace += variance(i);
  // A hundredth of the mean variance, as in the paper, and more where few
  // patches were seen for each value: what they show by chance is not relied
  // upon. Where nothing varies each weight is for itself.
  double share = 0.01 + 0.1 * double(size) / count;
  double damping = trace > 0 ? share * trace / double(size) : 1;
  Square h(size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      h[i][j] = covariance[order[i] * size + order[j]] + (i == j) * damping;
  factorUpwards(h);
  factors = invertUpper(h);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = size - 1; j >= i; --j)
      factors[i][j] /= factors[i][i];
}

/// Rounds `rows`, one after the other, real numbers in steps of their scales
/// and in the order of `feedback`, to integers.
void roundRows(const Feedback &feedback, MutableArrayRef<double> rows,
               IntegerRange integers) {
  int64_t size = int64_t(feedback.order.size());
  for (int64_t i = 0; i < size; ++i) {
    const double *factors = feedback.factors[i];
    for (double *row = rows.begin(); row != rows.end(); row += size) {
      double q = std::clamp<double>(std::nearbyint(row[i]),
                                    double(integers.min), double(integers.max));
      double error = row[i] - q;
      row[i] = q;
      addMultiple(row + i + 1, -error, factors + i + 1, size - i - 1);
    }
  }
}

class LayerRounding {
public:
  LayerRounding(LinearOp linear, const PatchStatistics &patches,
                const WeightQuantizer &rule)
      : linear(linear), patches(patches), rule(rule),
        weights(*ConstantFloats::get(linear.getWeights())),
        integers(weights.values().size()) {}

  void run() {
    for (int64_t group = 0; group < patches.groups(); ++group)
      for (size_t b = 0; b + 1 < patches.blockBounds().size(); ++b)
        roundBlock(group, b);
    linear.applyAffine({}, lostMeans());
    writeIntegers();
  }

private:
  int64_t outputsPerGroup() const {
    return linear.getNumOutputs() / patches.groups();
  }
  double weight(int64_t m, int64_t k) const {
    return weights.values()[m * patches.patchSize() + k];
  }

  void roundBlock(int64_t group, size_t block) {
    int64_t first = patches.blockBounds()[block];
    int64_t width = patches.blockBounds()[block + 1] - first;
    Feedback feedback(patches.covariance(group, block), width, patches.count());
    for (int64_t from = 0; from < outputsPerGroup(); from += kPanel) {
      int64_t count = std::min(kPanel, outputsPerGroup() - from);
      int64_t m = group * outputsPerGroup() + from;
      std::vector<double> rows(count * width);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < width; ++k)
          rows[i * width + k] =
              weight(m + i, first + feedback.order[k]) / rule.scales[m + i];
      roundRows(feedback, rows, weightIntegers(rule.bits));
      for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < width; ++k)
          integers[(m + i) * patches.patchSize() + first + feedback.order[k]] =
              int8_t(rows[i * width + k]);
    }
  }

  /// What the integers lack of each output's mean.
  std::vector<double> lostMeans() const {
    std::vector<double> lost(linear.getNumOutputs());
    for (int64_t group = 0; group < patches.groups(); ++group) {
      std::vector<double> means = patches.means(group);
      for (int64_t i = 0; i < outputsPerGroup(); ++i) {
        int64_t m = group * outputsPerGroup() + i;
        for (int64_t k = 0; k < patches.patchSize(); ++k)
          lost[m] += (weight(m, k) -
                      rule.scales[m] * integers[m * patches.patchSize() + k]) *
                     means[k];
      }
    }
    return lost;
  }

  void writeIntegers() {
    Value old = linear.getWeights();
    OpBuilder builder(linear.getOperation());
    Value constant = createIntegerWeights(builder, old, rule.scales, integers);
    linear.setWeights(quant::DequantizeCastOp::create(builder, old.getLoc(),
                                                      old.getType(), constant));
  }

  LinearOp linear;
  const PatchStatistics &patches;
  const WeightQuantizer &rule;
  ConstantFloats weights;
  std::vector<int8_t> integers;
};
} // namespace

unsigned compensateRounding(func::FuncOp function, const PatchTable &patches,
                            const QuantizationPlan &plan,
                            llvm::function_ref<void(size_t)> done) {
  auto names = nameValues(function);
  unsigned rounded = 0;
  size_t seen = 0;
  for (const auto &[op, statistics] : patches) {
    done(seen++);
    LinearOp linear = *LinearOp::get(op);
    const WeightQuantizer *rule =
        plan.findWeights(names.lookup(linear.getResult()));
    if (!rule || statistics.count() == 0 ||
        int64_t(rule->scales.size()) != linear.getNumOutputs())
      continue;
    LayerRounding(linear, statistics, *rule).run();
    ++rounded;
  }
  eraseDeadConstants(function);
  return rounded;
}

} // namespace accopt
