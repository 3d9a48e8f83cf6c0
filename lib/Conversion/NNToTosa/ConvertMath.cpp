//===- ConvertMath.cpp - Functions of one, two, three values --------------===//
//
// Part of AccOpt. TOSA has few of them and none of i64; each is a
// linalg.generic whose body is arith and math, which the elementwise fusion
// joins.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"
#include "lib/Conversion/NNToTosa/Scalars.h"

#include "dialects/NN/NNMath.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace accopt {

//===----------------------------------------------------------------------===//
// One value
//===----------------------------------------------------------------------===//

/// log(1 + exp(x)) without overflow.
static Value softplus(Scalars &s, Value x) {
  Value small = s.make<math::ExpOp>(s.neg(s.make<math::AbsFOp>(x)));
  return s.add(s.make<arith::MaximumFOp>(x, s.number(0)),
               s.make<math::Log1pOp>(small));
}

static Value clampBetween(Scalars &s, Value x, float low, float high) {
  return s.make<arith::MinimumFOp>(s.make<arith::MaximumFOp>(x, s.number(low)),
                                   s.number(high));
}

static Value hardSigmoid(Scalars &s, Value x, float alpha, float beta) {
  return clampBetween(s, s.add(s.mul(s.number(alpha), x), s.number(beta)), 0,
                      1);
}

