//===- ConvertLinear.cpp - Convolution, Gemm, MatMul ----------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"
#include "lib/Conversion/TosaBuilder/SlidingWindow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;

namespace accopt {

static std::optional<float> toFloat(std::optional<APFloat> value) {
  if (!value)
    return std::nullopt;
  return value->convertToFloat();
}

/// A convolution whose groups have several channels: TOSA has none. One
/// linalg.generic over (n, oh, ow, group, filter, kh, kw, c), with the filter
/// contiguous in weights and result. `input` is N, H, W, C; `weights` are
/// M, C / groups, KH, KW.
Value Converter::groupedConv(Value input, Value weights, nn::ConvOp op,
                             SlidingWindow &window) {
  int64_t groups = op.getGroups();
  int64_t filters = getShape(weights)[0] / groups;
  int64_t channels = getShape(weights)[1];
  input = window.padExplicitly(b, input, 0);
  SmallVector<int64_t> shape(getShape(input));
  shape.back() = groups;
  shape.push_back(channels);
  input = b.reshape(input, shape);
  weights = b.reshape(
      weights, {groups, filters, channels, window.kernel[0], window.kernel[1]});
  weights = b.transpose(weights, {0, 3, 4, 2, 1});

  AffineExpr n, oh, ow, g, f, kh, kw, c;
  bindDims(b.getContext(), n, oh, ow, g, f, kh, kw, c);
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(8, 0, results, b.getContext());
  };
  AffineExpr row = oh * window.strides[0] + kh * window.dilations[0];
  AffineExpr column = ow * window.strides[1] + kw * window.dilations[1];
  SmallVector<AffineMap> maps = {map({n, row, column, g, c}),
                                 map({g, kh, kw, c, f}),
                                 map({n, oh, ow, g, f})};
  SmallVector<utils::IteratorType> iterators(5, utils::IteratorType::parallel);
  iterators.append(3, utils::IteratorType::reduction);
  SmallVector<int64_t> outShape = {shape[0], window.out[0], window.out[1],
                                   groups, filters};
  Value init = b.splat(outShape, b.getF32Type(), 0);
  Value result =
      linalg::GenericOp::create(
          b, init.getType(), ValueRange{input, weights}, init, maps, iterators,
          [](OpBuilder &builder, Location loc, ValueRange args) {
            Value product =
                arith::MulFOp::create(builder, loc, args[0], args[1]);
            Value sum = arith::AddFOp::create(builder, loc, args[2], product);
            linalg::YieldOp::create(builder, loc, sum);
          })
          .getResult(0);
  return b.reshape(result,
                   {shape[0], window.out[0], window.out[1], groups * filters});
}

void Converter::convertOp(nn::ConvOp op) {
  Value input = last(op.getInput());
  SmallVector<int64_t> weightShape(getShape(op.getWeights()));
  SmallVector<int64_t> outShape = lastShape(getShape(op.getResult()));
  SlidingWindow window(ArrayRef(weightShape).drop_front(2), op.getStrides(),
                       op.getPads(), op.getDilations(),
                       getShape(op.getResult()).drop_front(2));
  input = window.fit(b, input, 0);
  int64_t filters = weightShape[0], channels = getShape(input)[3];
  Value weights =
      b.reshape(first(op.getWeights()),
                {filters, weightShape[1], window.kernel[0], window.kernel[1]});
  bool depthwise = weightShape[1] == 1 && op.getGroups() > 1;
  bool grouped = !depthwise && op.getGroups() > 1;
  Type f32 = b.getF32Type();
  Value zero = b.zeroPoint(f32, 0);
  Value bias = op.getBias() ? first(op.getBias()) : Value();
  if (!bias)
    bias = b.splat({filters}, f32, 0);
  RankedTensorType type = b.tensorType(outShape, f32);

  Value result;
  if (grouped) {
    result = b.add(groupedConv(input, weights, op, window), bias);
  } else if (depthwise) {
    weights = b.reshape(weights, {channels, filters / channels,
                                  window.kernel[0], window.kernel[1]});
    weights = b.transpose(weights, {2, 3, 0, 1});
    result = tosa::DepthwiseConv2DOp::create(
        b, type, input, weights, bias, zero, zero, window.tosaPad(),
        ArrayRef<int64_t>(window.strides), ArrayRef<int64_t>(window.dilations),
        f32);
  } else {
    weights = b.transpose(weights, {0, 2, 3, 1});
    result = tosa::Conv2DOp::create(b, type, input, weights, bias, zero, zero,
                                    window.tosaPad(),
                                    ArrayRef<int64_t>(window.strides),
                                    ArrayRef<int64_t>(window.dilations), f32);
  }
  if (op.getResidual())
    result = b.add(result, last(op.getResidual()));
  setLast(op.getResult(), b.clamp(result, toFloat(op.getClampMin()),
                                  toFloat(op.getClampMax())));
}

