//===- ChooseBits.h - More bits where they are needed -----------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_CHOOSEBITS_H
#define ACCOPT_LIB_DRIVER_CHOOSEBITS_H

#include "BitPrices.h"
#include "Calibrate.h"

#include "accopt/Driver/Compile.h"
#include "accopt/Report/BitReport.h"
#include "accopt/Support/Progress.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// Bits that a goal gives weights of more than 8: their corrections then have
/// 4, which leaves a sixteenth of the error and takes little of the room that
/// sums have.
inline constexpr unsigned kGoalWeightBits = 12;

/// The bits of activations and weights with the fewest cycles on the target
/// with which the machine's integers reach options.accuracyGoal on the
/// calibration data (docs/Design/Quantization.md). `function` is float, after
/// the float pipeline and after its weights were refined, and has a correction
/// for each layer that may have more than 8 bits. Fails where more bits
/// everywhere do not reach the goal.
llvm::Expected<ChosenBits> chooseBits(mlir::func::FuncOp function,
                                      const Calibration &calibration,
                                      const CompileOptions &options,
                                      Progress &progress, BitReport &report);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_CHOOSEBITS_H