static Value unaryFloat(Scalars &s, nn::UnaryKind kind, Value x, float alpha,
                        float beta) {
  using nn::UnaryKind;
  Value zero = s.number(0), one = s.number(1);
  auto less = [&](Value a, Value b) {
    return s.compare(arith::CmpFPredicate::OLT, a, b);
  };
  auto isInfinite = [&](Value value, float sign) {
    return s.compare(arith::CmpFPredicate::OEQ, value,
                     s.number(sign * std::numeric_limits<float>::infinity()));
  };
  switch (kind) {
  case UnaryKind::Abs:
    return s.make<math::AbsFOp>(x);
  case UnaryKind::Neg:
    return s.neg(x);
  case UnaryKind::Exp:
    return s.make<math::ExpOp>(x);
  case UnaryKind::Log:
    return s.make<math::LogOp>(x);
  case UnaryKind::Sqrt:
    return s.make<math::SqrtOp>(x);
  case UnaryKind::Reciprocal:
    return s.div(one, x);
  case UnaryKind::Erf:
    return s.make<math::ErfOp>(x);
  case UnaryKind::Tanh:
    return s.make<math::TanhOp>(x);
  case UnaryKind::Sin:
    return s.make<math::SinOp>(x);
  case UnaryKind::Cos:
    return s.make<math::CosOp>(x);
  case UnaryKind::Tan:
    return s.make<math::TanOp>(x);
  case UnaryKind::Asin:
    return s.make<math::AsinOp>(x);
  case UnaryKind::Acos:
    return s.make<math::AcosOp>(x);
  case UnaryKind::Atan:
    return s.make<math::AtanOp>(x);
  case UnaryKind::Sinh:
    return s.make<math::SinhOp>(x);
  case UnaryKind::Cosh:
    return s.make<math::CoshOp>(x);
  case UnaryKind::Asinh:
    return s.make<math::AsinhOp>(x);
  case UnaryKind::Acosh:
    return s.make<math::AcoshOp>(x);
  case UnaryKind::Atanh:
    return s.make<math::AtanhOp>(x);
  case UnaryKind::Floor:
    return s.make<math::FloorOp>(x);
  case UnaryKind::Ceil:
    return s.make<math::CeilOp>(x);
  case UnaryKind::Round:
    return s.make<math::RoundEvenOp>(x);
  case UnaryKind::Sign:
    return s.select(less(zero, x), one,
                    s.select(less(x, zero), s.number(-1), x));
  case UnaryKind::Softplus:
    return softplus(s, x);
  case UnaryKind::Softsign:
    return s.div(x, s.add(one, s.make<math::AbsFOp>(x)));
  case UnaryKind::Elu:
    return s.select(less(x, zero),
                    s.mul(s.number(alpha), s.make<math::ExpM1Op>(x)), x);
  case UnaryKind::Selu:
    return s.mul(s.number(beta),
                 s.select(less(zero, x), x,
                          s.mul(s.number(alpha), s.make<math::ExpM1Op>(x))));
  case UnaryKind::Celu: {
    Value bent = s.mul(s.number(alpha),
                       s.make<math::ExpM1Op>(s.div(x, s.number(alpha))));
    return s.add(s.make<arith::MaximumFOp>(x, zero),
                 s.make<arith::MinimumFOp>(bent, zero));
  }
  case UnaryKind::ThresholdedRelu:
    return s.select(less(s.number(alpha), x), x, zero);
  case UnaryKind::Mish:
    return s.mul(x, s.make<math::TanhOp>(softplus(s, x)));
  case UnaryKind::Gelu: {
    Value error = s.make<math::ErfOp>(s.mul(x, s.number(float(M_SQRT1_2))));
    return s.mul(s.mul(s.number(0.5f), x), s.add(one, error));
  }
  case UnaryKind::GeluTanh: {
    Value cube = s.mul(s.mul(x, x), x);
    Value inner = s.add(x, s.mul(s.number(0.044715f), cube));
    Value bent = s.make<math::TanhOp>(
        s.mul(s.number(float(std::sqrt(2 / M_PI))), inner));
    return s.mul(s.mul(s.number(0.5f), x), s.add(one, bent));
  }
  case UnaryKind::Shrink: {
    Value above =
        s.select(less(s.number(alpha), x), s.sub(x, s.number(beta)), zero);
    return s.select(less(x, s.number(-alpha)), s.add(x, s.number(beta)), above);
  }
  case UnaryKind::Power:
    return s.make<math::PowFOp>(x, s.number(alpha));
  case UnaryKind::Swish: {
    Value power = s.make<math::ExpOp>(s.mul(s.number(-alpha), x));
    return s.div(x, s.add(one, power));
  }
  case UnaryKind::IsNaN:
    return s.compare(arith::CmpFPredicate::UNO, x, x);
  case UnaryKind::IsInf:
    return isInfinite(s.make<math::AbsFOp>(x), 1);
  case UnaryKind::IsPositiveInf:
    return isInfinite(x, 1);
  case UnaryKind::IsNegativeInf:
    return isInfinite(x, -1);
  case UnaryKind::Affine:
    return s.add(s.mul(s.number(alpha), x), s.number(beta));
  case UnaryKind::Clamp:
    return clampBetween(s, x, alpha, beta);
  case UnaryKind::LeakyRelu:
    return s.select(less(x, zero), s.mul(s.number(alpha), x), x);
  case UnaryKind::Sigmoid:
    return s.div(one, s.add(one, s.make<math::ExpOp>(s.neg(x))));
  case UnaryKind::HardSigmoid:
    return hardSigmoid(s, x, alpha, beta);
  case UnaryKind::HardSwish:
    return s.mul(x, hardSigmoid(s, x, 1.0f / 6, 0.5f));
  case UnaryKind::Silu:
    return s.div(x, s.add(one, s.make<math::ExpOp>(s.neg(x))));
  case UnaryKind::Not:
    break;
  }
  return nullptr;
}

static Value unaryInteger(Scalars &s, nn::UnaryKind kind, Value x,
                          bool isUnsigned) {
  using nn::UnaryKind;
  Value zero = s.integer(x.getType(), 0);
  if (kind == UnaryKind::Not)
    return s.make<arith::XOrIOp>(x, s.integer(x.getType(), -1));
  Value negative = s.make<arith::SubIOp>(zero, x);
  if (kind == UnaryKind::Neg)
    return negative;
  if (kind == UnaryKind::Abs)
    return isUnsigned ? x : s.make<arith::MaxSIOp>(x, negative);
  Value isZero = s.compare(arith::CmpIPredicate::eq, x, zero);
  Value isNegative = s.compare(arith::CmpIPredicate::slt, x, zero);
  Value one = s.integer(x.getType(), 1);
  Value sign =
      isUnsigned ? one : s.select(isNegative, s.integer(x.getType(), -1), one);
  return s.select(isZero, zero, sign);
}

