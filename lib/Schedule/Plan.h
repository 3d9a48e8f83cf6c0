//===- Plan.h - What is decided before commands are emitted -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_PLAN_H
#define ACCOPT_LIB_SCHEDULE_PLAN_H

#include "Network.h"
#include "Stack.h"

#include "accopt/Schedule/Schedule.h"

namespace accopt {

/// The layers and tensors of a function: which are packed, which are slices,
/// which stay in the scratchpad, and which layers run together.
struct Plan {
  Network network;
  std::vector<Stack> stacks; ///< in program order
};

/// Plans `@main`; emits an error where it is no network of layers, or has sizes
/// that commands cannot hold.
llvm::FailureOr<Plan> planNetwork(mlir::ModuleOp module, const Machine &machine,
                                  const ScheduleOptions &options,
                                  TilingCache &tilings);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_PLAN_H
