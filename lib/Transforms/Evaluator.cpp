//===- Evaluator.cpp - Evaluation of nn ops on constants ------------------===//
//
// Every op that moves data is a copy between two strided views of row-major
// memory; broadcasting is a view with stride 0.
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"

#include "ConstantData.h"

#include "accopt/Transforms/QuantParams.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

using Shape = SmallVector<int64_t>;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

static Shape getStrides(ArrayRef<int64_t> shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/// Calls `f(to, from)` for each position of `shape` in row-major order, with
/// the offsets that the two sets of strides give it.
static void forEachOffset(ArrayRef<int64_t> shape, ArrayRef<int64_t> toStrides,
                          ArrayRef<int64_t> fromStrides,
                          llvm::function_ref<void(int64_t, int64_t)> f) {
  if (llvm::is_contained(shape, 0))
    return;
  Shape index(shape.size(), 0);
  int64_t to = 0, from = 0;
  while (true) {
    f(to, from);
    size_t i = shape.size();
    while (i-- > 0) {
      to += toStrides[i];
      from += fromStrides[i];
      if (++index[i] < shape[i])
        break;
      to -= toStrides[i] * shape[i];
      from -= fromStrides[i] * shape[i];
      index[i] = 0;
    }
    if (i == size_t(-1))
      return;
  }
}

/// Strides with which a tensor of `shape` is read as one of `result`.
static Shape getBroadcastStrides(ArrayRef<int64_t> shape,
                                 ArrayRef<int64_t> result) {
  Shape strides(result.size(), 0), own = getStrides(shape);
  size_t leading = result.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      strides[leading + i] = own[i];
  return strides;
}

namespace {
class Evaluator {
public:
  Evaluator(OpBuilder &builder, Operation *op) : builder(builder), op(op) {}

  Value run();

private:
  RankedTensorType getType() const { return typeOf(op->getResult(0)); }
  /// Reads every operand; false if one is no constant.
  bool readOperands();
  ArrayRef<float> floats(unsigned i) const { return operands[i].as<float>(); }

  Value create(llvm::function_ref<void(MutableArrayRef<float>)> fill) {
    return createConstant<float>(builder, op->getLoc(), getType(), fill);
  }
  Value unary(llvm::function_ref<float(float)> f);
  Value binary(llvm::function_ref<float(float, float)> f);
  Value copy(ArrayRef<int64_t> strides, int64_t offset);
  Value transpose(nn::TransposeOp transpose);
  Value slice(nn::SliceOp slice);
  Value concat(nn::ConcatOp concat);
  Value pad(nn::PadOp pad);
  Value reduceMean(nn::ReduceMeanOp mean);
  Value quantize(quant::QuantizeCastOp cast);

  OpBuilder &builder;
  Operation *op;
  SmallVector<ConstantBytes> operands;
  /// Bytes of an element.
  size_t width = 4;
};
} // namespace

bool Evaluator::readOperands() {
  for (Value operand : op->getOperands()) {
    auto constant = operand.getDefiningOp<nn::ConstantOp>();
    if (!constant)
      return false;
    std::optional<ConstantBytes> bytes =
        ConstantBytes::get(constant.getValue());
    if (!bytes)
      return false;
    width = constant.getValue().getElementType().getIntOrFloatBitWidth() / 8;
    operands.push_back(std::move(*bytes));
  }
  return !operands.empty();
}

Value Evaluator::unary(llvm::function_ref<float(float)> f) {
  return create([&](MutableArrayRef<float> out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = f(floats(0)[i]);
  });
}

Value Evaluator::binary(llvm::function_ref<float(float, float)> f) {
  ArrayRef<int64_t> shape = getType().getShape();
  Shape left = getBroadcastStrides(typeOf(op->getOperand(0)).getShape(), shape);
  Shape right =
      getBroadcastStrides(typeOf(op->getOperand(1)).getShape(), shape);
  auto bound = [&](StringRef name, float absent) {
    auto attr = op->getAttrOfType<FloatAttr>(name);
    return attr ? float(attr.getValueAsDouble()) : absent;
  };
  float minimum = bound("clamp_min", -INFINITY);
  float maximum = bound("clamp_max", INFINITY);
  return create([&](MutableArrayRef<float> out) {
    size_t i = 0;
    forEachOffset(shape, left, right, [&](int64_t a, int64_t b) {
      float value = f(floats(0)[a], floats(1)[b]);
      out[i++] = std::min(std::max(value, minimum), maximum);
    });
  });
}

Value Evaluator::copy(ArrayRef<int64_t> strides, int64_t offset) {
  ArrayRef<int64_t> shape = getType().getShape();
  ArrayRef<char> in = operands[0].data();
  return createRawConstant(
      builder, op->getLoc(), getType(), [&](MutableArrayRef<char> out) {
        forEachOffset(shape, getStrides(shape), strides,
                      [&](int64_t to, int64_t from) {
                        std::memcpy(out.data() + to * width,
                                    in.data() + (offset + from) * width, width);
                      });
      });
}

Value Evaluator::transpose(nn::TransposeOp transpose) {
  Shape in = getStrides(typeOf(transpose.getInput()).getShape()), strides;
  for (int64_t dim : transpose.getPerm())
    strides.push_back(in[dim]);
  return copy(strides, 0);
}

Value Evaluator::slice(nn::SliceOp slice) {
  Shape strides = getStrides(typeOf(slice.getInput()).getShape());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += slice.getStarts()[i] * strides[i];
    strides[i] *= slice.getSteps()[i];
  }
  return copy(strides, offset);
}

