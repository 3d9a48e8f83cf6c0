//===- NNMathOps.cpp - Functions of one, two, three values ----------------===//
//
// Part of AccOpt. The kinds' meaning in numbers, and which element types they
// take.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNMath.h"
#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// In numbers
//===----------------------------------------------------------------------===//

bool accopt::nn::isQuestion(UnaryKind kind) {
  return kind == UnaryKind::IsNaN || kind == UnaryKind::IsInf ||
         kind == UnaryKind::IsPositiveInf || kind == UnaryKind::IsNegativeInf;
}

bool accopt::nn::isComparison(BinaryKind kind) {
  return kind >= BinaryKind::Equal && kind <= BinaryKind::GreaterOrEqual;
}

/// log(1 + exp(x)) without overflow.
static double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

static double hardSigmoid(double x, double alpha, double beta) {
  return std::clamp(alpha * x + beta, 0.0, 1.0);
}

double accopt::nn::evaluate(UnaryKind kind, double x, double alpha,
                            double beta) {
  switch (kind) {
  case UnaryKind::Abs:
    return std::fabs(x);
  case UnaryKind::Neg:
    return -x;
  case UnaryKind::Exp:
    return std::exp(x);
  case UnaryKind::Log:
    return std::log(x);
  case UnaryKind::Sqrt:
    return std::sqrt(x);
  case UnaryKind::Reciprocal:
    return 1 / x;
  case UnaryKind::Erf:
    return std::erf(x);
  case UnaryKind::Tanh:
    return std::tanh(x);
  case UnaryKind::Sin:
    return std::sin(x);
  case UnaryKind::Cos:
    return std::cos(x);
  case UnaryKind::Tan:
    return std::tan(x);
  case UnaryKind::Asin:
    return std::asin(x);
  case UnaryKind::Acos:
    return std::acos(x);
  case UnaryKind::Atan:
    return std::atan(x);
  case UnaryKind::Sinh:
    return std::sinh(x);
  case UnaryKind::Cosh:
    return std::cosh(x);
  case UnaryKind::Asinh:
    return std::asinh(x);
  case UnaryKind::Acosh:
    return std::acosh(x);
  case UnaryKind::Atanh:
    return std::atanh(x);
  case UnaryKind::Floor:
    return std::floor(x);
  case UnaryKind::Ceil:
    return std::ceil(x);
  case UnaryKind::Round:
    return std::nearbyint(x);
  case UnaryKind::Sign:
    return x > 0 ? 1 : x < 0 ? -1 : x;
  case UnaryKind::Softplus:
    return softplus(x);
  case UnaryKind::Softsign:
    return x / (1 + std::fabs(x));
  case UnaryKind::Elu:
    return x < 0 ? alpha * std::expm1(x) : x;
  case UnaryKind::Selu:
    return beta * (x > 0 ? x : alpha * std::expm1(x));
  case UnaryKind::Celu:
    return std::max(0.0, x) + std::min(0.0, alpha * std::expm1(x / alpha));
  case UnaryKind::ThresholdedRelu:
    return x > alpha ? x : 0;
  case UnaryKind::Mish:
    return x * std::tanh(softplus(x));
  case UnaryKind::Gelu:
    return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
  case UnaryKind::GeluTanh:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case UnaryKind::Shrink:
    return x < -alpha ? x + beta : x > alpha ? x - beta : 0;
  case UnaryKind::Power:
    return std::pow(x, alpha);
  case UnaryKind::Swish:
    return x / (1 + std::exp(-alpha * x));
  case UnaryKind::Not:
    return x == 0;
  case UnaryKind::IsNaN:
    return std::isnan(x);
  case UnaryKind::IsInf:
    return std::isinf(x);
  case UnaryKind::IsPositiveInf:
    return std::isinf(x) && x > 0;
  case UnaryKind::IsNegativeInf:
    return std::isinf(x) && x < 0;
  case UnaryKind::Affine:
    return alpha * x + beta;
  case UnaryKind::Clamp:
    return std::min(std::max(x, alpha), beta);
  case UnaryKind::LeakyRelu:
    return x < 0 ? alpha * x : x;
  case UnaryKind::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case UnaryKind::HardSigmoid:
    return hardSigmoid(x, alpha, beta);
  case UnaryKind::HardSwish:
    return x * hardSigmoid(x, 1.0 / 6, 0.5);
  case UnaryKind::Silu:
    return x / (1 + std::exp(-x));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

//===----------------------------------------------------------------------===//
// Inference
//===----------------------------------------------------------------------===//

static Type booleans(Type like) {
  return cast<RankedTensorType>(like).clone(
      IntegerType::get(like.getContext(), 1));
}

LogicalResult
UnaryMathOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                              ValueRange operands, DictionaryAttr attributes,
                              OpaqueProperties properties, RegionRange regions,
                              SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  Type type = operands[0].getType();
  return addResult(loc, isQuestion(op.getKind()) ? booleans(type) : type,
                   shapeOf(operands[0]), types);
}

LogicalResult BinaryMathOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  Shape shape;
  if (failed(inferBroadcast(loc, shapeOf(operands[0]), shapeOf(operands[1]),
                            shape)))
    return failure();
  Type type = operands[0].getType();
  return addResult(loc, isComparison(op.getKind()) ? booleans(type) : type,
                   shape, types);
}

