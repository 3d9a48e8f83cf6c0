//===- Evaluator.h - Evaluation of nn ops on constants ----------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_EVALUATOR_H
#define ACCOPT_LIB_TRANSFORMS_EVALUATOR_H

#include "mlir/IR/Builders.h"

namespace accopt {

/// The result of `op` as a new constant, or null if an operand is no constant
/// or the op is not one that is evaluated (nn-fold-constants lists them).
mlir::Value evaluate(mlir::OpBuilder &builder, mlir::Operation *op);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_EVALUATOR_H
