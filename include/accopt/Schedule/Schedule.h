//===- Schedule.h - From layers to a program --------------------*- C++ -*-===//
//
// Part of AccOpt. docs/Design/Scheduling.md explains the decisions.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SCHEDULE_SCHEDULE_H
#define ACCOPT_SCHEDULE_SCHEDULE_H

#include "accopt/CodeGen/Program.h"

#include "mlir/IR/BuiltinOps.h"

namespace accopt {

/// Schedules `@main`, whose ops are accel layer ops, for `machine`: tiles,
/// addresses, tokens. The host's functions are not in the program yet
/// (`hostModule` is empty). Emits an error at the op that does not fit.
llvm::FailureOr<Program> schedule(mlir::ModuleOp module,
                                  const Machine &machine);

} // namespace accopt

#endif // ACCOPT_SCHEDULE_SCHEDULE_H
