//===- AccelOps.h - Ops of the accel dialect --------------------*- C++ -*-===//
//
// Part of AccOpt. Layer ops and command ops.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_ACCEL_ACCELOPS_H
#define ACCOPT_DIALECTS_ACCEL_ACCELOPS_H

#include "dialects/Accel/AccelDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/Accel/AccelOps.h.inc"

#endif // ACCOPT_DIALECTS_ACCEL_ACCELOPS_H
