//===- ElementwiseOps.cpp - Binary ops and functions of one value ---------===//
//
// Part of AccOpt. Any function of one int8 value is a table of 256 entries, of
// one int16 value a table of 513 with straight lines between them.
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
  bool isWide = in.isWide || out.isWide;
  Value mapped;
  if (isWide && isa<nn::ReluOp, nn::ClipOp>(op))
    mapped = clampWide(op, input.value, in, out);
  else if (isWide)
    mapped = interpolate(input.value, in, out, function);
  else if (auto clip = dyn_cast<nn::ClipOp>(op))
    mapped = lookup(input.value, in,
                    clamped(clip, out, clip.getMinimum(), clip.getMaximum()),
                    function);
  else
    mapped = lookup(input.value, in, out, function);
  if (!mapped)
    return failure();
  if (input.shuffle)
    values[result] = Stored{mapped, input.order, input.shuffle};
  else
    set(result, mapped, input.order);
  return success();
}

/// The real number as an integer; outside its domain a function gives what
/// QuantizeLinear makes of NaN.
static int32_t quantizeResult(double real, ActivationQuant out) {
  return quantizeReal(std::isnan(real) ? 0.0 : real, out);
}

Value Lowering::lookup(Value value, ActivationQuant in, ActivationQuant out,
                       RealFunction function) {
  SmallVector<int8_t> table;
  for (int32_t q : llvm::seq_inclusive(-128, 127))
    table.push_back(
        int8_t(quantizeResult(function((q - in.zeroPoint) * in.scale), out)));
  return accel::LookupOp::create(builder, value.getType(), value,
                                 builder.getDenseI8ArrayAttr(table));
}

/// A clamp is a rescale with bounds.
Value Lowering::clampWide(Operation *op, Value value, ActivationQuant in,
                          ActivationQuant out) {
  ActivationQuant bounded = out;
  if (isa<nn::ReluOp>(op))
    bounded.low = std::max(out.low, out.zeroPoint);
  if (auto clip = dyn_cast<nn::ClipOp>(op))
    bounded = clamped(clip, out, clip.getMinimum(), clip.getMaximum());
  return rescale(value, in, bounded);
}

/// What a wide value would need to say all that `narrow` says.
static ActivationQuant widened(ActivationQuant narrow) {
  int32_t reach =
      std::max(narrow.zeroPoint - narrow.low, narrow.high - narrow.zeroPoint);
  constexpr int32_t most = INT16_MAX;
  return {narrow.scale * reach / most, 0, INT16_MIN, most, true};
}

/// Whether straight lines between the 513 entries stay 50 dB above their error,
/// which is largest in the middle: steps and poles do not.
static bool followsFunction(ArrayRef<int16_t> table, double step,
                            ActivationQuant out,
                            llvm::function_ref<double(double)> function) {
  double signal = 0, noise = 0;
  for (int32_t entry = 0; entry < 512; ++entry) {
    double want = quantizeResult(function((entry - 255.5) * step), out);
    double got = (double(table[entry]) + table[entry + 1]) / 2;
    signal += want * want;
    noise += (got - want) * (got - want);
  }
  return noise <= signal * 1e-5;
}

/// Nothing, with the reason, where a table says too little of the function.
Value Lowering::interpolate(Value value, ActivationQuant in,
                            ActivationQuant out, RealFunction function) {
  ActivationQuant from = in.isWide ? in : widened(in);
  ActivationQuant to = out.isWide ? out : widened(out);
  // From one entry to the next an input takes 2^(bits - 9) steps.
  int32_t bits = bitsOfRange(from.low, from.high);
  double step = std::ldexp(from.scale, bits - 9);
  SmallVector<int16_t> table;
  for (int32_t entry : llvm::seq_inclusive(-256, 256))
    table.push_back(int16_t(quantizeResult(function(entry * step), to)));
  if (!followsFunction(table, step, to, function)) {
    reason = "lines between 513 points do not follow the function";
    return {};
  }
  value = requantize(value, in, from);
  value = accel::InterpolateOp::create(builder, value.getType(), value,
                                       builder.getDenseI16ArrayAttr(table),
                                       builder.getI32IntegerAttr(bits));
  return requantize(value, to, out);
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
    // Twenty bits below the coarser scale of int8, as TOSA's reference
    // lowerings do: the sum of two takes 29 bits. Wide values take as many.
    double common =
        std::max(qa.reach() * qa.scale, qb.reach() * qb.scale) / (1 << 28);
    aScale = scaleAttr(context, qa.scale / common);
    bScale = scaleAttr(context, qb.scale / common);
    outScale = scaleAttr(context, common / out.scale);
  }
  ActivationQuant bounds = clamped(result, out, low, high);
  Shape shape;
  for (int64_t dimension : order)
    shape.push_back(shapeOf(result)[dimension]);
  Value converted = accel::BinaryOp::create(
      builder, RankedTensorType::get(shape, elementType(result)), a, b,
      accel::BinaryOpKindAttr::get(context, kind),
      builder.getI32IntegerAttr(qa.zeroPoint),
      builder.getI32IntegerAttr(qb.zeroPoint), aScale, bScale, outScale,
      builder.getI32IntegerAttr(out.zeroPoint),
      builder.getI32IntegerAttr(bounds.low),
      builder.getI32IntegerAttr(bounds.high));
  set(result, converted, order);
  return success();
}

} // namespace accopt
