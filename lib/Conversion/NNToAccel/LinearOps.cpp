//===- LinearOps.cpp - Convolution and Gemm on the array ------------------===//
//
// Part of AccOpt. A fully connected layer is a 1 x 1 convolution over an image
// of M rows and one column.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "dialects/NN/NNConstants.h"

using namespace mlir;

namespace accopt {
namespace {

/// Quantized weights: a scale per output channel, and their bits.
struct WeightQuant {
  SmallVector<double> scales;
  int32_t bits = 8;
};

/// Of symmetric int8 weights with output channels along `axis`.
std::optional<WeightQuant> weightQuant(Value weights, unsigned axis) {
  auto type = cast<RankedTensorType>(weights.getType());
  Type element = type.getElementType();
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    bool symmetric = llvm::all_of(perAxis.getZeroPoints(),
                                  [](int64_t zero) { return zero == 0; });
    if (!symmetric || perAxis.getQuantizedDimension() != int32_t(axis) ||
        perAxis.getStorageTypeIntegralWidth() != 8)
      return std::nullopt;
    return WeightQuant{
        SmallVector<double>(perAxis.getScales()),
        bitsOfRange(perAxis.getStorageTypeMin(), perAxis.getStorageTypeMax())};
  }
  auto perTensor = dyn_cast<quant::UniformQuantizedType>(element);
  if (!perTensor || perTensor.getZeroPoint() != 0 ||
      perTensor.getStorageTypeIntegralWidth() != 8)
    return std::nullopt;
  return WeightQuant{
      SmallVector<double>(type.getDimSize(axis), perTensor.getScale()),
      bitsOfRange(perTensor.getStorageTypeMin(),
                  perTensor.getStorageTypeMax())};
}

std::optional<SmallVector<int32_t>> biasValues(Value bias, int64_t channels) {
  SmallVector<int32_t> values(channels, 0);
  if (!bias)
    return values;
  auto constant = bias.getDefiningOp<nn::ConstantOp>();
  auto elements = constant ? nn::readElements(constant.getValue())
                           : std::optional<nn::RawElements>();
  int64_t count = cast<RankedTensorType>(bias.getType()).getNumElements();
  if (!elements || elements->width != 4 || (count != channels && count != 1))
    return std::nullopt;
  for (int64_t i = 0; i < channels; ++i)
    std::memcpy(&values[i], elements->element(count == 1 ? 0 : i).data(), 4);
  return values;
}

/// Brings what a depthwise convolution knows of its channels into the order in
/// which they are stored: weights (tap by tap), biases and scales.
void reorderChannels(ArrayRef<int64_t> storedAt, SmallVector<int8_t> &weights,
                     SmallVector<int32_t> &bias, SmallVector<double> &scales) {
  size_t channels = storedAt.size();
  SmallVector<int8_t> oldWeights = weights;
  SmallVector<int32_t> oldBias = bias;
  SmallVector<double> oldScales = scales;
  for (size_t c = 0; c < channels; ++c) {
    size_t to = storedAt[c];
    bias[to] = oldBias[c];
    scales[to] = oldScales[c];
    for (size_t tap = 0; tap < weights.size(); tap += channels)
      weights[tap + to] = oldWeights[tap + c];
  }
}

/// Two entries for one or two spatial dimensions; images of one row in front.
Shape spatial(ArrayRef<int64_t> values, int64_t missing) {
  if (values.size() == 1)
    return {missing, values[0]};
  return Shape(values);
}
} // namespace

accel::RequantAttr Lowering::requant(Operation *op, Value result,
                                     ArrayRef<double> accumulatorScales,
                                     Value residual,
                                     std::optional<llvm::APFloat> clampMin,
                                     std::optional<llvm::APFloat> clampMax) {
  ActivationQuant out = *activationQuant(result);
  double target = out.scale;
  accel::ScaleAttr residualScale, sumScale;
  int32_t residualZero = 0;
  if (residual) {
    // Values take 25 bits, which leaves a factor of 64 for what the clamp cuts
    // off: sixteen bits below the coarser of the two scales for int8.
    ActivationQuant in = *activationQuant(residual);
    target =
        std::max(in.reach() * in.scale, out.reach() * out.scale) / (1 << 24);
    residualScale = scaleAttr(op->getContext(), in.scale / target);
    sumScale = scaleAttr(op->getContext(), target / out.scale);
    residualZero = in.zeroPoint;
  }
  SmallVector<int32_t> multipliers, shifts;
  for (double scale : accumulatorScales) {
    ScaleFactor factor = scaleOrTiny(scale / target);
    multipliers.push_back(factor.multiplier);
    shifts.push_back(factor.shift);
  }
  ActivationQuant bounds = clamped(result, out, clampMin, clampMax);
  return accel::RequantAttr::get(op->getContext(), multipliers, shifts,
                                 out.zeroPoint, bounds.low, bounds.high,
                                 residualScale, residualZero, sumScale, {});
}

