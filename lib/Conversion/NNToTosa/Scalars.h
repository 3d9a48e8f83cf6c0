//===- Scalars.h - Bodies of elementwise ops --------------------*- C++ -*-===//
//
// Part of AccOpt. Private to NNToTosa: arith and math ops on scalars, without
// naming builder and location each time.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CONVERSION_NNTOTOSA_SCALARS_H
#define ACCOPT_LIB_CONVERSION_NNTOTOSA_SCALARS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace accopt {

struct Scalars {
  using Value = mlir::Value;
  using Type = mlir::Type;

  Scalars(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  template <typename Op, typename... Values> Value make(Values... values) {
    return Op::create(builder, loc, values...);
  }
  template <typename Op> Value makeTyped(Type type, Value value) {
    return Op::create(builder, loc, type, value);
  }

  Value number(float value) {
    return mlir::arith::ConstantOp::create(builder, loc,
                                           builder.getF32FloatAttr(value));
  }
  Value integer(Type type, int64_t value) {
    return mlir::arith::ConstantOp::create(builder, loc,
                                           builder.getIntegerAttr(type, value));
  }

  Value add(Value a, Value b) { return make<mlir::arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<mlir::arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<mlir::arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return make<mlir::arith::DivFOp>(a, b); }
  Value neg(Value a) { return make<mlir::arith::NegFOp>(a); }

  Value compare(mlir::arith::CmpFPredicate predicate, Value a, Value b) {
    return mlir::arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b) {
    return mlir::arith::CmpIOp::create(builder, loc, predicate, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }

  /// An integer with more or fewer bits.
  Value resize(Value value, Type to, bool isUnsigned) {
    unsigned from = value.getType().getIntOrFloatBitWidth();
    unsigned width = to.getIntOrFloatBitWidth();
    if (from == width)
      return value;
    if (from > width)
      return makeTyped<mlir::arith::TruncIOp>(to, value);
    return isUnsigned ? makeTyped<mlir::arith::ExtUIOp>(to, value)
                      : makeTyped<mlir::arith::ExtSIOp>(to, value);
  }

  /// ONNX's Cast between f32 and integers; i1 counts as unsigned.
  Value convert(Value value, Type to, bool fromUnsigned, bool toUnsigned) {
    namespace arith = mlir::arith;
    Type from = value.getType();
    bool isFloat = mlir::isa<mlir::FloatType>(from);
    if (from == to)
      return value;
    if (to.isInteger(1))
      return isFloat
                 ? compare(arith::CmpFPredicate::UNE, value, number(0))
                 : compare(arith::CmpIPredicate::ne, value, integer(from, 0));
    if (mlir::isa<mlir::FloatType>(to))
      return fromUnsigned ? makeTyped<arith::UIToFPOp>(to, value)
                          : makeTyped<arith::SIToFPOp>(to, value);
    if (!isFloat)
      return resize(value, to, fromUnsigned);
    // Narrow types take the low bits of what 64 bits hold.
    Type wide = builder.getI64Type();
    if (toUnsigned && to == wide)
      return makeTyped<arith::FPToUIOp>(wide, value);
    return resize(makeTyped<arith::FPToSIOp>(wide, value), to, false);
  }

  /// An index of i32 or i64 as a position in a dimension of `size`: wrapped
  /// where it is negative, and cut to what there is, since a wrong one must not
  /// read elsewhere.
  Value toPosition(Value index, int64_t size) {
    namespace arith = mlir::arith;
    Type wide = builder.getI64Type();
    index = resize(index, wide, false);
    Value zero = integer(wide, 0);
    Value negative = compare(arith::CmpIPredicate::slt, index, zero);
    index = select(negative, make<arith::AddIOp>(index, integer(wide, size)),
                   index);
    index = make<arith::MaxSIOp>(index, zero);
    index = make<arith::MinSIOp>(index, integer(wide, size - 1));
    return makeTyped<arith::IndexCastOp>(builder.getIndexType(), index);
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace accopt

#endif // ACCOPT_LIB_CONVERSION_NNTOTOSA_SCALARS_H
