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

Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// Checks a zero point and, where it is given, that of a wide value is 0.
LogicalResult verifyZeroPoint(Operation *op, Value value, int64_t zeroPoint) {
  if (elementOf(value).isInteger(8) || !zeroPoint)
    return success();
  return op->emitOpError("expected a zero point of 0 for ")
         << value.getType() << ", got " << zeroPoint;
}

LogicalResult verifyClamp(Operation *op, Value result, int64_t low,
                          int64_t high) {
  int64_t limit = int64_t(1) << (elementOf(result).getIntOrFloatBitWidth() - 1);
  if (low < -limit || low > high || high >= limit)
    return op->emitOpError("expected ")
           << -limit << " <= clamp_min <= clamp_max <= " << limit - 1
           << ", got " << low << " and " << high;
  return success();
}

/// Movement keeps integers as they are.
LogicalResult verifySameElements(Operation *op) {
  Type result = elementOf(op->getResult(0));
  for (Value operand : op->getOperands())
    if (elementOf(operand) != result)
      return op->emitOpError("expected operands of ")
             << result << ", got " << elementOf(operand);
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
  auto shape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  if (residual && shape(residual) != shape(result))
    return op->emitOpError("expected a residual of the shape of ")
           << result.getType() << ", got " << residual.getType();
  if (!requant.getTable().empty() && !elementOf(result).isInteger(8))
    return op->emitOpError("expected a result of i8 from a table, got ")
           << result.getType();
  if (failed(verifyZeroPoint(op, result, requant.getZeroPoint())) ||
      (residual &&
       failed(verifyZeroPoint(op, residual, requant.getResidualZeroPoint()))))
    return failure();
  return verifyClamp(op, result, requant.getClampMin(), requant.getClampMax());
}

/// The int8 elements of a constant; nothing where they cannot be read.
std::optional<llvm::SmallVector<int8_t>> readConstant(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
    return llvm::to_vector(dense.getValues<int8_t>());
  if (auto blob = dyn_cast<DenseI8ResourceElementsAttr>(constant.getValue()))
    if (std::optional<ArrayRef<int8_t>> values = blob.tryGetAsArrayRef())
      return llvm::to_vector(*values);
  return std::nullopt;
}

/// Checks that the sums of wide inputs stay in int32, which the machine would
/// wrap at: the magnitudes of an output's weights times that of the inputs, and
/// the bias. `outputAxis` of the weights is 0 or the last.
LogicalResult verifySums(Operation *op, Value weights, Value bias,
                         int64_t inputBits, bool isOutputFirst) {
  std::optional<llvm::SmallVector<int8_t>> values = readConstant(weights);
  auto biasOp = bias.getDefiningOp<ConstantOp>();
  auto biases =
      biasOp ? dyn_cast<DenseElementsAttr>(biasOp.getValue()) : nullptr;
  if (!values || !biases)
    return op->emitOpError("expected constant weights and biases for inputs "
                           "of more than 8 bits");
  int64_t outputs = biases.getNumElements();
  int64_t size = int64_t(values->size()), row = size / outputs;
  llvm::SmallVector<int64_t> sums(outputs, 0);
  for (int64_t i = 0; i < size; ++i)
    sums[isOutputFirst ? i / row : i % outputs] += std::abs((*values)[i]);
  for (auto [channel, value] : llvm::enumerate(biases.getValues<int32_t>())) {
    int64_t most =
        (sums[channel] << (inputBits - 1)) + std::abs(int64_t(value));
    if (most > INT32_MAX)
      return op->emitOpError("expected sums in int32, got up to ")
             << most << " in channel " << channel;
  }
  return success();
}

