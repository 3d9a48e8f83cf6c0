//===- AccelLayerOps.cpp - Verifiers and folders of layer ops -------------===//
//
// Part of AccOpt. Shapes are checked against the definition of each op; the
// window arithmetic is the floor form, as all rounding was settled before.
//
//===----------------------------------------------------------------------===//

#include "dialects/Accel/AccelOps.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace accopt::accel;

#define GET_OP_CLASSES
#include "dialects/Accel/AccelOps.cpp.inc"

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

namespace {
int64_t windowOutput(int64_t input, int64_t before, int64_t after,
                     int64_t kernel, int64_t stride, int64_t dilation) {
  int64_t room = input + before + after - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

LogicalResult verifyNHWC(Operation *op, Value input, Value result) {
  auto in = cast<RankedTensorType>(input.getType());
  auto out = cast<RankedTensorType>(result.getType());
  if (in.getRank() != 4 || out.getRank() != 4)
    return op->emitOpError("expected N x H x W x C input and result, got ")
           << in << " and " << out;
  return success();
}

/// Checks sizes of attributes and the result's height and width.
LogicalResult verifyWindow(Operation *op, Value input, Value result,
                           ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                           ArrayRef<int64_t> pads,
                           ArrayRef<int64_t> dilations) {
  if (failed(verifyNHWC(op, input, result)))
    return failure();
  if (kernel.size() != 2 || strides.size() != 2 || dilations.size() != 2 ||
      pads.size() != 4)
    return op->emitOpError("expected 2 strides, 2 dilations and 4 pads");
  for (unsigned d = 0; d < 2; ++d)
    if (kernel[d] < 1 || strides[d] < 1 || dilations[d] < 1 || pads[d] < 0 ||
        pads[d + 2] < 0)
      return op->emitOpError("expected positive kernel, strides and dilations "
                             "and pads of at least 0");
  auto in = cast<RankedTensorType>(input.getType()).getShape();
  auto out = cast<RankedTensorType>(result.getType()).getShape();
  if (in[0] != out[0])
    return op->emitOpError("expected batch ") << in[0] << ", got " << out[0];
  for (unsigned d = 0; d < 2; ++d) {
    int64_t expected = windowOutput(in[d + 1], pads[d], pads[d + 2], kernel[d],
                                    strides[d], dilations[d]);
    if (expected < 1 || out[d + 1] != expected)
      return op->emitOpError("expected ")
             << expected << " result " << (d ? "columns" : "rows") << ", got "
             << out[d + 1];
  }
  return success();
}

LogicalResult verifyRequant(Operation *op, RequantAttr requant,
                            int64_t channels, Value residual, Value result) {
  size_t size = requant.getMultiplier().size();
  if (size != requant.getShift().size() ||
      (size != 1 && int64_t(size) != channels))
    return op->emitOpError("expected one scale or ")
           << channels << ", got " << size << " multipliers and "
           << requant.getShift().size() << " shifts";
  for (int32_t shift : requant.getShift())
    if (shift < 2 || shift > 62)
      return op->emitOpError("expected shifts in [2, 62], got ") << shift;
  if (!requant.getTable().empty() && requant.getTable().size() != 256)
    return op->emitOpError("expected a table of 256 entries, got ")
           << requant.getTable().size();
  if (bool(residual) != bool(requant.getResidual()) ||
      bool(residual) != bool(requant.getSum()))
    return op->emitOpError(
        "expected residual and sum scales exactly where there is a residual");
  if (residual && residual.getType() != result.getType())
    return op->emitOpError("expected a residual of type ")
           << result.getType() << ", got " << residual.getType();
  return success();
}

/// Checks that bits are 2 to 8 and that constant weights have no more.
LogicalResult verifyBits(Operation *op, Value weights, int64_t weightBits,
                         int64_t inputBits) {
  for (int64_t bits : {weightBits, inputBits})
    if (bits < 2 || bits > 8)
      return op->emitOpError("expected 2 to 8 bits, got ") << bits;
  auto constant = weights.getDefiningOp<ConstantOp>();
  if (weightBits == 8 || !constant)
    return success();
  int limit = 1 << (weightBits - 1);
  auto check = [&](auto &&values) -> LogicalResult {
    for (int8_t value : values)
      if (value < -limit || value >= limit)
        return op->emitOpError("expected weights of ")
               << weightBits << " bits, got " << int(value);
    return success();
  };
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
    return check(dense.getValues<int8_t>());
  if (auto blob = dyn_cast<DenseI8ResourceElementsAttr>(constant.getValue()))
    if (std::optional<ArrayRef<int8_t>> values = blob.tryGetAsArrayRef())
      return check(*values);
  return op->emitOpError("expected weights whose values can be read");
}

LogicalResult verifyClamp(Operation *op, int64_t low, int64_t high) {
  if (low < -128 || low > high || high > 127)
    return op->emitOpError("expected -128 <= clamp_min <= clamp_max <= 127, "
                           "got ")
           << low << " and " << high;
  return success();
}

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}
} // namespace

