//===- Converter.cpp - Forms of values, and dispatch ----------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {

static Layout other(Layout layout) {
  return layout == Layout::ChannelsLast ? Layout::ChannelsFirst
                                        : Layout::ChannelsLast;
}

static quant::QuantizedType quantizedType(Value value) {
  return dyn_cast<quant::QuantizedType>(getElementType(value));
}

Type Converter::storageType(Type elementType) {
  auto quantized = dyn_cast<quant::QuantizedType>(elementType);
  // The dialects below know integers without a sign alone.
  if (auto integer = dyn_cast<IntegerType>(elementType))
    return IntegerType::get(elementType.getContext(), integer.getWidth());
  if (!quantized)
    return elementType;
  // Narrow types are held in bytes.
  unsigned width = std::max(8u, quantized.getStorageTypeIntegralWidth());
  return IntegerType::get(elementType.getContext(), width);
}

Type Converter::floatOrStorage(Value nn) {
  if (quantizedType(nn))
    return Float32Type::get(nn.getContext());
  return storageType(getElementType(nn));
}

bool Converter::isUnsigned(Value nn) {
  auto integer = dyn_cast<IntegerType>(getElementType(nn));
  return integer && (integer.isUnsigned() || integer.getWidth() == 1);
}

SmallVector<int64_t> Converter::lastShape(Shape shape) {
  if (shape.size() == 3)
    return {shape[0], 1, shape[2], shape[1]};
  return {shape[0], shape[2], shape[3], shape[1]};
}

int64_t Converter::axisIn(Layout layout, int64_t axis, int64_t rank) {
  if (layout == Layout::ChannelsFirst || axis == 0)
    return axis;
  if (axis == 1)
    return 3;
  return rank == 3 ? 2 : axis - 1;
}

Value Converter::toLayout(Value value, Layout from, Shape nnShape) {
  if (from == Layout::ChannelsLast)
    return b.reshape(b.transpose(value, {0, 3, 1, 2}), nnShape);
  if (nnShape.size() == 3)
    value = b.reshape(value, {nnShape[0], nnShape[1], 1, nnShape[2]});
  return b.transpose(value, {0, 2, 3, 1});
}

Value Converter::first(Value nn) {
  auto want = static_cast<int>(Layout::ChannelsFirst);
  Forms entry = forms.lookup(nn);
  if (entry.floats[want])
    return entry.floats[want];
  Value result;
  if (entry.integers[want])
    result = dequantize(entry.integers[want], quantizedType(nn),
                        Layout::ChannelsFirst);
  else
    result = toLayout(last(nn), Layout::ChannelsLast, getShape(nn));
  forms[nn].floats[want] = result;
  return result;
}

Value Converter::last(Value nn) {
  auto want = static_cast<int>(Layout::ChannelsLast);
  Forms entry = forms.lookup(nn);
  if (entry.floats[want])
    return entry.floats[want];
  Value result;
  if (entry.integers[want])
    result = dequantize(entry.integers[want], quantizedType(nn),
                        Layout::ChannelsLast);
  else
    result = toLayout(first(nn), Layout::ChannelsFirst, getShape(nn));
  forms[nn].floats[want] = result;
  return result;
}

Value Converter::stored(Value nn, Layout layout) {
  if (!quantizedType(nn))
    return get(nn, layout);
  Forms entry = forms.lookup(nn);
  if (Value value = entry.integers[static_cast<int>(layout)])
    return value;
  Value value = toLayout(entry.integers[static_cast<int>(other(layout))],
                         other(layout), getShape(nn));
  forms[nn].integers[static_cast<int>(layout)] = value;
  return value;
}

void Converter::set(Value nn, Value value, Layout layout) {
  if (auto type = quantizedType(nn))
    return setStored(nn, quantize(value, type, layout), layout);
  forms[nn].floats[static_cast<int>(layout)] = value;
}

void Converter::setStored(Value nn, Value value, Layout layout) {
  Forms &entry = forms[nn];
  (quantizedType(nn) ? entry.integers
                     : entry.floats)[static_cast<int>(layout)] = value;
}

