//===- TosaBuilder.h - Convenient building of TOSA ops ----------*- C++ -*-===//
//
// A builder that fills in what TOSA spells out op by op: result types, shape
// operands, zero points, and operands brought to one rank for broadcasting.
// All tensors have static shapes. What TOSA lacks is built from linalg.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CONVERSION_TOSABUILDER_H
#define ACCOPT_CONVERSION_TOSABUILDER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <optional>

namespace accopt {

/// Shape of a tensor value of static shape.
llvm::ArrayRef<int64_t> getShape(mlir::Value value);
/// Element type of a tensor value.
mlir::Type getElementType(mlir::Value value);

class TosaBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Shape = llvm::ArrayRef<int64_t>;
  using Value = mlir::Value;

  /// A constant; dense resources are kept by reference.
  Value constant(mlir::ElementsAttr values);
  /// A constant of `values`, row-major.
  Value constantF32(Shape shape, llvm::ArrayRef<float> values);
  Value constantI32(Shape shape, llvm::ArrayRef<int32_t> values);
  Value constantI8(Shape shape, llvm::ArrayRef<int8_t> values);
  /// `value` in every element, converted to `elementType`.
  Value splat(Shape shape, mlir::Type elementType, double value);
  /// A one-element tensor of `rank` ones with `value` in `like`'s element type.
  Value scalarLike(Value like, double value);
  /// The operand that TOSA takes for a zero point.
  Value zeroPoint(mlir::Type elementType, int64_t value);
  /// The operand that TOSA takes for a shape.
  Value shapeOperand(Shape shape);

  /// Data movement. Steps that change nothing build nothing.
  Value reshape(Value input, Shape shape);
  Value transpose(Value input, llvm::ArrayRef<int64_t> perm);
  Value slice(Value input, Shape starts, Shape sizes);
  /// Element i of dimension d is input element starts[d] + i * steps[d].
  Value stridedSlice(Value input, Shape starts, Shape sizes, Shape steps);
  Value reverse(Value input, int64_t axis);
  Value concat(mlir::ValueRange inputs, int64_t axis);
  /// Pads by `low` and `high` elements of `value`; negative amounts crop.
  Value pad(Value input, Shape low, Shape high, double value);
  /// Element i of the result along `axis` is element `indices[i]`.
  Value gather(Value input, int64_t axis, llvm::ArrayRef<int64_t> indices);
  /// Repeats single-element dimensions until the shape is `shape`.
  Value broadcastTo(Value input, Shape shape);

  /// Elementwise ops with numpy broadcasting.
  Value add(Value lhs, Value rhs);
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  Value maximum(Value lhs, Value rhs);
  Value minimum(Value lhs, Value rhs);
  /// Float division, correctly rounded: TOSA has only reciprocals.
  Value div(Value lhs, Value rhs);
  /// min(max(input, low), high), of the bounds that there are.
  Value clamp(Value input, std::optional<float> low, std::optional<float> high);
  Value cast(Value input, mlir::Type elementType);

  /// Sum along one axis, which stays with size one.
  Value reduceSum(Value input, int64_t axis);
  Value reduceMax(Value input, int64_t axis);

  /// tosa.rescale with 32-bit multipliers in SINGLE_ROUND: for each element
  /// saturate(apply_scale_32(x - inputZp, multiplier, shift) + outputZp). One
  /// multiplier and shift, or one of each per element of the last dimension.
  Value rescale(Value input, llvm::ArrayRef<int32_t> multipliers,
                llvm::ArrayRef<int8_t> shifts, int64_t inputZp,
                int64_t outputZp, mlir::Type resultType);

  /// A linalg.generic over `shape`'s index space, parallel in every dimension;
  /// operands broadcast as in numpy. `body` gets scalars of the operands.
  Value elementwise(Shape shape, mlir::Type resultType,
                    mlir::ValueRange operands,
                    llvm::function_ref<Value(mlir::OpBuilder &, mlir::Location,
                                             mlir::ValueRange)>
                        body);

  mlir::RankedTensorType tensorType(Shape shape, mlir::Type elementType) const {
    return mlir::RankedTensorType::get(shape, elementType);
  }

private:
  /// Prepends dimensions of size one.
  Value raiseRank(Value value, size_t rank);
  template <typename OpT> Value binary(Value lhs, Value rhs);
};

/// Numpy's broadcast of two compatible shapes.
llvm::SmallVector<int64_t> broadcastShapes(llvm::ArrayRef<int64_t> lhs,
                                           llvm::ArrayRef<int64_t> rhs);

} // namespace accopt

#endif // ACCOPT_CONVERSION_TOSABUILDER_H