void Converter::convertOp(nn::UnaryMathOp op) {
  auto number = [](std::optional<APFloat> value) {
    return value ? value->convertToFloat() : 0.0f;
  };
  float alpha = number(op.getAlpha()), beta = number(op.getBeta());
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  bool isFloat = isa<FloatType>(getElementType(x));
  bool hasNoSign = isUnsigned(op.getInput());
  Type result = floatOrStorage(op.getResult());
  set(op.getResult(),
      b.elementwise(
          getShape(x), result, x,
          [&](OpBuilder &builder, Location loc, ValueRange args) {
            Scalars s(builder, loc);
            return isFloat ? unaryFloat(s, op.getKind(), args[0], alpha, beta)
                           : unaryInteger(s, op.getKind(), args[0], hasNoSign);
          }),
      layout);
}

void Converter::convertOp(nn::ChainOp op) {
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  set(op.getResult(),
      b.elementwise(getShape(x), floatOrStorage(op.getResult()), x,
                    [&](OpBuilder &builder, Location loc, ValueRange args) {
                      Scalars s(builder, loc);
                      Value value = args[0];
                      for (auto step : nn::stepsOf(op))
                        value = unaryFloat(s, step.kind, value, step.alpha,
                                           step.beta);
                      return value;
                    }),
      layout);
}

//===----------------------------------------------------------------------===//
// Two values
//===----------------------------------------------------------------------===//

/// The remainder with the divisor's sign.
static Value floorRemainder(Scalars &s, Value a, Value c) {
  Value zero = s.number(0), rest = s.make<arith::RemFOp>(a, c);
  auto isNegative = [&](Value value) {
    return s.compare(arith::CmpFPredicate::OLT, value, zero);
  };
  Value differ = s.make<arith::XOrIOp>(isNegative(rest), isNegative(c));
  Value isRest = s.compare(arith::CmpFPredicate::ONE, rest, zero);
  return s.select(s.make<arith::AndIOp>(differ, isRest), s.add(rest, c), rest);
}

static Value binaryFloat(Scalars &s, nn::BinaryKind kind, Value a, Value c) {
  using nn::BinaryKind;
  using P = arith::CmpFPredicate;
  switch (kind) {
  case BinaryKind::Add:
    return s.add(a, c);
  case BinaryKind::Sub:
    return s.sub(a, c);
  case BinaryKind::Mul:
    return s.mul(a, c);
  case BinaryKind::Div:
    return s.div(a, c);
  case BinaryKind::Pow:
    return s.make<math::PowFOp>(a, c);
  case BinaryKind::Min:
    return s.make<arith::MinimumFOp>(a, c);
  case BinaryKind::Max:
    return s.make<arith::MaximumFOp>(a, c);
  case BinaryKind::FMod:
    return s.make<arith::RemFOp>(a, c);
  case BinaryKind::Mod:
    return floorRemainder(s, a, c);
  case BinaryKind::PRelu:
    return s.select(s.compare(P::OLT, a, s.number(0)), s.mul(c, a), a);
  case BinaryKind::Equal:
    return s.compare(P::OEQ, a, c);
  case BinaryKind::Less:
    return s.compare(P::OLT, a, c);
  case BinaryKind::LessOrEqual:
    return s.compare(P::OLE, a, c);
  case BinaryKind::Greater:
    return s.compare(P::OGT, a, c);
  case BinaryKind::GreaterOrEqual:
    return s.compare(P::OGE, a, c);
  default:
    return nullptr; // the verifier takes integers alone
  }
}

