//===- NNLinearOps.cpp - Convolution, Gemm, MatMul ------------------------===//

#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// Shared
//===----------------------------------------------------------------------===//

static LogicalResult verifyShape(Operation *op, StringRef what, Value value,
                                 ArrayRef<int64_t> expected) {
  if (!value || shapeOf(value) == expected)
    return success();
  return op->emitOpError("expected ") << what << " of shape [" << expected
                                      << "], got [" << shapeOf(value) << "]";
}

template <typename Op> static LogicalResult verifyClamp(Op op) {
  std::optional<APFloat> low = op.getClampMin(), high = op.getClampMax();
  if (low && high && *low > *high)
    return op.emitOpError("expected clamp_min <= clamp_max, got ")
           << low->convertToFloat() << " and " << high->convertToFloat();
  return success();
}

//===----------------------------------------------------------------------===//
// ConvOp
//===----------------------------------------------------------------------===//

LogicalResult
ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                         ValueRange operands, DictionaryAttr attributes,
                         OpaqueProperties properties, RegionRange regions,
                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> weights = shapeOf(op.getWeights());
  if (weights.size() != input.size() || weights.size() < 3)
    return emitOptionalError(loc, "expected weights of the input's rank ",
                             input.size(), ", got rank ", weights.size());
  int64_t groups = op.getGroups();
  if (groups < 1 || weights[0] % groups != 0 || input[1] % groups != 0 ||
      input[1] / groups != weights[1])
    return emitOptionalError(
        loc, "expected input channels = weight channels * groups and output ",
        "channels a multiple of groups, got ", input[1], " input, ", weights[1],
        " weight and ", weights[0], " output channels, groups ", groups);
  Shape shape = {input[0], weights[0]};
  if (failed(inferWindow(loc, input, weights.drop_front(2), op.getStrides(),
                         op.getPads(), op.getDilations(), /*ceilMode=*/false,
                         shape)))
    return failure();
  return addResult(loc, op.getInput().getType(), shape, types);
}

LogicalResult ConvOp::verify() {
  if (failed(verifyShape(*this, "bias", getBias(), shapeOf(getWeights())[0])) ||
      failed(
          verifyShape(*this, "residual", getResidual(), getType().getShape())))
    return failure();
  return verifyClamp(*this);
}

//===----------------------------------------------------------------------===//
// GemmOp
//===----------------------------------------------------------------------===//

LogicalResult
GemmOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                         ValueRange operands, DictionaryAttr attributes,
                         OpaqueProperties properties, RegionRange regions,
                         SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  if (a.size() != 2 || b.size() != 2)
    return emitOptionalError(loc, "expected matrices, got ranks ", a.size(),
                             " and ", b.size());
  bool transA = op.getTransA(), transB = op.getTransB();
  if (a[transA ? 0 : 1] != b[transB ? 1 : 0])
    return emitOptionalError(loc, "expected equal inner sizes, got ",
                             a[transA ? 0 : 1], " and ", b[transB ? 1 : 0]);
  return addResult(loc, op.getA().getType(),
                   {a[transA ? 1 : 0], b[transB ? 0 : 1]}, types);
}

LogicalResult GemmOp::verify() {
  if (Value bias = getBias()) {
    ArrayRef<int64_t> result = getType().getShape();
    Shape both;
    if (failed(inferBroadcast(std::nullopt, shapeOf(bias), result, both)) ||
        ArrayRef<int64_t>(both) != result)
      return emitOpError("expected a bias that broadcasts to [")
             << result << "], got [" << shapeOf(bias) << "]";
  }
  if (failed(
          verifyShape(*this, "residual", getResidual(), getType().getShape())))
    return failure();
  return verifyClamp(*this);
}

//===----------------------------------------------------------------------===//
// MatMulOp
//===----------------------------------------------------------------------===//

LogicalResult
MatMulOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                           ValueRange operands, DictionaryAttr attributes,
                           OpaqueProperties properties, RegionRange regions,
                           SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  if (a.empty() || b.empty())
    return emitOptionalError(loc, "expected operands of rank 1 or more, got ",
                             "ranks ", a.size(), " and ", b.size());
  int64_t inner = a.back(), other = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (inner != other)
    return emitOptionalError(loc, "expected equal inner sizes, got ", inner,
                             " and ", other);
  Shape shape;
  if (failed(inferBroadcast(loc, a.drop_back(std::min<size_t>(2, a.size())),
                            b.drop_back(std::min<size_t>(2, b.size())), shape)))
    return failure();
  if (a.size() > 1)
    shape.push_back(a[a.size() - 2]);
  if (b.size() > 1)
    shape.push_back(b.back());
  return addResult(loc, op.getA().getType(), shape, types);
}
