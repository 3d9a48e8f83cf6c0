//===- Gate.h - Limits on cycles and energy ---------------------*- C++ -*-===//
//
// Part of AccOpt. What makes a build fail: cycles or energy that grew against a
// baseline by more than a threshold, or that exceed a budget. An improvement
// never fails, and a value equal to its limit passes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_GATE_H
#define ACCOPT_REPORT_GATE_H

#include "accopt/Report/Comparison.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// By how much a metric may exceed the baseline's. Default: not at all.
struct Threshold {
  enum class Kind { Percent, Absolute, Unlimited };
  Kind kind = Kind::Percent;
  /// Of `Percent`, in millionths of a percent: 0.5 % is 500,000. A whole
  /// number, so that a limit in cycles is exact.
  int64_t microPercent = 0;
  /// Of `Absolute`, for cycles and for energy.
  int64_t cycles = 0;
  double energyPj = 0;
  /// As the user wrote it, for messages.
  std::string text = "0%";
};

struct GateOptions {
  /// Apply if there is a baseline.
  Threshold cyclesThreshold, energyThreshold;
  std::optional<int64_t> budgetCycles;
  std::optional<double> budgetEnergyPj;
};

/// Reads a number of cycles: "3068", "20M", "1.5e6". Prefixes are k, M, G and
/// T. Fails on anything but a whole number below 2^63.
llvm::Expected<int64_t> parseCycles(llvm::StringRef text);

/// Reads an energy in picojoules: "25mJ", "3uJ", "1.5e3 nJ". Units are fJ, pJ,
/// nJ, uJ (or with a micro sign), mJ, J and kJ. A number alone is picojoules,
/// the unit of the reports; a prefix alone ("25m") is an error.
llvm::Expected<double> parseEnergy(llvm::StringRef text);

/// Reads --max-regression into the thresholds of `options`: a list, separated
/// by commas, of "1%" (both metrics, at most 6 decimals), "500" or "2k"
/// (cycles), "3uJ" (energy; the J is needed), "cycles=..." or "energy=..." with
/// one of these or "any".
llvm::Error parseThresholds(llvm::StringRef text, GateOptions &options);

/// One limit and what came of it. Values are cycles or picojoules.
struct GateResult {
  /// "cycles vs. baseline", "energy vs. baseline", "cycles budget",
  /// "energy budget".
  std::string name;
  CostMetric metric = CostMetric::Cycles;
  std::optional<double> baseline;
  double limit = 0;
  double actual = 0;
  bool passed = true;
  /// "cycles: expected at most 3098 (baseline 3068 + 1%), got 3100 (+1.04%)".
  std::string message;
};

/// A report, what it was compared with, and the verdicts. Refers to the
/// reports.
struct GateCheck {
  const CostReport &report;
  std::optional<CostComparison> comparison;
  std::vector<GateResult> gates;

  bool hasPassed() const;
  /// By which to rank ops: energy if only limits on energy were exceeded.
  CostMetric mainMetric() const;
};

/// Applies the options to `report`; `baseline` may be null.
GateCheck checkGates(const CostReport &report, const CostReport *baseline,
                     const GateOptions &options);

} // namespace accopt

#endif // ACCOPT_REPORT_GATE_H
