//===- Gate.cpp - Limits on cycles and energy -----------------------------===//

#include "accopt/Report/Gate.h"

#include "Format.h"

#include "llvm/ADT/APInt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace accopt;

bool GateCheck::hasPassed() const {
  return all_of(gates, [](const GateResult &gate) { return gate.passed; });
}

CostMetric GateCheck::mainMetric() const {
  auto fails = [&](CostMetric metric) {
    return any_of(gates, [&](const GateResult &gate) {
      return !gate.passed && gate.metric == metric;
    });
  };
  return fails(CostMetric::Energy) && !fails(CostMetric::Cycles)
             ? CostMetric::Energy
             : CostMetric::Cycles;
}

/// The most cycles allowed, exactly: the bound is rounded down, for cycles are
/// whole.
static int64_t cyclesLimit(int64_t baseline, const Threshold &threshold) {
  APInt more(128, threshold.cycles);
  if (threshold.kind == Threshold::Kind::Percent) {
    constexpr uint64_t whole = 100'000'000;
    more = APInt(128, baseline) * APInt(128, threshold.microPercent);
    more = more.udiv(APInt(128, whole));
  }
  int64_t limit = 0;
  bool isTooMuch = more.getActiveBits() > 63 ||
                   AddOverflow<int64_t>(baseline, more.getZExtValue(), limit);
  return isTooMuch ? INT64_MAX : limit;
}

static double energyLimitPj(double baseline, const Threshold &threshold) {
  if (threshold.kind == Threshold::Kind::Absolute)
    return baseline + threshold.energyPj;
  return baseline + baseline * (double(threshold.microPercent) / 1e8);
}

/// A limit on cycles; `origin` says where it comes from.
static GateResult checkCycles(const Twine &name, int64_t limit, int64_t actual,
                              std::optional<int64_t> baseline,
                              const Twine &origin) {
  GateResult gate;
  gate.name = name.str();
  gate.metric = CostMetric::Cycles;
  if (baseline)
    gate.baseline = double(*baseline);
  gate.limit = double(limit);
  gate.actual = double(actual);
  gate.passed = actual <= limit;
  gate.message = ("cycles: expected at most " + Twine(limit) + " (" + origin +
                  "), got " + Twine(actual))
                     .str();
  return gate;
}

static GateResult checkEnergy(const Twine &name, double limit, double actual,
                              std::optional<double> baseline,
                              const Twine &origin) {
  GateResult gate;
  gate.name = name.str();
  gate.metric = CostMetric::Energy;
  gate.baseline = baseline;
  gate.limit = limit;
  gate.actual = actual;
  gate.passed = actual <= limit || isSameEnergy(actual, limit);
  gate.message = ("energy: expected at most " + formatEnergyDigits(limit) +
                  " (" + origin + "), got " + formatEnergyDigits(actual))
                     .str();
  return gate;
}

/// Ends the message with the change in percent.
static void addChange(GateResult &gate, double reference) {
  std::string change = formatChange(reference, gate.actual);
  if (!change.empty() && change != "new")
    gate.message += " (" + change + ")";
}

static void checkBaseline(const CostReport &report, const CostReport &baseline,
                          const GateOptions &options,
                          std::vector<GateResult> &gates) {
  const Threshold &cycles = options.cyclesThreshold;
  if (cycles.kind != Threshold::Kind::Unlimited) {
    int64_t before = baseline.total.cycles;
    gates.push_back(checkCycles(
        "cycles vs. baseline", cyclesLimit(before, cycles), report.total.cycles,
        before, "baseline " + Twine(before) + " + " + cycles.text));
    addChange(gates.back(), double(before));
  }
  const Threshold &energy = options.energyThreshold;
  if (energy.kind != Threshold::Kind::Unlimited) {
    double before = baseline.total.energyPj;
    gates.push_back(checkEnergy(
        "energy vs. baseline", energyLimitPj(before, energy),
        report.total.energyPj, before,
        "baseline " + formatEnergyDigits(before) + " + " + energy.text));
    addChange(gates.back(), before);
  }
}

GateCheck accopt::checkGates(const CostReport &report,
                             const CostReport *baseline,
                             const GateOptions &options) {
  GateCheck check = {report, std::nullopt, {}};
  if (baseline) {
    check.comparison.emplace(compareReports(*baseline, report));
    checkBaseline(report, *baseline, options, check.gates);
  }
  if (options.budgetCycles) {
    check.gates.push_back(checkCycles("cycles budget", *options.budgetCycles,
                                      report.total.cycles, std::nullopt,
                                      "the budget"));
    addChange(check.gates.back(), double(*options.budgetCycles));
  }
  if (options.budgetEnergyPj) {
    check.gates.push_back(checkEnergy("energy budget", *options.budgetEnergyPj,
                                      report.total.energyPj, std::nullopt,
                                      "the budget"));
    addChange(check.gates.back(), *options.budgetEnergyPj);
  }
  return check;
}
