//===- WithoutWeights.h - A network without its weights' values -*- C++ -*-===//
//
// Part of AccOpt. What costs cannot depend on is left out before a network is
// compiled for its cost alone, in a context of its own, which takes the weights
// of all stages with it when it goes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_WITHOUTWEIGHTS_H
#define ACCOPT_TRANSFORMS_WITHOUTWEIGHTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace accopt {

/// A module whose `@main` is `function` with splats for weights and biases, and
/// batch normalizations that fold where those of `function` fold. All that a
/// schedule depends on is as it was.
mlir::OwningOpRef<mlir::ModuleOp> withoutWeights(mlir::func::FuncOp function);

/// MLIR's bytecode, and the module that it holds; null after a diagnostic.
std::string serialize(mlir::ModuleOp module);
mlir::OwningOpRef<mlir::ModuleOp> deserialize(llvm::StringRef bytecode,
                                              mlir::MLIRContext &context);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_WITHOUTWEIGHTS_H
