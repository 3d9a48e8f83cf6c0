//===- ElementwiseOps.cpp - Binary ops and functions of one value ---------===//
//
// Part of AccOpt. Any function of one int8 value is a table of 256 entries.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "dialects/NN/NNMath.h"

#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {
namespace {

Shape alignedTo(ArrayRef<int64_t> shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.append(shape.begin(), shape.end());
  return result;
}
} // namespace

LogicalResult Lowering::convertUnary(Operation *op) {
  std::function<double(double)> function = nn::functionOf(op);
  Value source = op->getOperand(0), result = op->getResult(0);
  // A table does not mind the order of the channels.
  Stored input = values.at(source);
  ActivationQuant in = *activationQuant(source);
  ActivationQuant out = *activationQuant(result);
  SmallVector<int8_t> table;
  for (int32_t q : llvm::seq_inclusive(-128, 127)) {
    double real = function((q - in.zeroPoint) * in.scale);
    // Outside its domain a function gives what QuantizeLinear makes of NaN.
    table.push_back(int8_t(quantizeReal(std::isnan(real) ? 0.0 : real, out)));
  }
  Value mapped =
      accel::LookupOp::create(builder, input.value.getType(), input.value,
                              builder.getDenseI8ArrayAttr(table));
  if (input.shuffle)
    values[result] = Stored{mapped, input.order, input.shuffle};
  else
    set(result, mapped, input.order);
  return success();
}

LogicalResult Lowering::convertBinary(Operation *op) {
  accel::BinaryOpKind kind = accel::BinaryOpKind::Add;
  std::optional<APFloat> low, high;
  llvm::TypeSwitch<Operation *>(op).Case<nn::AddOp, nn::SubOp, nn::MulOp>(
      [&](auto binary) {
        low = binary.getClampMin();
        high = binary.getClampMax();
      });
  if (isa<nn::SubOp>(op))
    kind = accel::BinaryOpKind::Sub;
  if (isa<nn::MulOp>(op))
    kind = accel::BinaryOpKind::Mul;

  Value lhs = op->getOperand(0), rhs = op->getOperand(1),
        result = op->getResult(0);
  size_t rank = shapeOf(result).size();
  // The order of the operand that is a whole activation rules.
  bool rightRules =
      shapeOf(lhs).size() < rank ||
      (shapeOf(lhs) != shapeOf(result) && shapeOf(rhs) == shapeOf(result)) ||
      (lhs.getDefiningOp<nn::ConstantOp>() && shapeOf(rhs).size() == rank);
  Shape order = stored(rightRules ? rhs : lhs).order;
  auto operand = [&](Value value) {
    Shape own = identityOrder(shapeOf(value).size());
    Value moved;
    if (own.size() == rank) {
      moved = get(value, order);
    } else {
      moved = reshape(get(value, own), alignedTo(shapeOf(value), rank));
      moved = reorder(moved, identityOrder(rank), order);
    }
    return moved;
  };
  Value a = operand(lhs), b = operand(rhs);
  ActivationQuant qa = *activationQuant(lhs), qb = *activationQuant(rhs),
                  out = *activationQuant(result);
  MLIRContext *context = op->getContext();
  accel::ScaleAttr aScale, bScale, outScale;
  if (kind == accel::BinaryOpKind::Mul) {
    outScale = scaleAttr(context, qa.scale * qb.scale / out.scale);
  } else {
    // Twenty bits below the coarser scale, as TOSA's reference lowerings do:
    // the sum of two takes 29 bits.
    double common = std::max(qa.scale, qb.scale) / (1 << 20);
    aScale = scaleAttr(context, qa.scale / common);
    bScale = scaleAttr(context, qb.scale / common);
    outScale = scaleAttr(context, common / out.scale);
  }
  Shape shape;
  for (int64_t dimension : order)
    shape.push_back(shapeOf(result)[dimension]);
  Value converted = accel::BinaryOp::create(
      builder, RankedTensorType::get(shape, builder.getI8Type()), a, b,
      accel::BinaryOpKindAttr::get(context, kind),
      builder.getI32IntegerAttr(qa.zeroPoint),
      builder.getI32IntegerAttr(qb.zeroPoint), aScale, bScale, outScale,
      builder.getI32IntegerAttr(out.zeroPoint),
      builder.getI32IntegerAttr(low ? quantizeReal(low->convertToFloat(), out)
                                    : out.low),
      builder.getI32IntegerAttr(high ? quantizeReal(high->convertToFloat(), out)
                                     : out.high));
  set(result, converted, order);
  return success();
}

} // namespace accopt
