//===- ReleasePacked.h - Weights that are in the program --------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_RELEASEPACKED_H
#define ACCOPT_LIB_SCHEDULE_RELEASEPACKED_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace accopt {

/// Frees the bytes of a module's constants as soon as all layers that read them
/// are packed: a program and its module never have all weights at once. The
/// module is only good for its types and attributes then.
class ReleasePacked {
public:
  explicit ReleasePacked(mlir::ModuleOp module);
  /// The commands and constants of layer `op` are made.
  void release(mlir::Operation *op);

private:
  mlir::ModuleOp module;
  /// How many operands of layers a resource is still to be read for.
  llvm::StringMap<unsigned> uses;
};

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_RELEASEPACKED_H
