//===- ConstantEvaluator.h - Shape arithmetic, computed away ----*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_CONSTANTEVALUATOR_H
#define ACCOPT_LIB_IMPORT_CONSTANTEVALUATOR_H

#include "NodeImporter.h"

namespace accopt::importer {

/// Computes a node whose inputs are small constants (or, for Shape and its
/// like, have a static shape). Answers true where it set the outputs, false
/// where the node is not for it, and failure where the node is wrong.
llvm::FailureOr<bool> evaluateConstants(NodeImporter &node);

/// Shape, Size and EyeLike of a static type; Constant from numbers in
/// attributes; ConstantOfShape of any size, as a splat.
llvm::LogicalResult evaluateShape(NodeImporter &node);
llvm::LogicalResult evaluateEyeLike(NodeImporter &node);
llvm::LogicalResult evaluateConstant(NodeImporter &node);
llvm::LogicalResult evaluateConstantOfShape(NodeImporter &node);

/// Row-major list of the linear indices `offset + sum(i[d] * strides[d])`, one
/// for each position i of `shape`.
llvm::SmallVector<int64_t> stridedIndices(llvm::ArrayRef<int64_t> shape,
                                          llvm::ArrayRef<int64_t> strides,
                                          int64_t offset = 0);

/// Strides of a row-major tensor.
Shape rowMajorStrides(llvm::ArrayRef<int64_t> shape);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_CONSTANTEVALUATOR_H
