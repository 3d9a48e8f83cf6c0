//===- QuantizedValues.h - Reading and writing integers ---------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_QUANTIZEDVALUES_H
#define ACCOPT_LIB_IMPORT_QUANTIZEDVALUES_H

#include "NodeImporter.h"

namespace accopt::importer {

/// Which inputs of a node hold the scale and the zero point of a tensor, and
/// the dimension that they go along where there are several.
struct Quantizer {
  size_t scale, zeroPoint;
  int64_t axis = 1;
};

/// Output 0 is `value` in integers of 8 or 16 bits: through a cast where scale
/// and zero point are constants, and as numbers of the host where the network
/// computes them. `storage` is the type where there is no zero point. Failure
/// and an error where the node asks for something else.
llvm::LogicalResult setQuantized(NodeImporter &node, mlir::Value value,
                                 const Quantizer &by, mlir::Type storage);

/// The real values of input i: a constant of integers, what a cast by the same
/// scale and zero point made, or any other integers, in arithmetic of the host.
/// Null and an error where it is none of these.
mlir::Value dequantize(NodeImporter &node, size_t i, const Quantizer &by);

/// The f32 values of input i, a constant of integers with one scale, one for
/// each slice of an axis or one for each block of it (attribute `block_size`).
/// Null and an error where scale or zero point do not fit. ONNX,
/// DequantizeLinear.
mlir::ElementsAttr dequantizeElements(NodeImporter &node, size_t i,
                                      const Quantizer &by);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_QUANTIZEDVALUES_H
