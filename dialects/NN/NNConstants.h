//===- NNConstants.h - Reading and making constant tensors ------*- C++ -*-===//
//
// Constants are dense attributes or dense resources over a file's mapping; both
// are read here without copying. Host order is little-endian, as is ONNX's.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNCONSTANTS_H
#define ACCOPT_DIALECTS_NN_NNCONSTANTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace accopt::nn {

/// Folders make no constant of more elements than this: large tensors are
/// folded by passes that say so.
constexpr int64_t foldLimit = int64_t(1) << 16;

/// The elements of a constant as they lie in memory.
struct RawElements {
  llvm::ArrayRef<char> bytes;
  /// Bytes of one element.
  unsigned width;
  /// One element stands for all.
  bool splat;

  llvm::ArrayRef<char> element(int64_t index) const {
    return bytes.slice(splat ? 0 : index * width, width);
  }
};

/// Views the elements of a dense or dense resource attribute of f32 or of
/// integers of 4 bits (in a byte each) or of whole bytes; nothing for others
/// and for a resource whose blob is missing or too short.
std::optional<RawElements> readElements(mlir::Attribute attr);

/// The values of an f32 constant, where it has at most `limit` elements.
std::optional<llvm::SmallVector<float>> readFloats(mlir::Attribute attr,
                                                   int64_t limit = foldLimit);

/// The value that all elements of a small f32 constant share.
std::optional<float> readSplatFloat(mlir::Attribute attr);

/// The same elements with another shape; a resource's blob is shared.
/// Null for attributes that are neither dense nor dense resources.
mlir::ElementsAttr reshapeElements(mlir::ElementsAttr attr,
                                   llvm::ArrayRef<int64_t> shape);

/// A new constant of `shape` whose element i is `source(i)`, elements of
/// `attr`'s type; null where it would pass `foldLimit` elements.
mlir::ElementsAttr gatherElements(
    mlir::ShapedType like, llvm::ArrayRef<int64_t> shape,
    llvm::function_ref<llvm::ArrayRef<char>(llvm::ArrayRef<int64_t>)> source);

/// Row-major index of `position` in `shape`.
int64_t linearIndex(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<int64_t> position);

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNCONSTANTS_H
