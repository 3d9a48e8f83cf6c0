//===- NodeError.cpp - Errors that name the node --------------------------===//

#include "NodeError.h"

#include "accopt/Transforms/Ranges.h"

#include "mlir/IR/Operation.h"

using namespace mlir;

InFlightDiagnostic accopt::emitNodeError(Operation *op) {
  std::string name = getNodeName(op->getLoc());
  InFlightDiagnostic diagnostic = emitError(op->getLoc());
  if (!name.empty())
    diagnostic << "node '" << name << "' (" << op->getName() << "): ";
  else
    diagnostic << op->getName() << ": ";
  return diagnostic;
}

llvm::Error accopt::captureError(MLIRContext *context,
                                 llvm::function_ref<LogicalResult()> body) {
  std::string message;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return failure();
    if (message.empty())
      message = diagnostic.str();
    return success();
  });
  if (succeeded(body()))
    return llvm::Error::success();
  return llvm::createStringError(message);
}
