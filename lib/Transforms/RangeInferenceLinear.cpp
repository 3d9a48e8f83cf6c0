//===- RangeInferenceLinear.cpp - Moments of conv, gemm, matmul
//-----------------===//

#include "ConstantData.h"
#include "RangeInference.h"
#include "dialects/NN/NNMappedFiles.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

/// Share of full correlation in the inputs of a classifier.
static constexpr double classifierCorrelation = 1.0 / 16.0;

/// Whether `op` computes what the function returns, but for a final activation.
static bool isClassifier(Operation *op) {
  while (op->hasOneUse()) {
    op = *op->user_begin();
    if (llvm::isa<func::ReturnOp>(op))
      return true;
    if (!llvm::isa<nn::ReshapeOp, nn::SoftmaxOp, nn::SigmoidOp,
                   quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
      return false;
  }
  return false;
}

/// Variance of a row's result if the inputs were correlated the way the weights
/// point: (sum |w| sigma)^2.
static double getCorrelatedVariance(ArrayRef<float> row, const Moments &input) {
  double sum = 0.0;
  size_t perChannel = row.size() / input.channels.size();
  for (size_t i = 0; i < row.size(); ++i)
    sum += std::fabs(row[i]) *
           std::sqrt(input[i / std::max<size_t>(1, perChannel)].variance);
  return sum * sum;
}

/// W x, row by row; `taps` weights share an input channel.
static SmallVector<Moment> sumRows(const ConstantFloats &weights, int64_t size,
                                   int64_t rows, int64_t groups,
                                   const Moments &input, MLIRContext *context) {
  int64_t row = size / rows;
  int64_t rowsPerGroup = rows / groups;
  int64_t channels = input.channels.size();
  std::vector<float> means(row), variances(row), scratch;
  SmallVector<Moment> result(rows);
  for (int64_t m = 0; m < rows; ++m) {
    if (m % rowsPerGroup == 0) {
      int64_t group = m / rowsPerGroup;
      int64_t perGroup = std::max<int64_t>(1, channels / groups);
      int64_t taps = channels == 1 ? row : row / perGroup;
      for (int64_t i = 0; i < row; ++i) {
        Moment moment = input[channels == 1 ? 0 : group * perGroup + i / taps];
        means[i] = float(moment.mean);
        variances[i] = float(moment.variance);
      }
    }
    ArrayRef<float> values = weights.slice(m * row, row, scratch);
    nn::countRead(context, size_t(row) * sizeof(float));
    result[m] = weightedSum(values.data(), means.data(), variances.data(), row);
  }
  return result;
}

Range RangeInference::getClassifierReach(ArrayRef<float> weights,
                                         const Moments &input,
                                         const Moments &result) const {
  Moments wide = result;
  size_t row = weights.size() / result.channels.size();
  if (row == 0 || row % input.channels.size() != 0)
    return result.reach;
  for (auto [m, channel] : llvm::enumerate(wide.channels)) {
    double correlated =
        getCorrelatedVariance(weights.slice(m * row, row), input);
    channel.variance += classifierCorrelation * (correlated - channel.variance);
  }
  wide.reachSigmas(options.sigmas);
  return wide.reach;
}

SmallVector<Moment> RangeInference::sumWeights(LinearOp linear) const {
  Operation *op = linear.getOperation();
  int64_t outputs = linear.getNumOutputs();
  RankedTensorType shape = typeOf(linear.getWeights());
  std::optional<ConstantFloats> weights = readDequantized(linear.getWeights());
  if (weights && outputs > 0) {
    auto conv = llvm::dyn_cast<nn::ConvOp>(op);
    return sumRows(*weights, shape.getNumElements(), outputs,
                   conv ? conv.getGroups() : 1, get(linear.getInput()),
                   op->getContext());
  }
  // Weights that vary: products of two activations.
  double depth = double(shape.getNumElements()) / double(outputs);
  Moment x = mix(get(linear.getInput()).channels);
  Moment product = multiply(x, mix(get(linear.getWeights()).channels));
  return {{depth * product.mean, depth * product.variance}};
}

/// What the variance of a sum of n dependent inputs is counted times for its
/// reach.
static double getSpread(LinearOp linear) {
  auto weights = llvm::cast<ShapedType>(linear.getWeights().getType());
  double terms =
      double(weights.getNumElements()) / double(linear.getNumOutputs());
  return std::pow(terms, 0.25);
}

/// The reach of sums of dependent inputs, whose statistics are not known.
Range RangeInference::getWideReach(LinearOp linear,
                                   const Moments &result) const {
  Moments wide = result;
  for (Moment &channel : wide.channels)
    channel.variance *= getSpread(linear);
  wide.reachSigmas(options.sigmas);
  if (!isClassifier(linear.getOperation()))
    return wide.reach;
  std::optional<ConstantFloats> weights = readDequantized(linear.getWeights());
  if (!weights)
    return wide.reach;
  return unite(wide.reach,
               getClassifierReach(*weights, get(linear.getInput()), result));
}

Moments RangeInference::visitLinear(LinearOp linear) const {
  Operation *op = linear.getOperation();
  int64_t outputs = linear.getNumOutputs();
  auto mean = op->getAttrOfType<DenseF32ArrayAttr>(outputMeanAttr);
  auto deviation = op->getAttrOfType<DenseF32ArrayAttr>(outputStdAttr);
  bool hasStatistics = mean && deviation && mean.size() == outputs &&
                       deviation.size() == outputs;
  Moments result;
  if (hasStatistics)
    for (int64_t m = 0; m < outputs; ++m)
      result.channels.push_back({mean[m], double(deviation[m]) * deviation[m]});
  else
    result.channels = sumWeights(linear);
  if (Value bias = linear.getBias(); bias && !hasStatistics) {
    // A bias has one value per output, whatever its rank.
    std::optional<ConstantFloats> values = readDequantized(bias);
    Moment any = values ? Moment() : mix(get(bias).channels);
    for (auto [m, channel] : llvm::enumerate(result.channels)) {
      channel.mean += values ? values->values()[m] : any.mean;
      channel.variance += any.variance;
    }
  }
  result.reachSigmas(options.sigmas);
  if (!hasStatistics)
    result.reach = getWideReach(linear, result);

  Value value = linear.getResidual();
  if (!value)
    return result;
  Moments residual = get(value, typeOf(linear.getResult()));
  Range own = result.reach;
  Moments wide = result;
  double spread = hasStatistics ? 1.0 : getSpread(linear);
  for (auto [i, channel] : llvm::enumerate(result.channels)) {
    channel.mean += residual[i].mean;
    wide.channels[i] = {channel.mean,
                        spread * channel.variance + residual[i].variance};
    channel.variance += residual[i].variance;
  }
  wide.reachSigmas(options.sigmas);
  wide.limitReach(own.min + residual.reach.min, own.max + residual.reach.max);
  result.reach = wide.reach;
  return result;
}

/// Products of two activations, summed over the last dimension of `a`.
Moments RangeInference::visitProduct(Value a, Value b) const {
  double depth = double(typeOf(a).getShape().back());
  Moment product = multiply(mix(get(a, typeOf(a)).channels),
                            mix(get(b, typeOf(b)).channels));
  Moments result;
  result.channels = {{depth * product.mean, depth * product.variance}};
  result.reachSigmas(options.sigmas);
  return result;
}