/// Quotient or remainder of integers. A division by 0 or of the least number by
/// -1 would trap: the divisor is one then, and for -1 the answer is known.
static Value divide(Scalars &s, nn::BinaryKind kind, Value a, Value c,
                    bool isUnsigned) {
  Type type = a.getType();
  Value zero = s.integer(type, 0), one = s.integer(type, 1);
  Value isZero = s.compare(arith::CmpIPredicate::eq, c, zero);
  if (isUnsigned) {
    Value divisor = s.select(isZero, one, c);
    return kind == nn::BinaryKind::Div ? s.make<arith::DivUIOp>(a, divisor)
                                       : s.make<arith::RemUIOp>(a, divisor);
  }
  Value isMinusOne =
      s.compare(arith::CmpIPredicate::eq, c, s.integer(type, -1));
  Value divisor = s.select(s.make<arith::OrIOp>(isZero, isMinusOne), one, c);
  if (kind == nn::BinaryKind::Div)
    return s.select(isMinusOne, s.make<arith::SubIOp>(zero, a),
                    s.make<arith::DivSIOp>(a, divisor));
  Value rest = s.make<arith::RemSIOp>(a, divisor);
  if (kind == nn::BinaryKind::FMod)
    return rest;
  auto isNegative = [&](Value value) {
    return s.compare(arith::CmpIPredicate::slt, value, zero);
  };
  Value differ = s.make<arith::XOrIOp>(isNegative(rest), isNegative(divisor));
  Value isRest = s.compare(arith::CmpIPredicate::ne, rest, zero);
  return s.select(s.make<arith::AndIOp>(differ, isRest),
                  s.make<arith::AddIOp>(rest, divisor), rest);
}

/// By way of f64, exact up to 2^53.
static Value powerOfIntegers(Scalars &s, Value a, Value c, bool isUnsigned) {
  Type wide = s.builder.getF64Type();
  auto toFloat = [&](Value value) -> Value {
    if (isUnsigned)
      return s.makeTyped<arith::UIToFPOp>(wide, value);
    return s.makeTyped<arith::SIToFPOp>(wide, value);
  };
  Value power = s.make<math::PowFOp>(toFloat(a), toFloat(c));
  Value integer = s.makeTyped<arith::FPToSIOp>(s.builder.getI64Type(), power);
  return s.resize(integer, a.getType(), /*isUnsigned=*/false);
}

/// To the right, integers with a sign keep it; a negative distance is as one
/// beyond all bits.
static Value shift(Scalars &s, nn::BinaryKind kind, Value a, Value c,
                   bool isUnsigned) {
  Type type = a.getType();
  unsigned width = type.getIntOrFloatBitWidth();
  Value fits = s.compare(arith::CmpIPredicate::ult, c, s.integer(type, width));
  Value by = s.select(fits, c, s.integer(type, 0));
  Value zero = s.integer(type, 0);
  if (kind == nn::BinaryKind::ShiftLeft)
    return s.select(fits, s.make<arith::ShLIOp>(a, by), zero);
  if (isUnsigned)
    return s.select(fits, s.make<arith::ShRUIOp>(a, by), zero);
  Value sign = s.make<arith::ShRSIOp>(a, s.integer(type, width - 1));
  return s.select(fits, s.make<arith::ShRSIOp>(a, by), sign);
}

