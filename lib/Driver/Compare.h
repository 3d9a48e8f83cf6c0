//===- Compare.h - Float against integers, tensor by tensor -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_COMPARE_H
#define ACCOPT_LIB_DRIVER_COMPARE_H

#include "accopt/Report/AccuracyReport.h"
#include "accopt/Support/Progress.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace accopt {

/// Runs `function` (nn, float, after the float pipeline) and the layers that it
/// became on the samples of `file` (.npz, .npy; see Samples). The layers'
/// integers are those of the binary.
llvm::Expected<AccuracyReport> compareWithFloat(mlir::func::FuncOp function,
                                                mlir::ModuleOp layers,
                                                llvm::StringRef file,
                                                Progress &progress);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_COMPARE_H