Value Evaluator::concat(nn::ConcatOp concat) {
  size_t axis = concat.getAxis();
  ArrayRef<int64_t> shape = getType().getShape();
  int64_t outer = 1, inner = width;
  for (size_t i = 0; i < shape.size(); ++i)
    if (i != axis)
      (i < axis ? outer : inner) *= shape[i];
  return createRawConstant(
      builder, op->getLoc(), getType(), [&](MutableArrayRef<char> out) {
        char *to = out.data();
        for (int64_t o = 0; o < outer; ++o)
          for (auto [i, operand] : llvm::enumerate(operands)) {
            int64_t size = typeOf(op->getOperand(i)).getDimSize(axis) * inner;
            std::memcpy(to, operand.data().data() + o * size, size);
            to += size;
          }
      });
}

Value Evaluator::pad(nn::PadOp pad) {
  ArrayRef<int64_t> pads = pad.getPads();
  if (pad.getMode() != "constant" || !getType().getElementType().isF32() ||
      llvm::any_of(pads, [](int64_t p) { return p < 0; }))
    return {};
  ArrayRef<int64_t> shape = typeOf(pad.getInput()).getShape();
  Shape strides = getStrides(getType().getShape());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i)
    offset += pads[i] * strides[i];
  return create([&](MutableArrayRef<float> out) {
    llvm::fill(out, pad.getValue().convertToFloat());
    forEachOffset(
        shape, strides, getStrides(shape),
        [&](int64_t to, int64_t from) { out[offset + to] = floats(0)[from]; });
  });
}

Value Evaluator::reduceMean(nn::ReduceMeanOp mean) {
  ArrayRef<int64_t> shape = typeOf(mean.getInput()).getShape();
  Shape kept(shape);
  for (int64_t axis : mean.getAxes())
    kept[axis] = 1;
  Shape strides = getBroadcastStrides(kept, shape);
  std::vector<double> sums(getType().getNumElements(), 0.0);
  forEachOffset(shape, strides, getStrides(shape),
                [&](int64_t to, int64_t from) { sums[to] += floats(0)[from]; });
  double count = double(floats(0).size()) / double(sums.size());
  return create([&](MutableArrayRef<float> out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = float(sums[i] / count);
  });
}

