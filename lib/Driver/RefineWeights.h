//===- RefineWeights.h - Less loss without training -------------*- C++ -*-===//
//
// Part of AccOpt. The options that rewrite a float network by what it holds on
// calibration data before it is quantized.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H
#define ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H

#include "Calibrate.h"

#include "accopt/Driver/Compile.h"
#include "accopt/Support/Progress.h"
#include "accopt/Transforms/WeightCorrections.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// Fails where an option needs calibration data and there is none.
llvm::Error checkRefinements(const CompileOptions &options);

/// --equalize, before ranges are found: it changes them.
llvm::Error levelChannels(mlir::func::FuncOp function,
                          const CompileOptions &options, Progress &progress);

/// --compensate-rounding and --correct-bias, after that. The network computes
/// other floats from here on.
llvm::Error refineWeights(mlir::func::FuncOp function,
                          const Calibration &calibration,
                          const CompileOptions &options, Progress &progress);

/// Adds the corrections of weights of more than 8 bits, which `exact` has from
/// before the weights were refined, and their ranges to those of `calibration`.
llvm::Error correctWeights(mlir::func::FuncOp function,
                           const ExactWeights &exact, Calibration &calibration,
                           const CompileOptions &options, Progress &progress);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H
