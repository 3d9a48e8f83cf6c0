//===- BitTrials.h - Accuracy at any choice of bits -------------*- C++ -*-===//
//
// Part of AccOpt. Runs a network compiled once (SwitchedNetwork.h) at choices
// of bits and compares its scores with the float network's.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_BITTRIALS_H
#define ACCOPT_LIB_DRIVER_BITTRIALS_H

#include "Calibrate.h"
#include "Samples.h"

#include "accopt/Report/AccuracyReport.h"
#include "accopt/Report/BitReport.h"
#include "accopt/Transforms/SwitchedNetwork.h"

#include "llvm/ADT/BitVector.h"

namespace accopt {

/// Sums up how far scores are from the float network's.
class GoalSums {
public:
  /// The reference is `calibration`'s.
  explicit GoalSums(const Calibration &calibration)
      : calibration(calibration), errors(calibration.scores.size()) {}

  /// Takes in calibration.scores[index] on the sample
  /// calibration.samples[sample].
  void add(size_t sample, size_t index, llvm::ArrayRef<float> values);
  GoalMeasure measure() const;

private:
  const Calibration &calibration;
  std::vector<ErrorSums> errors;
  Decisions decisions;
};

/// Which classes of activations have their wide bits, and which layers their
/// corrections.
struct TrialChoice {
  llvm::BitVector wide, corrected;
};

class BitTrials {
public:
  /// Compiles the switched form of `function`, which must outlive this, as must
  /// `calibration`. `file` has the samples that it was calibrated on.
  static llvm::Expected<BitTrials> create(mlir::func::FuncOp function,
                                          const Calibration &calibration,
                                          llvm::StringRef file);

  llvm::ArrayRef<SwitchedClass> classes() const { return network.classes; }
  llvm::ArrayRef<SwitchedCorrection> corrections() const {
    return network.corrections;
  }
  /// The results on `samples` of the samples (0: on all), evenly spread. What
  /// `choice` says of the corrections' own classes is not looked at.
  llvm::Expected<GoalMeasure> run(const TrialChoice &choice,
                                  size_t samples = 0) const;
  /// The same of the machine's integers: `layers` are the accel layers of the
  /// function.
  llvm::Expected<GoalMeasure> runIntegers(mlir::ModuleOp layers) const;

private:
  explicit BitTrials(const Calibration &calibration)
      : calibration(&calibration) {}
  std::vector<Tensor> switchesOf(const TrialChoice &choice) const;

  const Calibration *calibration;
  SwitchedNetwork network;
  std::unique_ptr<Executor> executor;
  std::vector<std::vector<Tensor>> inputs; ///< of each sample
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_BITTRIALS_H