static Value binaryInteger(Scalars &s, nn::BinaryKind kind, Value a, Value c,
                           bool isUnsigned) {
  using nn::BinaryKind;
  using P = arith::CmpIPredicate;
  switch (kind) {
  case BinaryKind::Add:
    return s.make<arith::AddIOp>(a, c);
  case BinaryKind::Sub:
    return s.make<arith::SubIOp>(a, c);
  case BinaryKind::Mul:
    return s.make<arith::MulIOp>(a, c);
  case BinaryKind::Div:
  case BinaryKind::Mod:
  case BinaryKind::FMod:
    return divide(s, kind, a, c, isUnsigned);
  case BinaryKind::Pow:
    return powerOfIntegers(s, a, c, isUnsigned);
  case BinaryKind::Min:
    return isUnsigned ? s.make<arith::MinUIOp>(a, c)
                      : s.make<arith::MinSIOp>(a, c);
  case BinaryKind::Max:
    return isUnsigned ? s.make<arith::MaxUIOp>(a, c)
                      : s.make<arith::MaxSIOp>(a, c);
  case BinaryKind::PRelu:
    return s.select(s.compare(P::slt, a, s.integer(a.getType(), 0)),
                    s.make<arith::MulIOp>(a, c), a);
  case BinaryKind::Equal:
    return s.compare(P::eq, a, c);
  case BinaryKind::Less:
    return s.compare(isUnsigned ? P::ult : P::slt, a, c);
  case BinaryKind::LessOrEqual:
    return s.compare(isUnsigned ? P::ule : P::sle, a, c);
  case BinaryKind::Greater:
    return s.compare(isUnsigned ? P::ugt : P::sgt, a, c);
  case BinaryKind::GreaterOrEqual:
    return s.compare(isUnsigned ? P::uge : P::sge, a, c);
  case BinaryKind::And:
    return s.make<arith::AndIOp>(a, c);
  case BinaryKind::Or:
    return s.make<arith::OrIOp>(a, c);
  case BinaryKind::Xor:
    return s.make<arith::XOrIOp>(a, c);
  case BinaryKind::ShiftLeft:
  case BinaryKind::ShiftRight:
    return shift(s, kind, a, c, isUnsigned);
  }
  return nullptr;
}

void Converter::convertOp(nn::BinaryMathOp op) {
  Layout layout = broadcastLayout(op);
  Shape shape = getShape(op.getResult());
  Value lhs = broadcastable(op.getLhs(), shape, layout);
  Value rhs = broadcastable(op.getRhs(), shape, layout);
  bool isFloat = isa<FloatType>(getElementType(lhs));
  bool hasNoSign = isUnsigned(op.getLhs());
  SmallVector<int64_t> stored = layout == Layout::ChannelsLast
                                    ? lastShape(shape)
                                    : SmallVector<int64_t>(shape);
  set(op.getResult(),
      b.elementwise(stored, floatOrStorage(op.getResult()), {lhs, rhs},
                    [&](OpBuilder &builder, Location loc, ValueRange args) {
                      Scalars s(builder, loc);
                      return isFloat ? binaryFloat(s, op.getKind(), args[0],
                                                   args[1])
                                     : binaryInteger(s, op.getKind(), args[0],
                                                     args[1], hasNoSign);
                    }),
      layout);
}

//===----------------------------------------------------------------------===//
// Select, Cast, Expand
//===----------------------------------------------------------------------===//

void Converter::convertOp(nn::SelectOp op) {
  Value operands[] = {first(op.getCondition()), first(op.getOnTrue()),
                      first(op.getOnFalse())};
  setFirst(op.getResult(),
           b.elementwise(
               getShape(op.getResult()), floatOrStorage(op.getResult()),
               operands, [](OpBuilder &builder, Location loc, ValueRange args) {
                 return Scalars(builder, loc).select(args[0], args[1], args[2]);
               }));
}

void Converter::convertOp(nn::CastOp op) {
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  Type to = floatOrStorage(op.getResult());
  bool fromUnsigned = isUnsigned(op.getInput());
  bool toUnsigned = isUnsigned(op.getResult());
  set(op.getResult(),
      b.elementwise(getShape(x), to, x,
                    [&](OpBuilder &builder, Location loc, ValueRange args) {
                      return Scalars(builder, loc)
                          .convert(args[0], to, fromUnsigned, toUnsigned);
                    }),
      layout);
}

void Converter::convertOp(nn::ExpandOp op) {
  setFirst(op.getResult(),
           b.elementwise(getShape(op.getResult()),
                         floatOrStorage(op.getResult()), first(op.getInput()),
                         [](OpBuilder &builder, Location loc,
                            ValueRange args) -> Value { return args[0]; }));
}

} // namespace accopt
