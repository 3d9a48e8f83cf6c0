//===- NNElementwiseOps.cpp - Elementwise ops, norms, softmax -------------===//
//
// Folders compute small f32 constants and drop ops that change nothing; a
// quantized result is never folded here, its rounding belongs to lowering.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// Inference
//===----------------------------------------------------------------------===//

#define NN_INFER_BINARY(OP)                                                    \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> loc, ValueRange operands,  \
      DictionaryAttr attributes, OpaqueProperties properties,                  \
      RegionRange regions, SmallVectorImpl<Type> &types) {                     \
    Shape shape;                                                               \
    if (failed(inferBroadcast(loc, shapeOf(operands[0]), shapeOf(operands[1]), \
                              shape)))                                         \
      return failure();                                                        \
    return addResult(loc, operands[0].getType(), shape, types);                \
  }

NN_INFER_BINARY(AddOp)
NN_INFER_BINARY(SubOp)
NN_INFER_BINARY(MulOp)
NN_INFER_BINARY(DivOp)
#undef NN_INFER_BINARY

/// The result has the first operand's shape.
#define NN_INFER_SAME(OP)                                                      \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> loc, ValueRange operands,  \
      DictionaryAttr attributes, OpaqueProperties properties,                  \
      RegionRange regions, SmallVectorImpl<Type> &types) {                     \
    return addResult(loc, operands[0].getType(), shapeOf(operands[0]), types); \
  }

NN_INFER_SAME(ReluOp)
NN_INFER_SAME(ClipOp)
NN_INFER_SAME(LeakyReluOp)
NN_INFER_SAME(SigmoidOp)
NN_INFER_SAME(HardSigmoidOp)
NN_INFER_SAME(HardSwishOp)
NN_INFER_SAME(SiluOp)
NN_INFER_SAME(BatchNormOp)
NN_INFER_SAME(SoftmaxOp)
NN_INFER_SAME(LrnOp)
#undef NN_INFER_SAME

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput());
  if (input.size() < 2)
    return emitOpError("expected an input of rank 2 or more, got rank ")
           << input.size();
  for (Value parameter : getOperands().drop_front())
    if (shapeOf(parameter) != input.slice(1, 1))
      return emitOpError("expected parameters of shape [")
             << input[1] << "], got [" << shapeOf(parameter) << "]";
  return success();
}

LogicalResult SoftmaxOp::verify() {
  int64_t rank = getType().getRank();
  int64_t axis = getAxis();
  if (axis >= rank || axis < 0)
    return emitOpError("expected axis in [0, ") << rank << "), got " << axis;
  return success();
}

LogicalResult LrnOp::verify() {
  if (getType().getRank() < 2)
    return emitOpError("expected an input of rank 2 or more, got rank ")
           << getType().getRank();
  if (static_cast<int64_t>(getSize()) < 1)
    return emitOpError("expected a positive size, got ")
           << static_cast<int64_t>(getSize());
  return success();
}

//===----------------------------------------------------------------------===//
// Folding
//===----------------------------------------------------------------------===//

static float clamp(float value, std::optional<APFloat> low,
                   std::optional<APFloat> high) {
  if (low)
    value = std::max(value, low->convertToFloat());
  if (high)
    value = std::min(value, high->convertToFloat());
  return value;
}

/// Row-major index into a tensor of `shape` broadcast to the larger rank of
/// `position`.
static int64_t broadcastIndex(ArrayRef<int64_t> shape,
                              ArrayRef<int64_t> position) {
  position = position.take_back(shape.size());
  int64_t index = 0;
  for (auto [size, at] : llvm::zip(shape, position))
    index = index * size + (size == 1 ? 0 : at);
  return index;
}

template <typename Op, typename Fn>
static Attribute foldBinary(Op op, typename Op::FoldAdaptor adaptor, Fn &&fn) {
  RankedTensorType type = op.getType();
  if (!type.getElementType().isF32() || type.getNumElements() > foldLimit)
    return nullptr;
  std::optional<SmallVector<float>> lhs = readFloats(adaptor.getLhs());
  std::optional<SmallVector<float>> rhs = readFloats(adaptor.getRhs());
  if (!lhs || !rhs)
    return nullptr;
  ArrayRef<int64_t> lhsShape = shapeOf(op.getLhs());
  ArrayRef<int64_t> rhsShape = shapeOf(op.getRhs());
  float value;
  return gatherElements(type, type.getShape(), [&](ArrayRef<int64_t> at) {
    value = clamp(fn((*lhs)[broadcastIndex(lhsShape, at)],
                     (*rhs)[broadcastIndex(rhsShape, at)]),
                  op.getClampMin(), op.getClampMax());
    return ArrayRef<char>(reinterpret_cast<char *>(&value), sizeof(value));
  });
}

/// `x op neutral` is x, where neither broadcasting nor a clamp changes it.
template <typename Op>
static Value dropNeutral(Op op, Value kept, Attribute other, float neutral) {
  if (op.getClampMin() || op.getClampMax() || kept.getType() != op.getType() ||
      !tensorOf(kept).getElementType().isF32())
    return nullptr;
  return readSplatFloat(other) == neutral ? kept : nullptr;
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (Value kept = dropNeutral(*this, getLhs(), adaptor.getRhs(), 0.0f))
    return kept;
  if (Value kept = dropNeutral(*this, getRhs(), adaptor.getLhs(), 0.0f))
    return kept;
  return foldBinary(*this, adaptor, [](float a, float b) { return a + b; });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (Value kept = dropNeutral(*this, getLhs(), adaptor.getRhs(), 0.0f))
    return kept;
  return foldBinary(*this, adaptor, [](float a, float b) { return a - b; });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (Value kept = dropNeutral(*this, getLhs(), adaptor.getRhs(), 1.0f))
    return kept;
  if (Value kept = dropNeutral(*this, getRhs(), adaptor.getLhs(), 1.0f))
    return kept;
  return foldBinary(*this, adaptor, [](float a, float b) { return a * b; });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (Value kept = dropNeutral(*this, getLhs(), adaptor.getRhs(), 1.0f))
    return kept;
  return foldBinary(*this, adaptor, [](float a, float b) { return a / b; });
}

template <typename Fn>
static Attribute foldUnary(Operation *op, Attribute input, Fn &&fn) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  std::optional<SmallVector<float>> values = readFloats(input);
  if (!values || !type.getElementType().isF32())
    return nullptr;
  for (float &value : *values)
    value = fn(value);
  return DenseElementsAttr::get(type, ArrayRef<float>(*values));
}

OpFoldResult ReluOp::fold(FoldAdaptor adaptor) {
  if (getInput().getDefiningOp<ReluOp>() && getInput().getType() == getType())
    return getInput();
  return foldUnary(*this, adaptor.getInput(),
                   [](float x) { return std::max(x, 0.0f); });
}

OpFoldResult ClipOp::fold(FoldAdaptor adaptor) {
  if (!getMinimum() && !getMaximum() && getInput().getType() == getType())
    return getInput();
  return foldUnary(*this, adaptor.getInput(), [&](float x) {
    return clamp(x, getMinimum(), getMaximum());
  });
}
