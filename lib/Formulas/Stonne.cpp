//===- Stonne.cpp - Cycles of STONNE's TPU --------------------------------===//

#include "accopt/Formulas/Stonne.h"

#include <algorithm>
#include <array>

using namespace accopt::formulas;

namespace {
/// Folds along one edge of the array that use the same number of its lines.
struct Folds {
  int64_t count, used;
};
} // namespace

/// The full folds of `extent` along `lines`, and the last one if it is partial.
static std::array<Folds, 2> cut(int64_t extent, int64_t lines) {
  return {{{extent / lines, lines}, {extent % lines != 0, extent % lines}}};
}

StonneCost accopt::formulas::stonneCost(const GemmShape &gemm,
                                        const ArrayShape &array) {
  StonneCost cost;
  for (Folds rows : cut(gemm.m, array.rows))
    for (Folds columns : cut(gemm.n, array.columns)) {
      int64_t count = gemm.groups * rows.count * columns.count;
      int64_t thin = std::min(rows.used, columns.used) == 1;
      cost.folds += count;
      cost.cycles += count * (gemm.k + rows.used + columns.used + 3 - thin);
    }
  cost.utilization =
      double(gemm.macs()) /
      (double(cost.cycles) * double(array.rows) * double(array.columns));
  return cost;
}