/// Multiplies (batch, m, k) by (batch, k, n), integers modulo their width.
static Value batchMatMul(TosaBuilder &b, Value lhs, Value rhs) {
  if (auto integer = dyn_cast<IntegerType>(getElementType(lhs))) {
    auto type = b.tensorType(
        {getShape(lhs)[0], getShape(lhs)[1], getShape(rhs)[2]}, integer);
    Value zeros =
        b.constant(DenseElementsAttr::get(type, b.getIntegerAttr(integer, 0)));
    return linalg::BatchMatmulOp::create(b, type, ValueRange{lhs, rhs}, zeros)
        .getResult(0);
  }
  Value zero = b.zeroPoint(b.getF32Type(), 0);
  auto type = b.tensorType(
      {getShape(lhs)[0], getShape(lhs)[1], getShape(rhs)[2]}, b.getF32Type());
  return tosa::MatMulOp::create(b, type, lhs, rhs, zero, zero);
}

void Converter::convertOp(nn::GemmOp op) {
  Value a = first(op.getA()), rhs = first(op.getB());
  if (op.getTransA())
    a = b.transpose(a, {1, 0});
  if (op.getTransB())
    rhs = b.transpose(rhs, {1, 0});
  int64_t rows = getShape(a)[0], inner = getShape(a)[1],
          columns = getShape(rhs)[1];
  Value result = batchMatMul(b, b.reshape(a, {1, rows, inner}),
                             b.reshape(rhs, {1, inner, columns}));
  result = b.reshape(result, {rows, columns});
  float alpha = op.getAlpha().convertToFloat();
  float beta = op.getBeta().convertToFloat();
  if (alpha != 1.0f)
    result = b.mul(result, b.scalarLike(result, alpha));
  if (op.getBias()) {
    Value bias = first(op.getBias());
    if (beta != 1.0f)
      bias = b.mul(bias, b.scalarLike(bias, beta));
    result = b.add(result, bias);
  }
  if (op.getResidual())
    result = b.add(result, first(op.getResidual()));
  setFirst(op.getResult(), b.clamp(result, toFloat(op.getClampMin()),
                                   toFloat(op.getClampMax())));
}

void Converter::convertOp(nn::MatMulOp op) {
  Value a = first(op.getA()), rhs = first(op.getB());
  // Vectors are a row on the left, a column on the right.
  if (getShape(a).size() == 1)
    a = b.reshape(a, {1, getShape(a)[0]});
  if (getShape(rhs).size() == 1)
    rhs = b.reshape(rhs, {getShape(rhs)[0], 1});
  Shape aShape = getShape(a), bShape = getShape(rhs);
  int64_t rows = aShape[aShape.size() - 2], inner = aShape.back(),
          columns = bShape.back();
  SmallVector<int64_t> batch =
      broadcastShapes(aShape.drop_back(2), bShape.drop_back(2));
  int64_t count = 1;
  for (int64_t size : batch)
    count *= size;
  bool oneRight =
      llvm::all_of(bShape.drop_back(2), [](int64_t size) { return size == 1; });
  if (oneRight) {
    // One right matrix for all: the batch is more rows.
    a = b.reshape(a, {1, count * rows, inner});
    rhs = b.reshape(rhs, {1, inner, columns});
  } else {
    SmallVector<int64_t> aFull(batch), bFull(batch);
    aFull.append({rows, inner});
    bFull.append({inner, columns});
    a = b.reshape(b.broadcastTo(a, aFull), {count, rows, inner});
    rhs = b.reshape(b.broadcastTo(rhs, bFull), {count, inner, columns});
  }
  Value result = batchMatMul(b, a, rhs);
  setFirst(op.getResult(), b.reshape(result, getShape(op.getResult())));
}

} // namespace accopt