Layout Converter::preferredLayout(Value nn) {
  const Forms &entry = forms[nn];
  auto has = [&](Layout layout) {
    auto index = static_cast<int>(layout);
    return entry.floats[index] || entry.integers[index];
  };
  return has(Layout::ChannelsLast) && !has(Layout::ChannelsFirst)
             ? Layout::ChannelsLast
             : Layout::ChannelsFirst;
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

namespace {
/// Scales and zero points, one or one per element of a dimension.
struct QuantParams {
  SmallVector<float> scales, zeroPoints;
  std::optional<int64_t> axis;

  explicit QuantParams(quant::QuantizedType type) {
    if (auto uniform = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
      scales.assign(uniform.getScales().begin(), uniform.getScales().end());
      zeroPoints.assign(uniform.getZeroPoints().begin(),
                        uniform.getZeroPoints().end());
      axis = uniform.getQuantizedDimension();
      return;
    }
    auto uniform = cast<quant::UniformQuantizedType>(type);
    scales.push_back(static_cast<float>(uniform.getScale()));
    zeroPoints.push_back(static_cast<float>(uniform.getZeroPoint()));
  }
};
} // namespace

static Value f32(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(
      builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
}

Value Converter::perAxis(ArrayRef<float> values, int64_t axis, int64_t rank,
                         Layout layout) {
  SmallVector<int64_t> shape(layout == Layout::ChannelsLast ? 4 : rank, 1);
  shape[axisIn(layout, axis, rank)] = static_cast<int64_t>(values.size());
  return b.constantF32(shape, values);
}

/// saturate(round_half_even(value / scale) + zero point): ONNX QuantizeLinear.
Value Converter::quantize(Value value, quant::QuantizedType type,
                          Layout layout) {
  QuantParams params(type);
  auto rank = static_cast<int64_t>(getShape(value).size());
  SmallVector<Value> operands = {value};
  if (params.axis) {
    operands.push_back(perAxis(params.scales, *params.axis, rank, layout));
    operands.push_back(perAxis(params.zeroPoints, *params.axis, rank, layout));
  }
  Type result = storageType(type);
  auto low = static_cast<double>(type.getStorageTypeMin());
  auto high = static_cast<double>(type.getStorageTypeMax());
  return b.elementwise(
      getShape(value), result, operands,
      [&](OpBuilder &builder, Location loc, ValueRange args) -> Value {
        Value scale =
            params.axis ? args[1] : f32(builder, loc, params.scales.front());
        Value zero = params.axis ? args[2]
                                 : f32(builder, loc, params.zeroPoints.front());
        Value x = arith::DivFOp::create(builder, loc, args[0], scale);
        x = math::RoundEvenOp::create(builder, loc, x);
        x = arith::AddFOp::create(builder, loc, x, zero);
        // The numbers' maximum, so that NaN becomes the lower bound.
        x = arith::MaxNumFOp::create(builder, loc, x, f32(builder, loc, low));
        x = arith::MinNumFOp::create(builder, loc, x, f32(builder, loc, high));
        // By way of i32, which holds signed and unsigned narrow types alike.
        if (result.getIntOrFloatBitWidth() < 32) {
          Value narrow =
              arith::FPToSIOp::create(builder, loc, builder.getI32Type(), x);
          return arith::TruncIOp::create(builder, loc, result, narrow);
        }
        // 2^31 - 1 is no float; the bound above rounds up to 2^31.
        Value wide =
            arith::FPToSIOp::create(builder, loc, builder.getI64Type(), x);
        Value bound = arith::ConstantOp::create(
            builder, loc, builder.getI64IntegerAttr(type.getStorageTypeMax()));
        wide = arith::MinSIOp::create(builder, loc, wide, bound);
        return arith::TruncIOp::create(builder, loc, result, wide);
      });
}

/// (value - zero point) * scale.
Value Converter::dequantize(Value value, quant::QuantizedType type,
                            Layout layout) {
  QuantParams params(type);
  auto rank = static_cast<int64_t>(getShape(value).size());
  SmallVector<Value> operands = {value};
  if (params.axis) {
    operands.push_back(perAxis(params.scales, *params.axis, rank, layout));
    operands.push_back(perAxis(params.zeroPoints, *params.axis, rank, layout));
  }
  bool isSigned = type.isSigned();
  return b.elementwise(
      getShape(value), b.getF32Type(), operands,
      [&](OpBuilder &builder, Location loc, ValueRange args) -> Value {
        Value scale =
            params.axis ? args[1] : f32(builder, loc, params.scales.front());
        Value zero = params.axis ? args[2]
                                 : f32(builder, loc, params.zeroPoints.front());
        Value x;
        if (isSigned)
          x = arith::SIToFPOp::create(builder, loc, builder.getF32Type(),
                                      args[0]);
        else
          x = arith::UIToFPOp::create(builder, loc, builder.getF32Type(),
                                      args[0]);
        x = arith::SubFOp::create(builder, loc, x, zero);
        return arith::MulFOp::create(builder, loc, x, scale);
      });
}

LogicalResult Converter::convert(Operation *op) {
  b.setLoc(op->getLoc());
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<nn::ConvOp, nn::GemmOp, nn::MatMulOp, nn::AddOp, nn::SubOp,
            nn::MulOp, nn::DivOp, nn::ReluOp, nn::ClipOp, nn::LeakyReluOp,
            nn::SigmoidOp, nn::HardSigmoidOp, nn::HardSwishOp, nn::SiluOp,
            nn::BatchNormOp, nn::SoftmaxOp, nn::LrnOp, nn::MaxPoolOp,
            nn::AveragePoolOp, nn::ReduceMeanOp, nn::ConstantOp, nn::ReshapeOp,
            nn::TransposeOp, nn::ConcatOp, nn::SliceOp, nn::PadOp,
            nn::ResampleOp, nn::RecurrentOp, nn::UnaryMathOp, nn::ChainOp,
            nn::BinaryMathOp, nn::SelectOp, nn::CastOp, nn::ExpandOp,
            nn::ReduceOp, nn::ArgReduceOp, nn::CumSumOp, nn::TopKOp,
            nn::GatherOp, nn::GatherNDOp, nn::ScatterNDOp, nn::RoiAlignOp,
            quant::QuantizeCastOp, quant::DequantizeCastOp>([&](auto concrete) {
        convertOp(concrete);
        return success();
      })
      .Default([](Operation *unknown) {
        return unknown->emitOpError("has no conversion to TOSA");
      });
}

} // namespace accopt
