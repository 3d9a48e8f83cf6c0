//===- Schedule.h - From layers to a program --------------------*- C++ -*-===//
//
// Part of AccOpt. docs/Design/Scheduling.md explains the decisions.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SCHEDULE_SCHEDULE_H
#define ACCOPT_SCHEDULE_SCHEDULE_H

#include "accopt/CodeGen/Program.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace accopt {

/// Remembers which tiles were chosen for a layer. For schedules on one machine,
/// one after another.
class TilingCache {
public:
  TilingCache();
  ~TilingCache();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

struct ScheduleOptions {
  /// Without, constants have addresses but no bytes: enough to know the cost,
  /// not to run.
  bool packConstants = true;
  TilingCache *cache = nullptr; ///< to share between schedules
};

/// Schedules `@main`, whose ops are accel layer ops, for `machine`: tiles,
/// addresses, tokens. The host's functions are not in the program yet
/// (`hostModule` is empty). Emits an error at the op that does not fit.
llvm::FailureOr<Program> schedule(mlir::ModuleOp module, const Machine &machine,
                                  const ScheduleOptions &options = {});

} // namespace accopt

#endif // ACCOPT_SCHEDULE_SCHEDULE_H
