//===- CostAnalysis.h - Cycles and events of a schedule ---------*- C++ -*-===//
//
// Part of AccOpt. Composes the durations of single commands in closed form: the
// start of each command is the maximum of what it waits for, so the schedule is
// a linear recurrence in max-plus algebra (Baccelli et al. 1992), evaluated
// once in program order. Nothing runs. The simulator finds the same times by
// events; tests hold the two equal.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_ANALYSIS_COSTANALYSIS_H
#define ACCOPT_ANALYSIS_COSTANALYSIS_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Target/Timing.h"

#include "llvm/Support/Error.h"

namespace accopt {

struct CostAnalysis {
  std::vector<LayerCost> layers; ///< one for each of the program's layers
  uint64_t cycles = 0;           ///< the sum of the layers' cycles
};

/// Fails where a command waits for a token that no earlier command sends.
llvm::Expected<CostAnalysis> analyzeCost(const Program &program);

} // namespace accopt

#endif // ACCOPT_ANALYSIS_COSTANALYSIS_H
