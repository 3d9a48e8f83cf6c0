//===- NodeError.h - Errors that name the node ------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_NODEERROR_H
#define ACCOPT_LIB_TRANSFORMS_NODEERROR_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace accopt {

/// Starts an error with "node 'NAME' (nn.op): ", or "nn.op: " without a name.
mlir::InFlightDiagnostic emitNodeError(mlir::Operation *op);

/// Runs `body`; the first error that it reports as a diagnostic comes back.
llvm::Error captureError(mlir::MLIRContext *context,
                         llvm::function_ref<llvm::LogicalResult()> body);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_NODEERROR_H
