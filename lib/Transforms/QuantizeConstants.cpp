//===- QuantizeConstants.cpp - Quantized weights and biases ---------------===//

#include "QuantizeConstants.h"

#include "ConstantData.h"

#include "accopt/Transforms/QuantParams.h"
#include "dialects/NN/NNMappedFiles.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

Value accopt::quantizeActivation(OpBuilder &builder, Value constant,
                                 quant::UniformQuantizedType type) {
  RankedTensorType result = typeOf(constant).clone(type);
  if (auto cast = constant.getDefiningOp<quant::DequantizeCastOp>())
    if (cast.getInput().getType() == result)
      return cast.getInput();
  std::optional<ConstantFloats> values = readDequantized(constant);
  if (!values)
    return {};
  QuantParams params{type.getScale(), type.getZeroPoint()};
  IntegerRange integers{type.getStorageTypeMin(), type.getStorageTypeMax()};
  auto quantize = [&](auto out) {
    for (size_t i = 0; i < out.size(); ++i) {
      int16_t q = quantizeValue(values->values()[i], params, integers);
      out[i] = std::remove_reference_t<decltype(out[i])>(q);
    }
  };
  if (type.getStorageTypeIntegralWidth() == 16)
    return createConstant<int16_t>(builder, constant.getLoc(), result,
                                   quantize);
  return createConstant<int8_t>(builder, constant.getLoc(), result, quantize);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Largest magnitude, or NaN if one is not finite. The loop has no order to
/// keep and vectorizes.
static float getMaxAbs(ArrayRef<float> values) {
  constexpr size_t count = 8;
  // The sums of zero times x are NaN as soon as one x is infinite or NaN.
  float lanes[count] = {}, sums[count] = {};
  size_t i = 0, size = values.size();
  for (; i + count <= size; i += count)
    for (size_t k = 0; k < count; ++k) {
      float magnitude = std::fabs(values[i + k]);
      lanes[k] = magnitude > lanes[k] ? magnitude : lanes[k];
      sums[k] += values[i + k] * 0.0f;
    }
  for (; i < size; ++i) {
    lanes[0] = std::max(lanes[0], std::fabs(values[i]));
    sums[0] += values[i] * 0.0f;
  }
  float result = 0.0f, sum = 0.0f;
  for (size_t k = 0; k < count; ++k) {
    result = std::max(result, lanes[k]);
    sum += sums[k];
  }
  return result + sum;
}

/// Rounds half to even without a call: adding 1.5 * 2^23 to a float below 2^22
/// leaves no fraction bits.
static void quantizeRow(ArrayRef<float> in, double scale, IntegerRange integers,
                        MutableArrayRef<int8_t> out) {
  constexpr float magic = 0x1.8p23f;
  float inverse = float(1.0 / scale);
  float low = float(integers.min), high = float(integers.max);
  for (size_t i = 0; i < in.size(); ++i) {
    float q = (in[i] * inverse + magic) - magic;
    q = q > high ? high : q;
    q = q < low ? low : q;
    out[i] = int8_t(q);
  }
}

namespace {
/// Weights that a model brings as integers, brought to zero point 0.
struct IntegerWeights {
  std::optional<ConstantBytes> bytes;
  quant::QuantizedType type;

  double getScale(int64_t row) const {
    if (auto q = llvm::dyn_cast<quant::UniformQuantizedType>(type))
      return q.getScale();
    return llvm::cast<quant::UniformQuantizedPerAxisType>(type)
        .getScales()[row];
  }
  int64_t getZeroPoint(int64_t row) const {
    if (auto q = llvm::dyn_cast<quant::UniformQuantizedType>(type))
      return q.getZeroPoint();
    return llvm::cast<quant::UniformQuantizedPerAxisType>(type)
        .getZeroPoints()[row];
  }
};

/// Rows of weights from either source, and what was chosen for them.
class WeightRows {
public:
  /// `bits` other than 8 and given scales need real numbers; integers that the
  /// model brings are then dequantized.
  WeightRows(Value weights, unsigned bits = 8, bool asFloats = false);

  bool isValid() const { return floats || integers; }
  bool hasFloats() const { return floats.has_value(); }
  /// Picks the scales, or raises `given` ones where the contract asks for it;
  /// `bias` is empty or has one value per row. Fails if a value is not finite.
  LogicalResult chooseScales(ArrayRef<double> bias, double inputScale,
                             double outputScale, ArrayRef<double> given = {});
  ArrayRef<double> getScales() const { return scales; }
  void quantize(MutableArrayRef<int8_t> out) const;
  /// The integer that all weights become; nothing where they may differ.
  std::optional<int8_t> quantizeAll() const;

private:
  double chooseScale(ArrayRef<float> weights, const WeightRow &info) const;

  MLIRContext *context;
  int64_t rows, row;
  unsigned bits;
  std::optional<ConstantFloats> floats;
  std::optional<IntegerWeights> integers;
  SmallVector<double> scales;
};
} // namespace

WeightRows::WeightRows(Value weights, unsigned bits, bool asFloats)
    : context(weights.getContext()), bits(bits) {
  RankedTensorType type = typeOf(weights);
  rows = type.getDimSize(0);
  row = rows ? type.getNumElements() / rows : 0;
  auto cast = weights.getDefiningOp<quant::DequantizeCastOp>();
  auto constant =
      cast ? cast.getInput().getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  auto element = constant ? llvm::dyn_cast<quant::QuantizedType>(
                                constant.getType().getElementType())
                          : quant::QuantizedType();
  auto perAxis =
      llvm::dyn_cast_or_null<quant::UniformQuantizedPerAxisType>(element);
  bool isByRow =
      perAxis ? perAxis.getQuantizedDimension() == 0
              : llvm::isa_and_nonnull<quant::UniformQuantizedType>(element);
  if (!asFloats && isByRow && element.getStorageTypeIntegralWidth() == 8) {
    integers.emplace();
    integers->bytes = ConstantBytes::get(constant.getValue());
    integers->type = element;
    if (!integers->bytes)
      integers.reset();
    return;
  }
  floats = readDequantized(weights);
}

double WeightRows::chooseScale(ArrayRef<float> weights,
                               const WeightRow &info) const {
  if (bits == 8)
    return chooseWeightScale(info);
  return effectiveWeightScale(
      chooseLeastErrorScale(weights, weightIntegers(bits)), info);
}

LogicalResult WeightRows::chooseScales(ArrayRef<double> bias, double inputScale,
                                       double outputScale,
                                       ArrayRef<double> given) {
  std::vector<float> scratch;
  for (int64_t m = 0; m < rows; ++m) {
    // Networks that only have a price hold one value for all.
    if (m && floats && floats->hasOneValue() &&
        (bias.empty() || bias[m] == bias[m - 1]) &&
        (given.empty() || given[m] == given[m - 1])) {
      scales.push_back(scales.back());
      continue;
    }
    if (floats) {
      ArrayRef<float> weights = floats->slice(m * row, row, scratch);
      nn::countRead(context, size_t(row) * sizeof(float));
      WeightRow info{getMaxAbs(weights), bias.empty() ? 0.0 : bias[m],
                     inputScale, outputScale};
      if (!std::isfinite(info.maxAbs) || !std::isfinite(info.bias))
        return failure();
      scales.push_back(given.empty() ? chooseScale(weights, info)
                                     : effectiveWeightScale(given[m], info));
      continue;
    }
    int64_t zeroPoint = integers->getZeroPoint(m), largest = 0;
    for (int8_t value : integers->bytes->as<int8_t>().slice(m * row, row))
      largest = std::max(largest, std::abs(value - zeroPoint));
    double scale = integers->getScale(m);
    scales.push_back(largest > 127 ? scale * double(largest) / 127.0 : scale);
  }
  return success();
}

std::optional<int8_t> WeightRows::quantizeAll() const {
  if (!floats || !floats->hasOneValue() || !llvm::all_equal(scales))
    return std::nullopt;
  std::vector<float> scratch;
  int8_t value = 0;
  quantizeRow(floats->slice(0, 1, scratch), scales.front(),
              weightIntegers(bits), value);
  return value;
}

void WeightRows::quantize(MutableArrayRef<int8_t> out) const {
  std::vector<float> scratch;
  for (int64_t m = 0; m < rows; ++m) {
    MutableArrayRef<int8_t> to = out.slice(m * row, row);
    if (floats) {
      quantizeRow(floats->slice(m * row, row, scratch), scales[m],
                  weightIntegers(bits), to);
      nn::countRead(context, size_t(row) * sizeof(float));
      continue;
    }
    int64_t zeroPoint = integers->getZeroPoint(m);
    double ratio = integers->getScale(m) / scales[m];
    ArrayRef<int8_t> from = integers->bytes->as<int8_t>().slice(m * row, row);
    for (int64_t i = 0; i < row; ++i)
      to[i] = int8_t(std::nearbyint(double(from[i] - zeroPoint) * ratio));
  }
}

//===----------------------------------------------------------------------===//
// Biases
//===----------------------------------------------------------------------===//

namespace {
/// A bias in real numbers. Integers go through double: f32 would lose bits of
/// those above 2^24.
struct Bias {
  static std::optional<Bias> read(Value bias);
  /// The integer of row `m` at `scale`, the product of two f32. One that a
  /// model brings at just that scale, which its file could only hold as f32, is
  /// kept.
  int32_t quantize(size_t m, double scale) const;

  SmallVector<double> values;
  /// Where the model brings integers with zero point 0.
  SmallVector<int32_t> integers;
  SmallVector<double> scales;
};
} // namespace

static std::pair<double, int64_t> getRowParams(Type element, size_t row) {
  if (auto q = llvm::dyn_cast<quant::UniformQuantizedType>(element))
    return {q.getScale(), q.getZeroPoint()};
  if (auto q = llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    return {q.getScales()[row], q.getZeroPoints()[row]};
  return {1.0, 0};
}

std::optional<Bias> Bias::read(Value bias) {
  Bias result;
  auto cast = bias.getDefiningOp<quant::DequantizeCastOp>();
  auto constant =
      cast ? cast.getInput().getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
  if (!constant || !constant.getValue().getElementType().isInteger(32)) {
    std::optional<ConstantFloats> floats = readDequantized(bias);
    if (!floats)
      return std::nullopt;
    result.values.assign(floats->values().begin(), floats->values().end());
    return result;
  }
  std::optional<ConstantBytes> bytes = ConstantBytes::get(constant.getValue());
  if (!bytes)
    return std::nullopt;
  Type element = constant.getType().getElementType();
  bool isSymmetric = true;
  for (auto [i, value] : llvm::enumerate(bytes->as<int32_t>())) {
    auto [scale, zeroPoint] = getRowParams(element, i);
    result.values.push_back(double(value - zeroPoint) * scale);
    result.integers.push_back(value);
    result.scales.push_back(scale);
    isSymmetric &= zeroPoint == 0;
  }
  if (!isSymmetric)
    result.integers.clear();
  return result;
}

int32_t Bias::quantize(size_t m, double scale) const {
  if (!integers.empty() && float(scales[m]) == float(scale))
    return integers[m];
  return int32_t(std::clamp(std::nearbyint(values[m] / scale),
                            double(INT32_MIN), double(INT32_MAX)));
}

static quant::QuantizedType getPerRowType(OpBuilder &builder, unsigned width,
                                          ArrayRef<double> scales, int64_t min,
                                          int64_t max) {
  SmallVector<int64_t> zeroPoints(scales.size(), 0);
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, builder.getIntegerType(width),
      builder.getF32Type(), scales, zeroPoints, /*quantizedDimension=*/0, min,
      max);
}

std::optional<SmallVector<double>>
accopt::chooseWeightScales(Value weights, Value bias, double inputScale,
                           double outputScale, unsigned bits) {
  WeightRows rows(weights, bits, /*asFloats=*/bits != 8);
  std::optional<Bias> read = bias ? Bias::read(bias) : Bias();
  if (!rows.isValid() || !read ||
      failed(rows.chooseScales(read->values, inputScale, outputScale)))
    return std::nullopt;
  return llvm::to_vector(rows.getScales());
}

/// The constant that `fill` writes, or that is `all` everywhere, and, of its
/// integers, the least range that holds them.
static Value
createWeights(OpBuilder &builder, Value weights, ArrayRef<double> scales,
              llvm::function_ref<void(MutableArrayRef<int8_t>)> fill,
              std::optional<int8_t> all = std::nullopt) {
  int64_t low = 0, high = 0;
  RankedTensorType type =
      typeOf(weights).clone(getPerRowType(builder, 8, scales, -127, 127));
  Value constant;
  if (all) {
    low = std::min<int64_t>(0, *all);
    high = std::max<int64_t>(0, *all);
    constant = nn::ConstantOp::create(
        builder, weights.getLoc(), type,
        DenseElementsAttr::get(type.clone(builder.getI8Type()), *all));
  } else {
    constant = createConstant<int8_t>(builder, weights.getLoc(), type,
                                      [&](MutableArrayRef<int8_t> out) {
                                        fill(out);
                                        // In int8, so that the loop vectorizes.
                                        int8_t least = 0, most = 0;
                                        for (int8_t q : out) {
                                          least = std::min(least, q);
                                          most = std::max(most, q);
                                        }
                                        low = least;
                                        high = most;
                                      });
  }
  IntegerRange integers = weightIntegers(countBits({low, high}));
  constant.setType(typeOf(weights).clone(
      getPerRowType(builder, 8, scales, integers.min, integers.max)));
  return constant;
}

Value accopt::createIntegerWeights(OpBuilder &builder, Value weights,
                                   ArrayRef<double> scales,
                                   ArrayRef<int8_t> integers) {
  return createWeights(
      builder, weights, scales,
      [&](MutableArrayRef<int8_t> out) { llvm::copy(integers, out.begin()); });
}

std::optional<QuantizedLinear>
accopt::quantizeLinear(OpBuilder &builder, Value weights, Value bias,
                       double inputScale, double outputScale,
                       const WeightChoice *choice) {
  WeightRows rows(weights, choice ? choice->bits : 8, choice != nullptr);
  std::optional<Bias> biases = bias ? Bias::read(bias) : Bias();
  if (!rows.isValid() || !biases)
    return std::nullopt;
  if (failed(rows.chooseScales(biases->values, inputScale, outputScale,
                               choice ? choice->scales : ArrayRef<double>())))
    return std::nullopt;

  QuantizedLinear result;
  result.weights = createWeights(
      builder, weights, rows.getScales(),
      [&](MutableArrayRef<int8_t> out) { rows.quantize(out); },
      rows.quantizeAll());
  if (!bias)
    return result;
  SmallVector<double> biasScales;
  for (double scale : rows.getScales())
    biasScales.push_back(inputScale * scale);
  result.bias = createConstant<int32_t>(
      builder, bias.getLoc(),
      typeOf(bias).clone(
          getPerRowType(builder, 32, biasScales, INT32_MIN, INT32_MAX)),
      [&](MutableArrayRef<int32_t> out) {
        for (size_t m = 0; m < out.size(); ++m)
          out[m] = biases->quantize(m, biasScales[m]);
      });
  return result;
}

/// Whether the sums of inputs of `bits` bits stay in int32, by a row's
/// magnitudes of weights and its bias. A bias that leaves no room has its
/// weights' scale raised (effectiveWeightScale): it is at most 2^30, and the
/// weights only get smaller.
static bool hasRoom(double magnitudes, double bias, double weightScale,
                    double reach, bool isRaised, unsigned bits) {
  double most = std::ldexp(1.0, int(bits) - 1);
  double units = reach > 0 ? std::fabs(bias) * (most - 1) / reach / weightScale
                           : std::fabs(bias) / weightScale;
  if (isRaised)
    units = std::min(units, 0x1p30);
  // A unit for each rounding.
  return magnitudes * most + units + 2 < 0x1p31;
}

std::optional<unsigned> accopt::countInputBits(Value weights, Value bias,
                                               double reach, unsigned most) {
  WeightRows rows(weights);
  std::optional<Bias> biases = bias ? Bias::read(bias) : Bias();
  // Scales for any input and output: nothing has raised them yet.
  if (!rows.isValid() || !biases || failed(rows.chooseScales({}, 1.0, 0.0)))
    return std::nullopt;
  std::vector<int8_t> integers(size_t(typeOf(weights).getNumElements()));
  rows.quantize(integers);
  size_t count = rows.getScales().size();
  size_t row = count ? integers.size() / count : 0;
  unsigned bits = most;
  for (size_t m = 0; m < count; ++m) {
    double magnitudes = 0;
    for (int8_t q : ArrayRef(integers).slice(m * row, row))
      magnitudes += std::abs(int(q));
    double value = biases->values.empty() ? 0.0 : biases->values[m];
    while (bits > 8 && !hasRoom(magnitudes, value, rows.getScales()[m], reach,
                                rows.hasFloats(), bits))
      --bits;
  }
  return bits;
}