LogicalResult Conv2DOp::verify() {
  ArrayRef<int64_t> w = shapeOf(getWeights());
  if (w.size() != 4)
    return emitOpError("expected M x KH x KW x C/groups weights");
  if (failed(verifyWindow(*this, getInput(), getResult(), w.slice(1, 2),
                          getStrides(), getPads(), getDilations())))
    return failure();
  int64_t groups = getGroups(), inputs = shapeOf(getInput())[3];
  int64_t outputs = shapeOf(getResult())[3];
  if (groups < 1 || inputs % groups || outputs % groups ||
      w[3] != inputs / groups || w[0] != outputs)
    return emitOpError("expected weights of ")
           << outputs << " x KH x KW x " << inputs << "/" << groups << ", got "
           << getWeights().getType();
  if (shapeOf(getBias()) != ArrayRef<int64_t>{outputs})
    return emitOpError("expected ") << outputs << " biases";
  if (std::optional<ArrayRef<int64_t>> map = getInputChannels()) {
    llvm::SmallVector<int64_t> sorted(*map);
    llvm::sort(sorted);
    if (!llvm::equal(sorted, llvm::seq<int64_t>(inputs)))
      return emitOpError("expected a permutation of ")
             << inputs << " input channels";
  }
  if (failed(verifyBits(*this, getWeights(), int32_t(getWeightBits()),
                        int32_t(getInputBits()))))
    return failure();
  return verifyRequant(*this, getRequant(), outputs, getResidual(),
                       getResult());
}

LogicalResult DepthwiseConv2DOp::verify() {
  ArrayRef<int64_t> w = shapeOf(getWeights());
  if (w.size() != 3)
    return emitOpError("expected KH x KW x C weights");
  if (failed(verifyWindow(*this, getInput(), getResult(), w.take_front(2),
                          getStrides(), getPads(), getDilations())))
    return failure();
  int64_t channels = shapeOf(getInput())[3];
  if (w[2] != channels || shapeOf(getResult())[3] != channels ||
      shapeOf(getBias()) != ArrayRef<int64_t>{channels})
    return emitOpError("expected ")
           << channels << " channels in weights, bias and result";
  if (failed(verifyBits(*this, getWeights(), int32_t(getWeightBits()),
                        int32_t(getInputBits()))))
    return failure();
  return verifyRequant(*this, getRequant(), channels, getResidual(),
                       getResult());
}

LogicalResult MaxPoolOp::verify() {
  if (failed(verifyWindow(*this, getInput(), getResult(), getKernel(),
                          getStrides(), getPads(), getDilations())))
    return failure();
  if (shapeOf(getInput())[3] != shapeOf(getResult())[3])
    return emitOpError("expected as many channels in the result as in the "
                       "input");
  return verifyClamp(*this, int32_t(getClampMin()), int32_t(getClampMax()));
}

LogicalResult AvgPoolOp::verify() {
  if (failed(verifyWindow(*this, getInput(), getResult(), getKernel(),
                          getStrides(), getPads(), getDilations())))
    return failure();
  if (shapeOf(getInput())[3] != shapeOf(getResult())[3])
    return emitOpError("expected as many channels in the result as in the "
                       "input");
  int64_t scales = getCountIncludePad() ? 1 : getKernel()[0] * getKernel()[1];
  if (int64_t(getMultiplier().size()) != scales ||
      int64_t(getShift().size()) != scales)
    return emitOpError("expected ") << scales << " scales, got "
                                    << getMultiplier().size() << " multipliers";
  return verifyClamp(*this, int32_t(getClampMin()), int32_t(getClampMax()));
}