LogicalResult Lowering::convertOp(nn::ConvOp op) {
  auto weightsOp = op.getWeights().getDefiningOp<nn::ConstantOp>();
  auto quant = weightQuant(op.getWeights(), 0);
  if (!weightsOp || !quant)
    return refuse("the array takes constant symmetric int8 weights only");
  auto elements = nn::readElements(weightsOp.getValue());
  ArrayRef<int64_t> w = shapeOf(op.getWeights());
  int64_t outputs = w[0], groupInputs = w[1];
  auto bias = biasValues(op.getBias(), outputs);
  if (!elements || !bias)
    return refuse("the array takes constant int32 biases per channel only");

  Shape kernel = spatial(w.drop_front(2), 1);
  int64_t taps = kernel[0] * kernel[1];
  Shape inputShape(shapeOf(op.getInput()));
  int64_t channels = inputShape[1], groups = op.getGroups();
  bool oneD = inputShape.size() == 3;
  // [M][C][tap] becomes [M][tap][C], or [tap][C] for one channel per group.
  bool depthwise = groups == channels && outputs == channels && groups > 1;
  auto rearrange = [&](MutableArrayRef<int8_t> data) {
    for (int64_t m = 0; m < outputs; ++m)
      for (int64_t c = 0; c < groupInputs; ++c)
        for (int64_t t = 0; t < taps; ++t) {
          auto value = int8_t(
              elements->element((m * groupInputs + c) * taps + t).front());
          data[depthwise ? t * outputs + m : (m * taps + t) * groupInputs + c] =
              value;
        }
  };
  SmallVector<int8_t> data;
  if (depthwise) {
    data.resize(outputs * taps);
    rearrange(data);
  }

  Shape order = channelsLast(inputShape.size());
  // A depthwise convolution works on channels in any order; any other is told
  // where they are.
  std::optional<Shuffle> shuffle = shuffleOf(op.getInput(), order);
  if (depthwise && op.getResidual())
    shuffle.reset();
  auto image = [&](Value value) -> Value {
    if (!value)
      return {};
    Value moved = get(value, order);
    ArrayRef<int64_t> s = shapeOf(moved);
    return oneD ? reshape(moved, {s[0], 1, s[1], s[2]}) : moved;
  };
  Value input, residual = image(op.getResidual());
  if (shuffle && !oneD)
    input = values[op.getInput()].value;
  else
    input = image(op.getInput());
  if (oneD)
    shuffle.reset();
  ActivationQuant in = *activationQuant(op.getInput());
  for (double &scale : quant->scales)
    scale *= in.scale;
  if (shuffle && depthwise)
    reorderChannels(shuffle->channels(), data, *bias, quant->scales);
  accel::RequantAttr attr =
      requant(op, op.getResult(), quant->scales, op.getResidual(),
              op.getClampMin(), op.getClampMax());
  Shape result;
  for (int64_t dimension : order)
    result.push_back(shapeOf(op.getResult())[dimension]);
  if (oneD)
    result.insert(result.begin() + 1, 1);
  auto type = RankedTensorType::get(result, elementType(op.getResult()));
  Shape pads(op.getPads());
  if (oneD)
    pads = {0, pads[0], 0, pads[1]};
  auto strides = builder.getDenseI64ArrayAttr(spatial(op.getStrides(), 1));
  auto padding = builder.getDenseI64ArrayAttr(pads);
  auto dilations = builder.getDenseI64ArrayAttr(spatial(op.getDilations(), 1));
  auto zero = builder.getI32IntegerAttr(in.zeroPoint);
  auto weightBits = builder.getI32IntegerAttr(quant->bits);
  auto inputBits = builder.getI32IntegerAttr(bitsOfRange(in.low, in.high));
  auto weights = [&]() -> Value {
    Shape shape = {outputs, kernel[0], kernel[1], groupInputs};
    bool inOrder = taps == 1 || elements->splat;
    Value shared = inOrder ? sharedI8(shape, weightsOp) : Value();
    return shared ? shared : constantI8(shape, rearrange);
  };
  Value converted;
  if (depthwise)
    converted = accel::DepthwiseConv2DOp::create(
        builder, type, input,
        constantI8({kernel[0], kernel[1], channels}, data), constantI32(*bias),
        residual, strides, padding, dilations, zero, attr, weightBits,
        inputBits);
  else
    converted = accel::Conv2DOp::create(
        builder, type, input, weights(), constantI32(*bias), residual, strides,
        padding, dilations, builder.getI64IntegerAttr(groups), zero, attr,
        shuffle ? builder.getDenseI64ArrayAttr(shuffle->channels())
                : DenseI64ArrayAttr(),
        weightBits, inputBits);
  if (shuffle && depthwise) {
    values[op.getResult()] = Stored{converted, order, shuffle};
    return success();
  }
  if (oneD)
    converted = reshape(converted, {result[0], result[2], result[3]});
  set(op.getResult(), converted, order);
  return success();
}

