//===- IntegerValues.h - Values that stand for integers ---------*- C++ -*-===//
//
// What a QuantizeLinear makes is a quantized tensor here, whose storage is not
// always the file's, and what a MatMulInteger makes is real numbers
// (Entry::integers). Operators that move such values, or undo what made them,
// keep that form, which the accelerator computes with. All others, and outputs
// of the network, get the integers that the file means.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_INTEGERVALUES_H
#define ACCOPT_LIB_IMPORT_INTEGERVALUES_H

#include "NodeImporter.h"
#include "OpTable.h"

namespace accopt::importer {

/// The value of `entry`: the integers, where it stands for some, or itself.
/// Null and an error where there are none.
mlir::Value emitIntegers(NodeImporter &node, Entry &entry);

/// Gives the node integers in the place of inputs that its handler cannot take
/// as they are.
llvm::LogicalResult holdIntegers(NodeImporter &node, IntegerUse use);

/// Says of outputs what they stand for, where elements were moved or added.
void passIntegers(NodeImporter &node, IntegerUse use);

/// round(value / scale) + zero of f32 tensors that broadcast, cut to `integer`,
/// as a tensor of it. ONNX, QuantizeLinear.
mlir::Value emitQuantized(NodeImporter &node, mlir::Value value,
                          mlir::Value scale, mlir::Value zero,
                          mlir::IntegerType integer);

/// Whether all that becomes of the node's output 0 (y) is a MatMulInteger, a
/// ConvInteger or a DequantizeLinear by its outputs 1 (scale) and 2 (zero
/// point), and these are used for nothing but to scale that: then any y will
/// do that has the same real values. ONNX, DynamicQuantizeLinear.
bool isReadScaled(const NodeImporter &node);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_INTEGERVALUES_H
