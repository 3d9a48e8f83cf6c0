//===- RefineWeights.h - Less loss without training -------------*- C++ -*-===//
//
// Part of AccOpt. The options that rewrite a float network by what it holds on
// calibration data before it is quantized.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H
#define ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H

#include "accopt/Driver/Compile.h"
#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// --equalize, before ranges are found: it changes them.
llvm::Error levelChannels(mlir::func::FuncOp function,
                          const CompileOptions &options);

/// --compensate-rounding and --correct-bias, after that. The network computes
/// other floats from here on.
llvm::Error refineWeights(mlir::func::FuncOp function, const RangeTable &ranges,
                          const CompileOptions &options);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_REFINEWEIGHTS_H
