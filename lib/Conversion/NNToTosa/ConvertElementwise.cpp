//===- ConvertElementwise.cpp - Elementwise ops and normalizations --------===//

#include "lib/Conversion/NNToTosa/Converter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;

namespace accopt {

//===----------------------------------------------------------------------===//
// Binary ops
//===----------------------------------------------------------------------===//

Layout Converter::broadcastLayout(Operation *op) {
  Shape shape = getShape(op->getResult(0));
  for (Value operand : op->getOperands())
    if (getShape(operand) == shape &&
        preferredLayout(operand) == Layout::ChannelsLast)
      return Layout::ChannelsLast;
  return Layout::ChannelsFirst;
}

Value Converter::broadcastable(Value operand, Shape shape, Layout layout) {
  if (layout == Layout::ChannelsFirst || getShape(operand) == shape)
    return get(operand, layout);
  SmallVector<int64_t> raised(shape.size() - getShape(operand).size(), 1);
  llvm::append_range(raised, getShape(operand));
  return toLayout(b.reshape(first(operand), raised), Layout::ChannelsFirst,
                  raised);
}

template <typename OpT>
void Converter::convertBinary(OpT op,
                              Value (TosaBuilder::*build)(Value, Value)) {
  Layout layout = broadcastLayout(op);
  auto bound = [](std::optional<APFloat> value) -> std::optional<float> {
    if (!value)
      return std::nullopt;
    return value->convertToFloat();
  };
  Shape shape = getShape(op.getResult());
  Value result = (b.*build)(broadcastable(op.getLhs(), shape, layout),
                            broadcastable(op.getRhs(), shape, layout));
  result = b.clamp(result, bound(op.getClampMin()), bound(op.getClampMax()));
  set(op.getResult(), result, layout);
}

void Converter::convertOp(nn::AddOp op) {
  convertBinary(op, &TosaBuilder::add);
}
void Converter::convertOp(nn::SubOp op) {
  convertBinary(op, &TosaBuilder::sub);
}
void Converter::convertOp(nn::MulOp op) {
  convertBinary(op, &TosaBuilder::mul);
}
void Converter::convertOp(nn::DivOp op) {
  convertBinary(op, &TosaBuilder::div);
}

//===----------------------------------------------------------------------===//
// Unary ops
//===----------------------------------------------------------------------===//

template <typename OpT>
void Converter::convertUnary(OpT op, function_ref<Value(Value)> build) {
  Layout layout = preferredLayout(op.getInput());
  set(op.getResult(), build(get(op.getInput(), layout)), layout);
}

void Converter::convertOp(nn::ReluOp op) {
  convertUnary(op, [&](Value x) { return b.clamp(x, 0.0f, std::nullopt); });
}

void Converter::convertOp(nn::ClipOp op) {
  std::optional<float> low, high;
  if (op.getMinimum())
    low = op.getMinimum()->convertToFloat();
  if (op.getMaximum())
    high = op.getMaximum()->convertToFloat();
  convertUnary(op, [&](Value x) { return b.clamp(x, low, high); });
}

void Converter::convertOp(nn::LeakyReluOp op) {
  convertUnary(op, [&](Value x) -> Value {
    Value scaled = b.mul(x, b.scalarLike(x, op.getAlpha().convertToFloat()));
    Value isPositive = tosa::GreaterEqualOp::create(
        b, b.tensorType(getShape(x), b.getI1Type()), x, b.scalarLike(x, 0));
    return tosa::SelectOp::create(b, x.getType(), isPositive, x, scaled);
  });
}

void Converter::convertOp(nn::SigmoidOp op) {
  convertUnary(op, [&](Value x) -> Value {
    return tosa::SigmoidOp::create(b, x.getType(), x);
  });
}

static Value hardSigmoid(TosaBuilder &b, Value x, float alpha, float beta) {
  Value scaled = b.mul(x, b.scalarLike(x, alpha));
  return b.clamp(b.add(scaled, b.scalarLike(x, beta)), 0.0f, 1.0f);
}

void Converter::convertOp(nn::HardSigmoidOp op) {
  convertUnary(op, [&](Value x) {
    return hardSigmoid(b, x, op.getAlpha().convertToFloat(),
                       op.getBeta().convertToFloat());
  });
}

void Converter::convertOp(nn::SiluOp op) {
  convertUnary(op, [&](Value x) -> Value {
    return b.mul(x, tosa::SigmoidOp::create(b, x.getType(), x));
  });
}

void Converter::convertOp(nn::HardSwishOp op) {
  convertUnary(op, [&](Value x) {
    return b.mul(x, hardSigmoid(b, x, 1.0f / 6.0f, 0.5f));
  });
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

void Converter::convertOp(nn::BatchNormOp op) {
  Layout layout = preferredLayout(op.getInput());
  auto rank = static_cast<int64_t>(getShape(op.getInput()).size());
  auto parameter = [&](Value nn) {
    SmallVector<int64_t> shape(layout == Layout::ChannelsLast ? 4 : rank, 1);
    shape[axisIn(layout, 1, rank)] = getShape(nn).front();
    return b.reshape(first(nn), shape);
  };
  Value variance = parameter(op.getVariance());
  Value stabilized =
      b.add(variance, b.scalarLike(variance, op.getEpsilon().convertToFloat()));
  Value inverse = tosa::RsqrtOp::create(b, stabilized.getType(), stabilized);
  Value factor = b.mul(parameter(op.getScale()), inverse);
  Value centred = b.sub(get(op.getInput(), layout), parameter(op.getMean()));
  set(op.getResult(), b.add(b.mul(centred, factor), parameter(op.getShift())),
      layout);
}

void Converter::convertOp(nn::SoftmaxOp op) {
  Layout layout = preferredLayout(op.getInput());
  auto rank = static_cast<int64_t>(getShape(op.getInput()).size());
  int64_t axis = axisIn(layout, op.getAxis(), rank);
  Value x = get(op.getInput(), layout);
  // The largest exponent becomes zero, so that none overflows.
  Value shifted = b.sub(x, b.reduceMax(x, axis));
  Value powers = tosa::ExpOp::create(b, x.getType(), shifted);
  set(op.getResult(), b.div(powers, b.reduceSum(powers, axis)), layout);
}

void Converter::convertOp(nn::LrnOp op) {
  Layout layout = preferredLayout(op.getInput());
  auto nnRank = static_cast<int64_t>(getShape(op.getInput()).size());
  auto axis = static_cast<unsigned>(axisIn(layout, 1, nnRank));
  Value x = get(op.getInput(), layout);
  auto rank = static_cast<unsigned>(getShape(x).size());
  int64_t size = op.getSize();
  SmallVector<int64_t> low(rank, 0), high(rank, 0);
  low[axis] = (size - 1) / 2;
  high[axis] = size - 1 - low[axis];
  Value squares = b.pad(b.mul(x, x), low, high, 0);

  // A sum over a sliding window of channels; TOSA has none along channels.
  SmallVector<AffineExpr> window, out;
  for (unsigned dim = 0; dim < rank; ++dim) {
    out.push_back(b.getAffineDimExpr(dim));
    window.push_back(out.back());
  }
  window[axis] = window[axis] + b.getAffineDimExpr(rank);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(rank + 1, 0, results, b.getContext());
  };
  SmallVector<AffineMap> maps = {map(window), map(b.getAffineDimExpr(rank)),
                                 map(out)};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  Value windowShape =
      tensor::EmptyOp::create(b, ArrayRef<int64_t>{size}, b.getF32Type());
  Value zeros = b.splat(getShape(x), b.getF32Type(), 0);
  Value sum = linalg::GenericOp::create(
                  b, zeros.getType(), ValueRange{squares, windowShape}, zeros,
                  maps, iterators,
                  [](OpBuilder &builder, Location loc, ValueRange args) {
                    Value total =
                        arith::AddFOp::create(builder, loc, args[2], args[0]);
                    linalg::YieldOp::create(builder, loc, total);
                  })
                  .getResult(0);

  float scale = op.getAlpha().convertToFloat() / static_cast<float>(size);
  Value base = b.add(b.mul(sum, b.scalarLike(sum, scale)),
                     b.scalarLike(sum, op.getBias().convertToFloat()));
  Value exponent =
      b.splat(getShape(base), b.getF32Type(), op.getBeta().convertToFloat());
  Value power = tosa::PowOp::create(b, base.getType(), base, exponent);
  set(op.getResult(), b.div(x, power), layout);
}

} // namespace accopt
