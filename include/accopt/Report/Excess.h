//===- Excess.h - Why ops take longer than their bounds ---------*- C++ -*-===//
//
// Part of AccOpt. From what a report holds of an op: its cycles, its bound, and
// how long each engine works for it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_EXCESS_H
#define ACCOPT_REPORT_EXCESS_H

#include "accopt/Report/CostReport.h"

namespace accopt {

/// A network whose cycles are more than this over its bound has its dearest ops
/// named in tables.
inline constexpr double kNamedExcess = 1.10;

/// Cycles over the roofline; below 0 where an op hides behind the one before.
inline int64_t excessCycles(const OpCost &op) {
  return op.cycles - op.rooflineCycles;
}

/// What keeps an op from its bound, in one line without a period.
std::string describeExcess(const OpCost &op, const CostReport &report);

/// Indices of the ops with the most cycles over their bounds, at most `most`,
/// the worst first. None if the network is within kNamedExcess of its bound.
std::vector<size_t> worstOps(const CostReport &report, size_t most);

} // namespace accopt

#endif // ACCOPT_REPORT_EXCESS_H
