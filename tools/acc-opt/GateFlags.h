//===- GateFlags.h - Options that limit cycles and energy -------*- C++ -*-===//

#ifndef ACCOPT_TOOLS_ACCOPT_GATEFLAGS_H
#define ACCOPT_TOOLS_ACCOPT_GATEFLAGS_H

#include "accopt/Driver/Compile.h"
#include "accopt/Report/Gate.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace accopt {

/// --baseline and budgets. Declares its options in `category` for as long as it
/// lives.
class GateFlags {
public:
  explicit GateFlags(llvm::cl::OptionCategory &category);

  /// Moves what was given into `options`. Fails with one line for wrong usage:
  /// a value that cannot be read, a threshold without a baseline, a stage that
  /// has no costs.
  llvm::Error apply(CompileOptions &options) const;

private:
  llvm::Error applyLimits(GateOptions &options) const;

  llvm::cl::opt<std::string> baseline, maxRegression, budgetCycles,
      budgetEnergy, junit, comparison;
};

} // namespace accopt

#endif // ACCOPT_TOOLS_ACCOPT_GATEFLAGS_H
