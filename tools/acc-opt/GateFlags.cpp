//===- GateFlags.cpp - Options that limit cycles and energy ---------------===//

#include "GateFlags.h"

using namespace llvm;
using namespace accopt;

GateFlags::GateFlags(cl::OptionCategory &category)
    : baseline("baseline",
               cl::desc("A --report=FILE.json to compare with: prints what "
                        "changed, and the exit status is 3 if cycles or "
                        "energy grew by more than --max-regression"),
               cl::value_desc("json"), cl::cat(category)),
      maxRegression(
          "max-regression",
          cl::desc("How much more than the baseline is allowed: 1% (both), "
                   "500 (cycles), 3uJ (energy), cycles=1%,energy=any; "
                   "default 0%"),
          cl::value_desc("limits"), cl::cat(category)),
      budgetCycles("budget-cycles",
                   cl::desc("Exit status 3 above it; k, M, G, T as suffix"),
                   cl::value_desc("20M"), cl::cat(category)),
      budgetEnergy("budget-energy",
                   cl::desc("Exit status 3 above it; pJ unless a unit (fJ to "
                            "kJ) is given"),
                   cl::value_desc("25mJ"), cl::cat(category)),
      junit("junit",
            cl::desc("Write the verdicts as JUnit XML, as --report=FILE.xml "
                     "does"),
            cl::value_desc("file"), cl::cat(category)),
      comparison("comparison",
                 cl::desc("Write the comparison with the baseline: .json, .md "
                          "or .xml by its ending"),
                 cl::value_desc("file"), cl::cat(category)) {}

static Error makeUsageError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

/// An error of `option`'s value.
static Error named(const cl::Option &option, Error error) {
  return makeUsageError("--" + option.ArgStr + ": " +
                        toString(std::move(error)));
}

Error GateFlags::applyLimits(GateOptions &options) const {
  if (maxRegression.getNumOccurrences())
    if (Error error = parseThresholds(maxRegression, options))
      return named(maxRegression, std::move(error));
  if (budgetCycles.getNumOccurrences())
    if (Error error = parseCycles(budgetCycles).moveInto(options.budgetCycles))
      return named(budgetCycles, std::move(error));
  if (budgetEnergy.getNumOccurrences())
    if (Error error =
            parseEnergy(budgetEnergy).moveInto(options.budgetEnergyPj))
      return named(budgetEnergy, std::move(error));
  return Error::success();
}

Error GateFlags::apply(CompileOptions &options) const {
  // Of two values one would be dropped in silence.
  for (const cl::Option *option :
       {static_cast<const cl::Option *>(&baseline),
        static_cast<const cl::Option *>(&maxRegression),
        static_cast<const cl::Option *>(&budgetCycles),
        static_cast<const cl::Option *>(&budgetEnergy),
        static_cast<const cl::Option *>(&junit),
        static_cast<const cl::Option *>(&comparison)})
    if (option->getNumOccurrences() > 1)
      return makeUsageError("--" + option->ArgStr + ": given twice");
  // An empty variable of a CI script must not switch a gate off.
  for (const auto *option : {&baseline, &junit, &comparison})
    if (option->getNumOccurrences() && option->empty())
      return makeUsageError("--" + option->ArgStr +
                            ": expected a file, got ''");
  if (Error error = applyLimits(options.gates))
    return error;
  for (const auto *option : {&maxRegression, &comparison})
    if (option->getNumOccurrences() && baseline.empty())
      return makeUsageError("--" + option->ArgStr +
                            ": expected --baseline=FILE.json with it");
  options.baseline = baseline;
  options.junit = junit;
  options.comparison = comparison;
  if (!junit.empty() && !options.hasGates())
    return makeUsageError("--junit: expected --baseline, --budget-cycles or "
                          "--budget-energy with it");
  if (options.hasGates() && options.stage != Stage::Elf)
    return makeUsageError("limits on cycles and energy: expected --emit=elf, "
                          "got a stage that has no costs");
  return Error::success();
}