/// Weights that a QDQ model keeps in float before its own quantization.
Value Evaluator::quantize(quant::QuantizeCastOp cast) {
  Type element = getType().getElementType();
  SmallVector<QuantParams> params;
  int64_t inner = 1;
  if (auto q = llvm::dyn_cast<quant::UniformQuantizedType>(element)) {
    params.push_back({q.getScale(), q.getZeroPoint()});
  } else if (auto q =
                 llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    for (auto [scale, zero] : llvm::zip(q.getScales(), q.getZeroPoints()))
      params.push_back({scale, zero});
    for (int64_t size :
         getType().getShape().drop_front(q.getQuantizedDimension() + 1))
      inner *= size;
  }
  auto type = llvm::cast<quant::QuantizedType>(element);
  if (params.empty() || !type.isSigned())
    return {};
  IntegerRange integers{type.getStorageTypeMin(), type.getStorageTypeMax()};
  auto fill = [&](auto out) {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = quantizeValue(floats(0)[i], params[i / inner % params.size()],
                             integers);
  };
  switch (type.getStorageTypeIntegralWidth()) {
  case 8:
    return createConstant<int8_t>(
        builder, op->getLoc(), getType(),
        [&](MutableArrayRef<int8_t> out) { fill(out); });
  case 16:
    return createConstant<int16_t>(
        builder, op->getLoc(), getType(),
        [&](MutableArrayRef<int16_t> out) { fill(out); });
  default:
    return {};
  }
}

Value Evaluator::run() {
  Type element = getType().getElementType();
  if (llvm::isa<quant::DequantizeCastOp>(op) || !readOperands())
    return {};
  // Moves of elements of any type.
  Value moved = llvm::TypeSwitch<Operation *, Value>(op)
                    .Case([&](nn::ReshapeOp reshape) {
                      return copy(getStrides(getType().getShape()), 0);
                    })
                    .Case([&](nn::TransposeOp o) { return transpose(o); })
                    .Case([&](nn::SliceOp o) { return slice(o); })
                    .Case([&](nn::ConcatOp o) { return concat(o); })
                    .Case([&](nn::PadOp o) { return pad(o); })
                    .Case([&](quant::QuantizeCastOp o) { return quantize(o); })
                    .Default([](Operation *) { return Value(); });
  if (moved || !element.isF32())
    return moved;
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](nn::AddOp) { return binary(std::plus<float>()); })
      .Case([&](nn::SubOp) { return binary(std::minus<float>()); })
      .Case([&](nn::MulOp) { return binary(std::multiplies<float>()); })
      .Case([&](nn::DivOp) { return binary(std::divides<float>()); })
      .Case([&](nn::ReluOp) {
        return unary([](float x) { return std::max(x, 0.0f); });
      })
      .Case([&](nn::ClipOp clip) {
        float low =
            clip.getMinimum() ? clip.getMinimum()->convertToFloat() : -INFINITY;
        float high =
            clip.getMaximum() ? clip.getMaximum()->convertToFloat() : INFINITY;
        return unary([=](float x) { return std::min(std::max(x, low), high); });
      })
      .Case([&](nn::LeakyReluOp leaky) {
        float alpha = leaky.getAlpha().convertToFloat();
        return unary([=](float x) { return x < 0.0f ? alpha * x : x; });
      })
      .Case([&](nn::SigmoidOp) {
        return unary([](float x) { return 1.0f / (1.0f + std::exp(-x)); });
      })
      .Case([&](nn::HardSigmoidOp hard) {
        float alpha = hard.getAlpha().convertToFloat();
        float beta = hard.getBeta().convertToFloat();
        return unary([=](float x) {
          return std::max(0.0f, std::min(1.0f, alpha * x + beta));
        });
      })
      .Case([&](nn::HardSwishOp) {
        return unary([](float x) {
          return x * std::max(0.0f, std::min(1.0f, x / 6.0f + 0.5f));
        });
      })
      .Case([&](nn::SiluOp) {
        return unary([](float x) { return x / (1.0f + std::exp(-x)); });
      })
      .Case([&](nn::ReduceMeanOp mean) { return reduceMean(mean); })
      .Default([](Operation *) { return Value(); });
}

Value accopt::evaluate(OpBuilder &builder, Operation *op) {
  return Evaluator(builder, op).run();
}
