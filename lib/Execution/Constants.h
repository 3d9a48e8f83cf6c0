//===- Constants.h - Large constants of a function --------------*- C++ -*-===//
//
// Private to Execution.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_EXECUTION_CONSTANTS_H
#define ACCOPT_LIB_EXECUTION_CONSTANTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <vector>

namespace accopt {

/// A constant's elements: where they lie, or our copy.
struct ConstantData {
  const void *data = nullptr;
  std::vector<uint8_t> owned;
};

/// Turns each constant tensor of more than a few elements into an argument,
/// after those that there are, and returns their elements in that order. As
/// LLVM constants they would cost seconds per megabyte.
std::vector<ConstantData> extractConstants(mlir::func::FuncOp function);

/// Moves everything that depends on the last `numConstants` arguments alone
/// into a function `name` of those arguments, and makes its results further
/// arguments of `function`. Returns null if there is nothing of the kind.
mlir::func::FuncOp extractPreparation(mlir::func::FuncOp function,
                                      unsigned numConstants,
                                      llvm::StringRef name);

} // namespace accopt

#endif // ACCOPT_LIB_EXECUTION_CONSTANTS_H
