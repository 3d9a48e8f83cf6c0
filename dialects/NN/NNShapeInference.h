//===- NNShapeInference.h - Shapes of nn ops --------------------*- C++ -*-===//
//
// Shape rules that the families of ops and the importer share. Sizes are in
// elements; a failure reports one error at `loc`, where there is one.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNSHAPEINFERENCE_H
#define ACCOPT_DIALECTS_NN_NNSHAPEINFERENCE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/TypeRange.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace accopt::nn {

using Shape = llvm::SmallVector<int64_t, 6>;

/// Number of elements, or nothing where a size is negative or the product
/// passes 2^40.
std::optional<int64_t> checkedElementCount(llvm::ArrayRef<int64_t> shape);

/// One spatial dimension of a convolution or pooling window.
struct WindowDim {
  int64_t input, kernel, stride, padBegin, padEnd, dilation;
  bool ceilMode = false;
};

/// Output size of a window as ONNX defines it, in ceil mode without windows
/// that start in the end padding; nothing where it is not positive or a field
/// is out of range.
std::optional<int64_t> windowOutputSize(const WindowDim &dim);

/// numpy broadcasting of two shapes.
llvm::LogicalResult inferBroadcast(std::optional<mlir::Location> loc,
                                   llvm::ArrayRef<int64_t> lhs,
                                   llvm::ArrayRef<int64_t> rhs, Shape &result);

/// Checks that a window op's attributes fit the input (N x C x spatial, one or
/// two spatial dimensions) and appends its output's spatial sizes to `result`.
llvm::LogicalResult
inferWindow(std::optional<mlir::Location> loc, llvm::ArrayRef<int64_t> input,
            llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides,
            llvm::ArrayRef<int64_t> pads, llvm::ArrayRef<int64_t> dilations,
            bool ceilMode, Shape &result);

/// Appends the tensor type of `shape` with the element type of `like`.
/// Fails where the tensor would be empty or too large.
llvm::LogicalResult addResult(std::optional<mlir::Location> loc,
                              mlir::Type like, llvm::ArrayRef<int64_t> shape,
                              llvm::SmallVectorImpl<mlir::Type> &types);

/// True where both lists hold tensors of equal shapes and element types; an
/// element type may differ where one of the two is quantized.
bool areCompatible(mlir::TypeRange lhs, mlir::TypeRange rhs);

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return tensorOf(value).getShape();
}

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNSHAPEINFERENCE_H
