//===- HostTensor.h - Small constants of the importer -----------*- C++ -*-===//
//
// Shape arithmetic runs on these: integers of any ONNX type as int64, floating
// point as float. Large constants never become one.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_HOSTTENSOR_H
#define ACCOPT_LIB_IMPORT_HOSTTENSOR_H

#include "dialects/NN/NNShapeInference.h"
#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace accopt::importer {

using nn::Shape;

/// The constant evaluator makes no tensor of more elements.
constexpr int64_t evaluationLimit = 1 << 16;
/// But that a Gather may read such a tensor at more places.
constexpr int64_t gatherLimit = 1 << 24;

struct HostTensor {
  /// f32, or an integer type (i1 for bool, i8, ui8, i32, i64, ...).
  mlir::Type type;
  Shape shape;
  /// The values, row-major, in the one that `type` says.
  llvm::SmallVector<int64_t, 8> ints;
  llvm::SmallVector<float, 0> floats;

  bool isFloat() const { return type.isF32(); }
  int64_t size() const { return isFloat() ? floats.size() : ints.size(); }
  int64_t rank() const { return shape.size(); }

  static HostTensor ofInts(mlir::Type type, llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<int64_t> values);
  /// Element i of the result is element `source[i]` of this.
  HostTensor gather(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<int64_t> source) const;
};

/// The values of a constant; nothing above `limit` elements or for an element
/// type that is neither f32 nor an integer of at most 64 bits.
std::optional<HostTensor> toHost(mlir::ElementsAttr attr,
                                 int64_t limit = evaluationLimit);

mlir::DenseElementsAttr toAttribute(const HostTensor &tensor);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_HOSTTENSOR_H
