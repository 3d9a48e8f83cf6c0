//===- NodeError.h - Errors that name the node ------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_NODEERROR_H
#define ACCOPT_LIB_TRANSFORMS_NODEERROR_H

#include "mlir/IR/Diagnostics.h"

namespace accopt {

/// Starts an error with "node 'NAME' (nn.op): ", or "nn.op: " without a name.
mlir::InFlightDiagnostic emitNodeError(mlir::Operation *op);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_NODEERROR_H
