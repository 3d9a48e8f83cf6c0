//===- ChooseBits.h - More bits where they are needed -----------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_CHOOSEBITS_H
#define ACCOPT_LIB_DRIVER_CHOOSEBITS_H

#include "Calibrate.h"

#include "accopt/Driver/Compile.h"
#include "accopt/Report/BitReport.h"
#include "accopt/Support/Progress.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// The bits of activations with the fewest cycles on the target with which the
/// machine's integers reach options.accuracyGoal on the calibration data
/// (docs/Design/Quantization.md). `function` is float, after the float pipeline
/// and after its weights were refined. Fails where 16 bits everywhere do not
/// reach the goal.
llvm::Expected<ActivationBits> chooseActivationBits(
    mlir::func::FuncOp function, const Calibration &calibration,
    const CompileOptions &options, Progress &progress, BitReport &report);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_CHOOSEBITS_H
