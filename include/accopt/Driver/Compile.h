//===- Compile.h - From a model to a binary ---------------------*- C++ -*-===//
//
// Part of AccOpt. The way through all stages, as acc-opt takes it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DRIVER_COMPILE_H
#define ACCOPT_DRIVER_COMPILE_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Import/Import.h"
#include "accopt/Report/CostReport.h"
#include "accopt/Report/Gate.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Transforms/Pipelines.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// A stage at which the compiler can stop.
/// In order, but for ONNX and TOSA, which leave the way before quantization and
/// after the layers.
enum class Stage { NN, Onnx, NNQuantized, Accel, Tosa, AccelCommands, Elf };

/// How near a quantized network's results should be to the float network's on
/// the calibration data.
struct AccuracyGoal {
  /// At least `value` dB of signal to quantization noise in every result, or at
  /// least this share (0 to 1) of rows of scores with their largest one at the
  /// same place.
  enum class Kind { Sqnr, Decisions } kind = Kind::Sqnr;
  double value = 30;
  std::string text = "30dB";
};

/// Reads "30dB" or "99.5%".
llvm::Expected<AccuracyGoal> parseAccuracyGoal(llvm::StringRef text);

struct CompileOptions {
  std::string input; ///< an ONNX file, or MLIR of any stage but TOSA
  std::string target = "systolic16x16";
  Stage stage = Stage::Elf;
  ScheduleOptions schedule;
  /// Empty: the stem of `input` + ".elf" for the binary, standard output else.
  std::string output;
  ImportOptions import;
  /// .npy or .npz with real inputs, one sample per batch of the first
  /// dimension.
  std::string calibrationData;
  std::string calibrationMethod = "minmax";
  /// Level channels between layers, undo the shift of means that rounding
  /// weights makes; both need calibration data.
  bool equalize = false, correctBias = false;
  /// Round weights in view of each other. Where nothing is said, with
  /// calibration data; to ask for it without is an error.
  std::optional<bool> compensateRounding;
  ActivationBits activationBits;
  WeightBits weightBits;
  /// Chooses the bits of activations and weights: the fewest cycles that reach
  /// the goal. Needs calibration data.
  std::optional<AccuracyGoal> accuracyGoal;
  std::string bitsReport; ///< where to write what was chosen as JSON
  /// Lets chance choose too, with this seed, to compare with.
  std::optional<uint64_t> bitsControl;
  std::string calibration;     ///< ranges to read (JSON)
  std::string saveCalibration; ///< where to write the ranges used
  /// "-" is the table on standard output, which is also what none means.
  std::vector<std::string> reports;
  bool quiet = false;
  /// ONNX nodes to explain on standard output, in place of the table.
  std::vector<std::string> explain;

  /// Inputs (.npz, .npy) on which the float network and the integers are
  /// compared, tensor by tensor, on standard output in place of the table.
  std::string compare;
  std::string accuracyReport; ///< where to write that comparison as JSON

  std::string baseline;   ///< a cost report (JSON) to compare with
  GateOptions gates;      ///< limits on cycles and energy
  std::string junit;      ///< where to write the verdicts as JUnit XML
  std::string comparison; ///< where to write the comparison

  bool compensatesRounding() const {
    return compensateRounding.value_or(!calibrationData.empty());
  }
  /// Whether costs can make compilation fail.
  bool hasGates() const {
    return !baseline.empty() || gates.budgetCycles || gates.budgetEnergyPj;
  }
};

/// Compiles; the result and the reports are written, errors are printed to
/// standard error, one line each. Returns the exit status: 0, 1, or 3 if all
/// was written and a limit on cycles or energy is exceeded.
int compile(const CompileOptions &options);

/// Import, transforms and quantization up to accel layer ops. Null after errors
/// were printed to standard error.
mlir::OwningOpRef<mlir::ModuleOp> compileToLayers(const CompileOptions &options,
                                                  mlir::MLIRContext &context);

/// The schedule of accel layers, with the host's functions.
llvm::FailureOr<Program> compileLayers(mlir::ModuleOp layers,
                                       const Machine &machine,
                                       const ScheduleOptions &options = {});

} // namespace accopt

#endif // ACCOPT_DRIVER_COMPILE_H