/// Checks that bits fit the types and that constant weights have no more.
LogicalResult verifyBits(Operation *op, Value input, Value weights, Value bias,
                         int64_t weightBits, int64_t inputBits,
                         bool isOutputFirst) {
  bool isWide = elementOf(input).isInteger(16);
  if (weightBits < 2 || weightBits > 8)
    return op->emitOpError("expected weights of 2 to 8 bits, got ")
           << weightBits;
  if (isWide ? inputBits < 9 || inputBits > 16 : inputBits < 2 || inputBits > 8)
    return op->emitOpError("expected ")
           << (isWide ? "9 to 16" : "2 to 8") << " bits of the input, got "
           << inputBits;
  if (isWide && failed(verifySums(op, weights, bias, inputBits, isOutputFirst)))
    return failure();
  if (weightBits == 8 || !weights.getDefiningOp<ConstantOp>())
    return success();
  std::optional<llvm::SmallVector<int8_t>> values = readConstant(weights);
  if (!values)
    return op->emitOpError("expected weights whose values can be read");
  int limit = 1 << (weightBits - 1);
  for (int8_t value : *values)
    if (value < -limit || value >= limit)
      return op->emitOpError("expected weights of ")
             << weightBits << " bits, got " << int(value);
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
  if (failed(verifyBits(*this, getInput(), getWeights(), getBias(),
                        int32_t(getWeightBits()), int32_t(getInputBits()),
                        /*isOutputFirst=*/true)) ||
      failed(verifyZeroPoint(*this, getInput(), int32_t(getInputZeroPoint()))))
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
  if (failed(verifyBits(*this, getInput(), getWeights(), getBias(),
                        int32_t(getWeightBits()), int32_t(getInputBits()),
                        /*isOutputFirst=*/false)) ||
      failed(verifyZeroPoint(*this, getInput(), int32_t(getInputZeroPoint()))))
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
  if (failed(verifySameElements(*this)))
    return failure();
  return verifyClamp(*this, getResult(), int32_t(getClampMin()),
                     int32_t(getClampMax()));
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
  if (failed(
          verifyZeroPoint(*this, getInput(), int32_t(getInputZeroPoint()))) ||
      failed(
          verifyZeroPoint(*this, getResult(), int32_t(getOutputZeroPoint()))))
    return failure();
  if (elementOf(getInput()).isInteger(16) &&
      getKernel()[0] * getKernel()[1] > 65535)
    return emitOpError("expected at most 65535 taps for a sum of i16, got ")
           << getKernel()[0] * getKernel()[1];
  return verifyClamp(*this, getResult(), int32_t(getClampMin()),
                     int32_t(getClampMax()));
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
  if (failed(verifyZeroPoint(*this, getLhs(), int32_t(getLhsZeroPoint()))) ||
      failed(verifyZeroPoint(*this, getRhs(), int32_t(getRhsZeroPoint()))) ||
      failed(
          verifyZeroPoint(*this, getResult(), int32_t(getOutputZeroPoint()))))
    return failure();
  return verifyClamp(*this, getResult(), int32_t(getClampMin()),
                     int32_t(getClampMax()));
}

LogicalResult LookupOp::verify() {
  if (!elementOf(getInput()).isInteger(8))
    return emitOpError("expected a table's input of i8, got ")
           << getInput().getType();
  if (getTable().size() != 256)
    return emitOpError("expected a table of 256 entries, got ")
           << getTable().size();
  return success();
}

LogicalResult InterpolateOp::verify() {
  if (getTable().size() != 513)
    return emitOpError("expected a table of 513 entries, got ")
           << getTable().size();
  if (int32_t bits = int32_t(getInputBits()); bits < 9 || bits > 16)
    return emitOpError("expected inputs of 9 to 16 bits, got ") << bits;
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
  return verifySameElements(*this);
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
  return verifySameElements(*this);
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
  return verifySameElements(*this);
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
  return verifySameElements(*this);
}

LogicalResult HostOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  if (!symbolTable.lookupNearestSymbolFrom(*this, getCalleeAttr()))
    return emitOpError("expected a function named @") << getCallee();
  return success();
}
