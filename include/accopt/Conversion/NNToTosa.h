//===- NNToTosa.h - Lowering of nn to TOSA ----------------------*- C++ -*-===//
//
// Float execution of networks: calibration, comparison, host segments.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CONVERSION_NNTOTOSA_H
#define ACCOPT_CONVERSION_NNTOTOSA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace accopt {

#define GEN_PASS_DECL
#include "accopt/Conversion/NNToTosa.h.inc"
#define GEN_PASS_REGISTRATION
#include "accopt/Conversion/NNToTosa.h.inc"

/// Loads the dialects that the conversion builds.
void loadTosaDialects(mlir::MLIRContext &context);

/// Builds next to `nnFunction`, right before it, a function of the same name
/// in TOSA, and returns it; erase either one. It returns the values that
/// `nnFunction` returns, followed by those of `alsoReturned` (values inside
/// `nnFunction`). Quantized types become their storage types. Fails with an
/// error at the op that has no conversion.
llvm::FailureOr<mlir::func::FuncOp>
convertNNToTosa(mlir::func::FuncOp nnFunction,
                llvm::ArrayRef<mlir::Value> alsoReturned = {});

/// Builds at `at` a function `name` that computes the single nn op `op`: a
/// host segment. Operands that nn.constant defines become constants inside; the
/// others are the arguments, in order and each once. Quantized types become
/// their storage types. With `channelsLast`, quantized arguments and results of
/// rank 4 (3) are in N, H, W, C (N, L, C) order instead of ONNX's.
llvm::FailureOr<mlir::func::FuncOp> buildHostFunction(mlir::OpBuilder &at,
                                                      mlir::Operation *op,
                                                      llvm::StringRef name,
                                                      bool channelsLast);

} // namespace accopt

#endif // ACCOPT_CONVERSION_NNTOTOSA_H
