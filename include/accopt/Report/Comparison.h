//===- Comparison.h - What changed between two cost reports -----*- C++ -*-===//
//
// Part of AccOpt. Ops are matched by name and type; where a name occurs more
// than once, by its occurrence. What is left is matched by a node that both
// names hold and the type, in program order: fusion joins the names of nodes by
// "+", and another fusion changes them. The rest was added or removed.
//
// The ops' changes in cycles add up to the total's exactly, those in energy up
// to rounding.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_COMPARISON_H
#define ACCOPT_REPORT_COMPARISON_H

#include "accopt/Report/CostReport.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt {

/// What is compared and limited.
enum class CostMetric { Cycles, Energy };

/// Whether energies in picojoules are equal but for rounding: to one part in
/// 10^9. Other tools may write a report's sums in another order.
bool isSameEnergy(double a, double b);

/// One op; `before` is null for an added one, `after` for a removed one.
struct OpComparison {
  const OpCost *before = nullptr;
  const OpCost *after = nullptr;

  /// The op to name: the later one, unless it was removed.
  const OpCost &shown() const { return after ? *after : *before; }
  int64_t cyclesBefore() const { return before ? before->cycles : 0; }
  int64_t cyclesAfter() const { return after ? after->cycles : 0; }
  int64_t cyclesDelta() const { return cyclesAfter() - cyclesBefore(); }
  double energyBeforePj() const { return before ? before->energyPj() : 0; }
  double energyAfterPj() const { return after ? after->energyPj() : 0; }
  /// 0 if the two are the same up to rounding.
  double energyDeltaPj() const;
  /// Whether it was added or removed, or its cycles or energy changed.
  bool isChanged() const;
  bool isWorse(CostMetric metric) const {
    return metric == CostMetric::Cycles ? cyclesDelta() > 0
                                        : energyDeltaPj() > 0;
  }
};

/// Refers to both reports, which must outlive it.
struct CostComparison {
  const CostReport &before;
  const CostReport &after;
  /// Those of `after` in program order, then removed ones in theirs.
  std::vector<OpComparison> ops;

  int64_t cyclesDelta() const {
    return after.total.cycles - before.total.cycles;
  }
  /// 0 if the two are the same up to rounding.
  double energyDeltaPj() const;
  size_t countUnchanged() const;
};

CostComparison compareReports(const CostReport &before,
                              const CostReport &after);

/// The changed ops by how much `metric` changed, up or down, then by the other
/// metric, then in the order of the comparison.
std::vector<OpComparison> rankChanges(const CostComparison &comparison,
                                      CostMetric metric);

/// What changed about an op other than numbers: "added", "array -> host",
/// "bits 8/8 -> 4/8", "was NAME"; empty if nothing.
std::string describeChange(const OpComparison &op);

/// One line for each: another model, a changed model of the same name, another
/// target, other parameters of the same target (at most three by name, with
/// their values).
std::vector<std::string> describeDifferences(const CostComparison &comparison);

} // namespace accopt

#endif // ACCOPT_REPORT_COMPARISON_H
