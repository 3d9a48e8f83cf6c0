//===- Lowering.h - From TOSA to the LLVM dialect ---------------*- C++ -*-===//
//
// Private to Execution.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_EXECUTION_LOWERING_H
#define ACCOPT_LIB_EXECUTION_LOWERING_H

#include "accopt/Execution/Executor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

namespace accopt {

/// Elements of f32 or i32 in one vector register of the host.
unsigned getHostLanes();

/// Dialects that a module may use, and nothing else.
void registerInputDialects(mlir::DialectRegistry &registry);
/// Interfaces that the lowering needs.
void registerLoweringInterfaces(mlir::DialectRegistry &registry);

/// TOSA to linalg on tensors; every call is inlined into `function`, which
/// remains alone.
llvm::LogicalResult lowerToLinalg(mlir::ModuleOp module,
                                  mlir::func::FuncOp function, bool vectorize);
/// Linalg on tensors to the LLVM dialect. Functions take bare pointers: their
/// arguments, then their results.
llvm::LogicalResult lowerToLLVM(mlir::ModuleOp module,
                                const ExecutorOptions &options);

/// Makes calls of shorter functions of a long function on tensors.
void splitFunctions(mlir::ModuleOp module);

/// Moves linalg ops on buffers into functions; equal ones share a function.
void outlineKernels(mlir::ModuleOp module);

/// Rewrites linalg reductions on buffers into loops over vectors along a
/// dimension that is parallel and contiguous in the result; the accumulators
/// stay in registers. Ops that do not fit are left as they are.
void vectorizeReductions(mlir::func::FuncOp function, unsigned lanes);

} // namespace accopt

#endif // ACCOPT_LIB_EXECUTION_LOWERING_H
