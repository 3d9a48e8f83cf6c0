//===- Calibrate.h - Ranges of activations, from any source -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_CALIBRATE_H
#define ACCOPT_LIB_DRIVER_CALIBRATE_H

#include "accopt/Driver/Compile.h"
#include "accopt/Support/Progress.h"
#include "accopt/Transforms/ChannelStatistics.h"
#include "accopt/Transforms/PatchStatistics.h"
#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

namespace accopt {

/// An accuracy goal is measured on at most so many samples, evenly spread.
inline constexpr int64_t kGoalSamples = 32;

/// What an accuracy goal looks at: the results of f32, or what a softmax along
/// the last dimension makes them from. Its probabilities jump where scores that
/// are close change places, and hide all that is not close; the largest one
/// stays where it is.
llvm::SmallVector<mlir::Value> getScores(mlir::func::FuncOp function);

/// What calibration finds out about a network.
struct Calibration {
  RangeTable ranges;
  PatchTable patches; ///< where rounding is compensated
  /// With an accuracy goal: what it is measured on (getScores()), on which
  /// samples, and the elements of each, by sample.
  llvm::SmallVector<mlir::Value> scores;
  std::vector<int64_t> samples;
  std::vector<std::vector<std::vector<float>>> outputs;
};

/// Ranges from the file given, from data given, or from the model's own
/// statistics, which one line on standard error says; and what else `options`
/// need of the data, in one pass over it.
llvm::Expected<Calibration> calibrate(mlir::func::FuncOp function,
                                      const CompileOptions &options,
                                      Progress &progress);

/// Adds the ranges of `values`, which are of `function` and none of which the
/// network had when it was calibrated: from data, where there is some, or else
/// from the model's own statistics. What `ranges` has already stays.
llvm::Error addMissingRanges(mlir::func::FuncOp function,
                             llvm::ArrayRef<mlir::Value> values,
                             const CompileOptions &options, Progress &progress,
                             RangeTable &ranges);

/// What the channels of `function`'s values hold on the calibration data.
llvm::Expected<ChannelTable> measureChannels(mlir::func::FuncOp function,
                                             const CompileOptions &options,
                                             Progress &progress);

/// `error: FILE: node 'NAME' (op): message`.
void printDiagnostic(llvm::StringRef file, mlir::Diagnostic &diagnostic);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_CALIBRATE_H
