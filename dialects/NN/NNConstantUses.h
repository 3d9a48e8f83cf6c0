//===- NNConstantUses.h - Weights that are still to be read -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNCONSTANTUSES_H
#define ACCOPT_DIALECTS_NN_NNCONSTANTUSES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace accopt::nn {

/// Frees the bytes of a module's constants as soon as all ops that read them
/// are through: a stage and the next never have all weights both. Constants are
/// ops of one result, whose attribute `value` is a dense resource.
class ConstantUses {
public:
  explicit ConstantUses(mlir::ModuleOp module);
  /// What `op` reads of constants has been read.
  void release(mlir::Operation *op);
  /// One more will read the resource.
  void keep(mlir::DenseResourceElementsAttr data);

private:
  mlir::ModuleOp module;
  /// By key: how many operands a resource is still to be read for.
  llvm::StringMap<unsigned> uses;
};

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNCONSTANTUSES_H