LogicalResult Lowering::convertOp(nn::GemmOp op) {
  auto weightsOp = op.getB().getDefiningOp<nn::ConstantOp>();
  bool transB = op.getTransB();
  auto quant = weightQuant(op.getB(), transB ? 0 : 1);
  if (!weightsOp || !quant)
    return refuse("the array takes constant symmetric int8 weights only");
  if (op.getAlpha().convertToFloat() != 1 || op.getTransA() ||
      (op.getBias() && op.getBeta().convertToFloat() != 1))
    return refuse("the array takes alpha = beta = 1 and no transposed A");
  auto elements = nn::readElements(weightsOp.getValue());
  ArrayRef<int64_t> result = shapeOf(op.getResult());
  int64_t rows = result[0], outputs = result[1];
  int64_t inputs = shapeOf(op.getA())[1];
  auto bias = biasValues(op.getBias(), outputs);
  if (!elements || !bias)
    return refuse("the array takes constant int32 biases per column only");

  // A flattened image keeps its order in memory: the weights follow it.
  Value a;
  Shape columnOf = identityOrder(inputs);
  auto flatten = op.getA().getDefiningOp<nn::ReshapeOp>();
  if (flatten && rows == shapeOf(flatten.getInput())[0] &&
      *activationQuant(flatten.getInput()) == *activationQuant(op.getA())) {
    Stored from = stored(flatten.getInput());
    if (from.order.front() == 0) {
      ArrayRef<int64_t> shape = shapeOf(flatten.getInput());
      Shape index(shape.size(), 0);
      for (int64_t i = 0; i < inputs; ++i) {
        columnOf[i] = nn::linearIndex(shape, index);
        for (size_t d = from.order.size(); d-- > 1;) {
          int64_t dimension = from.order[d];
          if (++index[dimension] < shape[dimension])
            break;
          index[dimension] = 0;
        }
      }
      a = from.value;
    }
  }
  if (!a)
    a = get(op.getA(), {0, 1});
  auto rearrange = [&](MutableArrayRef<int8_t> data) {
    for (int64_t n = 0; n < outputs; ++n)
      for (int64_t k = 0; k < inputs; ++k) {
        int64_t column = columnOf[k];
        int64_t from = transB ? n * inputs + column : column * outputs + n;
        data[n * inputs + k] = int8_t(elements->element(from).front());
      }
  };
  auto weights = [&]() -> Value {
    Shape shape = {outputs, 1, 1, inputs};
    bool inOrder =
        elements->splat || (transB && columnOf == identityOrder(inputs));
    Value shared = inOrder ? sharedI8(shape, weightsOp) : Value();
    return shared ? shared : constantI8(shape, rearrange);
  };
  ActivationQuant in = *activationQuant(op.getA());
  for (double &scale : quant->scales)
    scale *= in.scale;
  accel::RequantAttr attr =
      requant(op, op.getResult(), quant->scales, op.getResidual(),
              op.getClampMin(), op.getClampMax());
  Value residual;
  if (op.getResidual())
    residual = reshape(get(op.getResidual(), {0, 1}), {1, rows, 1, outputs});
  auto ones = builder.getDenseI64ArrayAttr({1, 1});
  Value converted = accel::Conv2DOp::create(
      builder,
      RankedTensorType::get({1, rows, 1, outputs}, elementType(op.getResult())),
      reshape(a, {1, rows, 1, inputs}), weights(), constantI32(*bias), residual,
      ones, builder.getDenseI64ArrayAttr({0, 0, 0, 0}), ones,
      builder.getI64IntegerAttr(1), builder.getI32IntegerAttr(in.zeroPoint),
      attr, DenseI64ArrayAttr(), builder.getI32IntegerAttr(quant->bits),
      builder.getI32IntegerAttr(bitsOfRange(in.low, in.high)));
  set(op.getResult(), reshape(converted, {rows, outputs}), {0, 1});
  return success();
}

} // namespace accopt
