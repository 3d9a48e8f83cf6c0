//===- Stonne.h - Cycles of STONNE's TPU ------------------------*- C++ -*-===//
//
// Part of AccOpt. STONNE (Munoz-Martinez et al., IISWC 2021) simulates an
// output-stationary systolic array under its TPU configuration; with a memory
// that is never a bottleneck its count has a closed form.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_STONNE_H
#define ACCOPT_FORMULAS_STONNE_H

#include "accopt/Formulas/ScaleSim.h"

namespace accopt::formulas {

struct StonneCost {
  int64_t cycles = 0; ///< all groups, one after the other
  int64_t folds = 0;
  double utilization = 0; ///< macs over cycles times the array's size
};

/// Output-stationary cycles at full bandwidth. A fold that uses r rows and c
/// columns of the array takes
///   k + r + c + 3 - [min(r, c) = 1]
/// cycles; partly filled folds are shorter, unlike SCALE-Sim's. Shapes must
/// have passed check().
StonneCost stonneCost(const GemmShape &gemm, const ArrayShape &array);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_STONNE_H
