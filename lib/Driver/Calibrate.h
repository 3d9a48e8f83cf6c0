//===- Calibrate.h - Ranges of activations, from any source -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_CALIBRATE_H
#define ACCOPT_LIB_DRIVER_CALIBRATE_H

#include "accopt/Driver/Compile.h"
#include "accopt/Transforms/ChannelStatistics.h"
#include "accopt/Transforms/PatchStatistics.h"
#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

namespace accopt {

/// Ranges from the file given, from data given, or from the model's own
/// statistics, which one line on standard error says.
llvm::Expected<RangeTable> findRanges(mlir::func::FuncOp function,
                                      const CompileOptions &options);

/// What the channels of `function`'s values hold on the samples of `file`.
llvm::Expected<ChannelTable> measureChannels(mlir::func::FuncOp function,
                                             llvm::StringRef file);

/// What the weights of `function`'s layers meet on the samples of `file`.
llvm::Expected<PatchTable> measurePatches(mlir::func::FuncOp function,
                                          llvm::StringRef file);

/// `error: FILE: node 'NAME' (op): message`.
void printDiagnostic(llvm::StringRef file, mlir::Diagnostic &diagnostic);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_CALIBRATE_H