LogicalResult BinaryOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getLhs()), b = shapeOf(getRhs()),
                    r = shapeOf(getResult());
  if (a.size() != b.size() || a.size() != r.size())
    return emitOpError("expected operands and result of equal rank");
  for (size_t d = 0; d < r.size(); ++d)
    if ((a[d] != r[d] && a[d] != 1) || (b[d] != r[d] && b[d] != 1) ||
        r[d] != std::max(a[d], b[d]))
      return emitOpError("dimension ") << d << " does not broadcast";
  bool isMul = getKind() == BinaryOpKind::Mul;
  if (isMul == bool(getLhsScaleAttr()) || isMul == bool(getRhsScaleAttr()))
    return emitOpError("expected operand scales for add and sub only");
  return success();
}

LogicalResult LookupOp::verify() {
  if (getTable().size() != 256)
    return emitOpError("expected a table of 256 entries, got ")
           << getTable().size();
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    getInputMutable().assign(inner.getInput());
    return getResult();
  }
  return {};
}

LogicalResult ReshapeOp::verify() {
  int64_t from = cast<ShapedType>(getInput().getType()).getNumElements();
  int64_t to = cast<ShapedType>(getType()).getNumElements();
  if (from != to)
    return emitOpError("expected ") << from << " elements, got " << to;
  return success();
}

LogicalResult TransposeOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getResult());
  if (in.size() != out.size() || getPerm().size() != in.size())
    return emitOpError("expected a permutation of ") << in.size() << " entries";
  llvm::SmallVector<bool> seen(in.size(), false);
  for (auto [i, p] : llvm::enumerate(getPerm())) {
    if (p < 0 || p >= int64_t(in.size()) || seen[p] || out[i] != in[p])
      return emitOpError("dimension ")
             << i << " does not match the permutation";
    seen[p] = true;
  }
  return success();
}

LogicalResult ConcatOp::verify() {
  ArrayRef<int64_t> out = shapeOf(getResult());
  int64_t axis = getAxis(), sum = 0;
  if (getInputs().empty() || axis < 0 || axis >= int64_t(out.size()))
    return emitOpError("expected inputs and an axis in [0, ")
           << out.size() << ")";
  for (Value input : getInputs()) {
    ArrayRef<int64_t> in = shapeOf(input);
    if (in.size() != out.size())
      return emitOpError("expected inputs of rank ") << out.size();
    for (size_t d = 0; d < out.size(); ++d)
      if (int64_t(d) != axis && in[d] != out[d])
        return emitOpError("dimension ") << d << " of an input is " << in[d]
                                         << ", of the result " << out[d];
    sum += in[axis];
  }
  if (sum != out[axis])
    return emitOpError("expected ")
           << sum << " along the axis, got " << out[axis];
  return success();
}

LogicalResult SliceOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getResult());
  if (in.size() != out.size() || getStarts().size() != in.size() ||
      getSteps().size() != in.size())
    return emitOpError("expected ") << in.size() << " starts and steps";
  for (size_t d = 0; d < in.size(); ++d) {
    int64_t last = getStarts()[d] + (out[d] - 1) * getSteps()[d];
    if (getSteps()[d] == 0 || getStarts()[d] < 0 || getStarts()[d] >= in[d] ||
        last < 0 || last >= in[d])
      return emitOpError("dimension ") << d << " leaves the input";
  }
  return success();
}

LogicalResult PadOp::verify() {
  ArrayRef<int64_t> in = shapeOf(getInput()), out = shapeOf(getResult());
  if (in.size() != out.size() || getPads().size() != 2 * in.size())
    return emitOpError("expected ") << 2 * in.size() << " pads";
  for (size_t d = 0; d < in.size(); ++d) {
    int64_t before = getPads()[d], after = getPads()[in.size() + d];
    if (before < 0 || after < 0 || out[d] != in[d] + before + after)
      return emitOpError("dimension ")
             << d << ": expected " << in[d] + before + after << ", got "
             << out[d];
  }
  return success();
}

LogicalResult HostOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  if (!symbolTable.lookupNearestSymbolFrom(*this, getCalleeAttr()))
    return emitOpError("expected a function named @") << getCallee();
  return success();
}
