//===- NarrowTypes.h - Fewer bits at random ---------------------*- C++ -*-===//
//
// Part of AccOpt. For tests: gives the activations and weights of a quantized
// network random bits from 2 to 8.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_TOOLS_NARROWTYPES_H
#define ACCOPT_TEST_TOOLS_NARROWTYPES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>

namespace accopt::test {

/// Narrows the int8 types of `function`, whose ops are nn ops on quantized
/// types: scales grow as ranges shrink, and constants are rounded. What the
/// network computes changes, as it does in any quantization.
void narrowTypes(mlir::func::FuncOp function, uint64_t seed);

} // namespace accopt::test

#endif // ACCOPT_TEST_TOOLS_NARROWTYPES_H
