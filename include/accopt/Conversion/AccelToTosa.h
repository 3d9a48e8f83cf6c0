//===- AccelToTosa.h - Lowering of accel layers to TOSA ---------*- C++ -*-===//
//
// The integer contract's proof: what the machine computes, as TOSA, which
// MLIR's own lowerings and execution engine run.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CONVERSION_ACCELTOTOSA_H
#define ACCOPT_CONVERSION_ACCELTOTOSA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace accopt {

#define GEN_PASS_DECL
#include "accopt/Conversion/AccelToTosa.h.inc"
#define GEN_PASS_REGISTRATION
#include "accopt/Conversion/AccelToTosa.h.inc"

/// Replaces the accel layer ops of `function` by TOSA. Other ops stay. Fails
/// with an error at an accel op of the command level.
llvm::LogicalResult convertAccelToTosa(mlir::func::FuncOp function);

} // namespace accopt

#endif // ACCOPT_CONVERSION_ACCELTOTOSA_H
