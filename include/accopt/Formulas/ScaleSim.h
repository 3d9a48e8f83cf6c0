//===- ScaleSim.h - Compute cycles as SCALE-Sim reports them ----*- C++ -*-===//
//
// Part of AccOpt. The closed form of what SCALE-Sim v2 and v3 find by walking
// through every cycle of a systolic array whose folds never overlap (Samajdar
// et al., ISPASS 2020, equations 1 to 4; Raj et al., SCALE-Sim v3, ISPASS
// 2025). Counts the array only: no stalls, so it is what the package prints
// with InterfaceBandwidth CALC, and with USER its total minus its stalls.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_SCALESIM_H
#define ACCOPT_FORMULAS_SCALESIM_H

#include "accopt/Formulas/Layers.h"

namespace accopt::formulas {

/// What stays in the array: outputs, weights or inputs.
enum class Dataflow { OutputStationary, WeightStationary, InputStationary };

struct ArrayShape {
  int64_t rows = 32, columns = 32;
};

/// Fails where an extent of the array is outside [1, 65536].
llvm::Error check(const ArrayShape &array);

struct ScaleSimCost {
  /// Cycles from the first to the last, all groups one after the other.
  int64_t cycles = 0;
  /// The package's column "Total Cycles": the index of the last cycle, one less
  /// than the cycles for each group.
  int64_t reportedCycles = 0;
  /// Passes over the array: ceil(Sr / rows) ceil(Sc / columns) for each group.
  int64_t folds = 0;
  /// Multiply-accumulates of the dense layer over reportedCycles times the
  /// array's, 0 to 1 (more than 1 is possible for sparse layers); the package's
  /// "Overall Util %" / 100.
  double utilization = 0;
  /// The part of the array that a fold occupies, mean over the folds; the
  /// package's "Mapping Efficiency %" / 100.
  double mappingEfficiency = 0;
  /// The package's "Compute Util %" / 100. Its weight- and input-stationary
  /// folds are columns - 1 cycles longer than those of its total; kept so.
  double computeUtilization = 0;
};

/// Cycles of a layer on `array`. With Sr, Sc, T the extents along the rows, the
/// columns and time (output-stationary: m, n, k; weight-stationary: k, n, m;
/// input-stationary: k, m, n) a fold takes
///   T + rows + columns - 2      output-stationary
///   T + 2 rows + columns - 2    weight-, input-stationary
/// cycles. Both shapes must have passed check().
ScaleSimCost scaleSimCost(const GemmShape &gemm, const ArrayShape &array,
                          Dataflow dataflow);

/// The reduction that is left of `k` when n of each m weights are kept:
/// floor(k / m) n + min(k mod m, n), SCALE-Sim v3 without "OptimizedMapping".
int64_t sparseReduction(int64_t k, SparsityRatio ratio);

/// The reduction for row-wise sparsity of at most half of each block, SCALE-Sim
/// v3 with "OptimizedMapping" (weight-stationary only): two blocks share the
/// rows of one, ceil(k / (2 block)) block.
int64_t rowWiseSparseReduction(int64_t k, int64_t block);

/// scaleSimCost() of the product with k replaced by `reduction`; the
/// utilisation stays that of the dense layer's multiply-accumulates.
ScaleSimCost scaleSimSparseCost(const GemmShape &gemm, int64_t reduction,
                                const ArrayShape &array, Dataflow dataflow);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_SCALESIM_H
