//===- Explain.h - What an op costs, and what would help --------*- C++ -*-===//

#ifndef ACCOPT_LIB_DRIVER_EXPLAIN_H
#define ACCOPT_LIB_DRIVER_EXPLAIN_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Schedule/Schedule.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// Prints for the layer of `module` (accel layer ops) that ONNX node `node`
/// became: its cycles on `machine` and what they are over its bound, the
/// tilings that were considered, and how its cycles and energy, and the
/// network's, change when one parameter of the machine does. Fails if no layer
/// has a node of this name, with the names that are near.
llvm::Error explain(llvm::StringRef node, mlir::ModuleOp module,
                    const Machine &machine, const ScheduleOptions &options,
                    llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_EXPLAIN_H
