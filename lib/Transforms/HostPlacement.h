//===- HostPlacement.h - What stays float or integer ------------*- C++ -*-===//
//
// Part of AccOpt. The accelerator computes int8; what the host computes for
// itself has no reason to be rounded. This says which ops the host runs in
// floats and which values keep their types. It decides nothing about ops that
// the array or the vector unit turn out not to take: those run on the host on
// int8.
//
// A conv, gemm, pool or a mean over an image is run by the accelerator wherever
// it is. Ops that either could run go by their surroundings: to the host where
// all their operands are made there, or all their results are read there. A
// function of one value is part of the epilogue of the layer that makes it, and
// stays with that.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_HOSTPLACEMENT_H
#define ACCOPT_LIB_TRANSFORMS_HOSTPLACEMENT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace accopt {

class HostPlacement {
public:
  explicit HostPlacement(mlir::func::FuncOp function);

  /// Whether the host runs `op` on values as they are in the model.
  bool isOnHost(mlir::Operation *op) const { return onHost.contains(op); }
  /// Whether `value` keeps its type, float or integer.
  bool keepsType(mlir::Value value) const { return kept.contains(value); }
  /// Whether an int8 form of `value` is needed: it is quantized, or, where it
  /// keeps its type, a quantized copy is.
  bool needsRange(mlir::Value value) const {
    return !kept.contains(value) || copied.contains(value);
  }

private:
  bool demote(mlir::Operation *op);
  bool isMadeOnHost(mlir::Value value) const;
  bool isReadByMachine(mlir::Value value) const;
  bool isReadByHost(mlir::Value value) const;
  bool isReadOnHostAlone(mlir::Value value) const;
  bool isLeftToHost(mlir::Value value) const;
  void classify(mlir::Value value);

  llvm::DenseSet<mlir::Operation *> onHost;
  llvm::DenseSet<mlir::Value> kept, copied;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_HOSTPLACEMENT_H
