//===- ProgramIR.h - Programs as MLIR ---------------------------*- C++ -*-===//
//
// Part of AccOpt. A program and `accel.program` say the same.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SCHEDULE_PROGRAMIR_H
#define ACCOPT_SCHEDULE_PROGRAMIR_H

#include "accopt/CodeGen/Program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace accopt {

/// A module with one `accel.program`.
mlir::OwningOpRef<mlir::ModuleOp> programToIR(const Program &program,
                                              mlir::MLIRContext &context);

/// Reads the module's only `accel.program`; emits an error where a command or
/// the machine is not valid.
llvm::FailureOr<Program> programFromIR(mlir::ModuleOp module);

} // namespace accopt

#endif // ACCOPT_SCHEDULE_PROGRAMIR_H
