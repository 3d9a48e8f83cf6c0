//===- NNToAccel.h - From quantized networks to layers ----------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CONVERSION_NNTOACCEL_H
#define ACCOPT_CONVERSION_NNTOACCEL_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace accopt {

#define GEN_PASS_DECL
#include "accopt/Conversion/NNToAccel.h.inc"
#define GEN_PASS_REGISTRATION
#include "accopt/Conversion/NNToAccel.h.inc"

/// Rebuilds `@main`, whose ops are nn ops on quantized types, with accel layer
/// ops; host functions join the module. Emits an error and fails where a value
/// is not int8. `releaseConstants`: frees weights of nn layers as they are
/// converted; for who has no other use for the context's constants.
llvm::LogicalResult convertNNToAccel(mlir::ModuleOp module,
                                     bool releaseConstants = false);

} // namespace accopt

#endif // ACCOPT_CONVERSION_NNTOACCEL_H
