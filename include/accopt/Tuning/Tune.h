//===- Tune.h - What acc-tune does ------------------------------*- C++ -*-===//
//
// Part of AccOpt. Takes a trained model, a machine, data and a budget, and
// gives back a better model, its binary and an account of what was gained.
// docs/Design/Tuning.md explains the steps.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TUNING_TUNE_H
#define ACCOPT_TUNING_TUNE_H

#include "accopt/Import/Import.h"
#include "accopt/Training/Trainer.h"
#include "accopt/Tuning/CostService.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// A step of --steps with the options in its braces.
struct StepSpec {
  std::string name; ///< "prune", "qat", ...
  std::map<std::string, std::string> options;
  std::string text; ///< as it was written
};

/// Parses "prune{budget=50%,rounds=3},mixed-precision,qat". Fails with what is
/// wrong, naming the steps and options that exist.
llvm::Expected<std::vector<StepSpec>> parseSteps(llvm::StringRef text);

/// The steps and their options as text, for --help.
std::string describeSteps();

/// "50%" of a baseline, or a number.
struct Budget {
  double value = 0;
  bool isShare = false;
  double of(double baseline) const {
    return isShare ? value * baseline : value;
  }
};
llvm::Expected<Budget> parseBudget(llvm::StringRef text);

struct TuneOptions {
  std::string model;
  ImportOptions import; ///< of the model and the teacher
  std::string target = "systolic16x16";
  std::string data;
  std::string steps = "prune,qat";
  Objective objective = Objective::Cycles;
  std::string budget; ///< empty: as cheap as the accuracy floor allows
  /// At most one: points below the float model's accuracy on the validation
  /// part, or an absolute share.
  std::optional<double> maxDrop, minAccuracy;
  std::string teacher; ///< empty: the unmodified model
  training::TrainingOptions training;
  double validationShare = 0.15, testShare = 0.2;
  std::string device = "cpu";
  std::string outputDirectory = "tuned";
  /// Reports of other runs that report.html shows beside this one.
  std::vector<std::string> beside;
  bool resume = false, quiet = false;
  /// Test samples that the binary runs in the simulator at the end; 0 is all.
  int64_t verifySamples = 256;
};

/// Runs everything; the summary goes to `out`, progress and remarks to `notes`.
/// Gives the exit status: 0, or 3 where no candidate meets the floor and the
/// budget (the nearest is written all the same).
llvm::Expected<int> tune(const TuneOptions &options, llvm::raw_ostream &out,
                         llvm::raw_ostream &notes);

} // namespace accopt

#endif // ACCOPT_TUNING_TUNE_H