LogicalResult
SelectOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                           ValueRange operands, DictionaryAttr attributes,
                           OpaqueProperties properties, RegionRange regions,
                           SmallVectorImpl<Type> &types) {
  Shape values, shape;
  if (failed(inferBroadcast(loc, shapeOf(operands[1]), shapeOf(operands[2]),
                            values)) ||
      failed(inferBroadcast(loc, shapeOf(operands[0]), values, shape)))
    return failure();
  return addResult(loc, operands[1].getType(), shape, types);
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// f32, or quantized numbers that stand for such.
static bool isReal(Type type) {
  return type.isF32() || isa<quant::QuantizedType>(type);
}

static Type elementOf(Value value) { return tensorOf(value).getElementType(); }

LogicalResult UnaryMathOp::verify() {
  Type type = elementOf(getInput());
  UnaryKind kind = getKind();
  if (kind == UnaryKind::Not && isReal(type))
    return emitOpError("expected integers for 'not', got ") << type;
  bool takesIntegers = kind == UnaryKind::Not || kind == UnaryKind::Abs ||
                       kind == UnaryKind::Neg || kind == UnaryKind::Sign;
  if (!isReal(type) && !takesIntegers)
    return emitOpError("expected floats for '")
           << stringifyUnaryKind(kind) << "', got " << type;
  if (isStepOnly(kind))
    return emitOpError("expected a function without an op of its own, got '")
           << stringifyUnaryKind(kind) << "'";
  bool needsAlpha = numParameters(kind) > 0,
       needsBeta = numParameters(kind) > 1;
  if (needsAlpha != bool(getAlpha()) || needsBeta != bool(getBeta()))
    return emitOpError("expected ")
           << (needsBeta    ? "alpha and beta"
               : needsAlpha ? "alpha alone"
                            : "neither alpha nor beta")
           << " for '" << stringifyUnaryKind(kind) << "', got "
           << (getAlpha() ? "alpha" : "no alpha") << " and "
           << (getBeta() ? "beta" : "no beta");
  if (kind == UnaryKind::Celu && getAlpha()->isZero())
    return emitOpError("expected an alpha other than zero for 'celu', got 0");
  return success();
}

LogicalResult BinaryMathOp::verify() {
  Type lhs = elementOf(getLhs()), rhs = elementOf(getRhs());
  BinaryKind kind = getKind();
  if (lhs != rhs && !(isReal(lhs) && isReal(rhs)))
    return emitOpError("expected operands of one element type, got ")
           << lhs << " and " << rhs;
  bool isBitwise = kind >= BinaryKind::And;
  if (isBitwise && isReal(lhs))
    return emitOpError("expected integers for '")
           << stringifyBinaryKind(kind) << "', got " << lhs;
  return success();
}

LogicalResult SelectOp::verify() {
  if (!elementOf(getCondition()).isInteger(1))
    return emitOpError("expected a condition of i1, got ")
           << elementOf(getCondition());
  Type a = elementOf(getOnTrue()), b = elementOf(getOnFalse());
  if (a != b && !(isReal(a) && isReal(b)))
    return emitOpError("expected values of one element type, got ")
           << a << " and " << b;
  return success();
}

LogicalResult CastOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getResult()))
    return emitOpError("expected a result of the input's shape, got ")
           << getInput().getType() << " and " << getResult().getType();
  return success();
}
