//===- InferRanges.cpp - Ranges from the model's own statistics -----------===//
//
// Every channel is taken for a Gaussian, channels and weights for independent:
//   W x + b        mean W mu + b, variance (W * W) sigma^2
//   clamp, f(x)    moments of the clamped or transformed Gaussian
//   a + b, a b     moments of independent variables
//   mean of n      variance over sqrt(n): neighbours are correlated, and
//   sqrt(n)
//                  of them are counted as independent
// A normalization that was folded into a convolution has left its mean and
// standard deviation, which replace the first line. The range is mean +- k
// sigma over the channels before the clamp, cut by the clamp and by bounds
// known for certain. Two passes over the weights at most; nothing is copied.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "LinearOps.h"
#include "Moments.h"

#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// Axis 1, or nothing for vectors and scalars.
static int64_t numChannels(RankedTensorType type) {
  return type.getRank() >= 2 ? type.getDimSize(1) : 1;
}

static double bound(std::optional<llvm::APFloat> value, double absent) {
  return value ? value->convertToDouble() : absent;
}

namespace {
/// The state of one inference.
class Inference {
public:
  Inference(const InferRangesOptions &options) : options(options) {}

  void addArgument(Value argument, StringRef name);
  /// Fails if the op's result has no bound.
  LogicalResult visit(Operation *op);
  Range getRange(Value value) const {
    return moments.find(value)->second.reach;
  }

private:
  /// `value` in the channels of a tensor of `type` that it broadcasts to.
  Moments get(Value value, RankedTensorType type) const;
  const Moments &get(Value value) const { return moments.find(value)->second; }

  Moments visitLinear(LinearOp op) const;
  Moments visitProduct(Value a, Value b, RankedTensorType type) const;
  LogicalResult visitBinary(Operation *op);
  Moments visitDivision(const Moments &a, const Moments &b) const;
  Moments visitUnary(Value input, llvm::function_ref<double(double)> f) const;
  Moments visitAverage(Value input, double count, bool keepsChannels) const;
  Moments visitConcat(nn::ConcatOp op) const;
  Moments visitSlice(nn::SliceOp op) const;
  Moments visitReshape(Value input, RankedTensorType type) const;
  Moments visitBatchNorm(nn::BatchNormOp op) const;
  Moments visitLrn(nn::LrnOp op) const;

  const InferRangesOptions &options;
  llvm::DenseMap<Value, Moments> moments;
};
} // namespace

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

void Inference::addArgument(Value argument, StringRef name) {
  Moments result;
  if (const Range *range = options.inputs.find(name)) {
    double width = range->max - range->min;
    result.channels = {{0.5 * (range->min + range->max), width * width / 12.0}};
    result.reach = *range;
  } else {
    result.channels = {{0.0, 1.0}};
    result.reachSigmas(options.inputSigmas);
  }
  moments[argument] = std::move(result);
}

/// Moments of a constant over each channel of `type`, to which it broadcasts.
static Moments getConstantMoments(ArrayRef<float> values,
                                  ArrayRef<int64_t> shape,
                                  RankedTensorType type) {
  int64_t axis = int64_t(shape.size()) - type.getRank() + 1;
  bool hasChannels = type.getRank() >= 2 && axis >= 0 && shape[axis] != 1;
  int64_t channels = hasChannels ? shape[axis] : 1, inner = 1;
  if (hasChannels)
    for (int64_t size : shape.drop_front(axis + 1))
      inner *= size;

  SmallVector<double> sums(channels, 0.0), squares(channels, 0.0);
  Moments result;
  result.reach = {INFINITY, -INFINITY};
  int64_t size = values.size();
  for (int64_t i = 0; i < size; ++i) {
    double value = values[i];
    int64_t c = hasChannels ? i / inner % channels : 0;
    sums[c] += value;
    squares[c] += value * value;
    result.reach = unite(result.reach, {value, value});
  }
  double count = double(size) / double(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double mean = sums[c] / count;
    result.channels.push_back(
        {mean, std::max(0.0, squares[c] / count - mean * mean)});
  }
  return result;
}

Moments Inference::get(Value value, RankedTensorType type) const {
  if (std::optional<ConstantFloats> constant = readDequantized(value))
    return getConstantMoments(*constant, typeOf(value).getShape(), type);
  const Moments &result = get(value);
  RankedTensorType own = typeOf(value);
  bool isAligned =
      own.getRank() == type.getRank() && numChannels(own) == numChannels(type);
  return isAligned || result.channels.size() == 1 ? result : result.collapsed();
}

//===----------------------------------------------------------------------===//
// Linear ops
//===----------------------------------------------------------------------===//

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
static SmallVector<Moment> sumRows(ArrayRef<float> weights, int64_t rows,
                                   int64_t groups, const Moments &input) {
  int64_t row = int64_t(weights.size()) / rows;
  int64_t rowsPerGroup = rows / groups;
  int64_t channels = input.channels.size();
  std::vector<float> means(row), variances(row);
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
    result[m] = weightedSum(weights.data() + m * row, means.data(),
                            variances.data(), row);
  }
  return result;
}

Moments Inference::visitLinear(LinearOp linear) const {
  Operation *op = linear.getOperation();
  RankedTensorType type = typeOf(linear.getResult());
  int64_t outputs = linear.getNumOutputs();
  Moments result;
  auto mean = op->getAttrOfType<DenseF32ArrayAttr>(outputMeanAttr);
  auto deviation = op->getAttrOfType<DenseF32ArrayAttr>(outputStdAttr);
  std::optional<ConstantFloats> weights;
  if (mean && deviation && mean.size() == outputs &&
      deviation.size() == outputs) {
    for (int64_t m = 0; m < outputs; ++m)
      result.channels.push_back({mean[m], double(deviation[m]) * deviation[m]});
  } else if ((weights = readDequantized(linear.getWeights())) && outputs > 0) {
    auto conv = llvm::dyn_cast<nn::ConvOp>(op);
    result.channels = sumRows(*weights, outputs, conv ? conv.getGroups() : 1,
                              get(linear.getInput()));
    if (std::optional<ConstantFloats> bias = readDequantized(linear.getBias()))
      for (int64_t m = 0; m < outputs; ++m)
        result.channels[m].mean += bias->values()[m];
  } else {
    RankedTensorType shape = typeOf(linear.getWeights());
    Moment x = mix(get(linear.getInput()).channels);
    Moment w = mix(get(linear.getWeights()).channels);
    double depth = double(shape.getNumElements()) / double(outputs);
    result.channels = {
        {depth * x.mean * w.mean,
         depth * (x.variance * w.variance + x.variance * w.mean * w.mean +
                  w.variance * x.mean * x.mean)}};
  }
  if (linear.getBias() && !isConstantLike(linear.getBias())) {
    Moment bias = mix(get(linear.getBias()).channels);
    for (Moment &channel : result.channels)
      channel = {channel.mean + bias.mean, channel.variance + bias.variance};
  }
  result.reachSigmas(options.sigmas);
  const Moments &input = get(linear.getInput());
  bool hasWholeRows =
      weights && weights->values().size() % outputs == 0 &&
      (weights->values().size() / outputs) % input.channels.size() == 0;
  if (hasWholeRows && isClassifier(op)) {
    Moments wide = result;
    size_t row = weights->values().size() / outputs;
    for (auto [m, channel] : llvm::enumerate(wide.channels))
      channel.variance +=
          classifierCorrelation *
          (getCorrelatedVariance(weights->values().slice(m * row, row),
                                 input) -
           channel.variance);
    wide.reachSigmas(options.sigmas);
    result.reach = wide.reach;
  }
  if (Value value = linear.getResidual()) {
    Moments residual = get(value, type);
    Range own = result.reach;
    for (auto [i, channel] : llvm::enumerate(result.channels)) {
      channel.mean += residual[i].mean;
      channel.variance += residual[i].variance;
    }
    result.reachSigmas(options.sigmas);
    result.limitReach(own.min + residual.reach.min,
                      own.max + residual.reach.max);
  }
  return result;
}

/// Products of two activations, summed over the last dimension of `a`.
Moments Inference::visitProduct(Value a, Value b, RankedTensorType type) const {
  Moment x = mix(get(a, typeOf(a)).channels);
  Moment y = mix(get(b, typeOf(b)).channels);
  double depth = double(typeOf(a).getShape().back());
  Moments result;
  result.channels = {
      {depth * x.mean * y.mean,
       depth * (x.variance * y.variance + x.variance * y.mean * y.mean +
                y.variance * x.mean * x.mean)}};
  result.reachSigmas(options.sigmas);
  return result;
}

//===----------------------------------------------------------------------===//
// Elementwise ops
//===----------------------------------------------------------------------===//

static Range getProductRange(Range a, Range b) {
  double products[] = {a.min * b.min, a.min * b.max, a.max * b.min,
                       a.max * b.max};
  auto [min, max] =
      std::minmax_element(std::begin(products), std::end(products));
  return {*min, *max};
}

/// Combines two operands channel by channel.
static Moments combine(const Moments &a, const Moments &b,
                       llvm::function_ref<Moment(Moment, Moment)> f) {
  Moments result;
  for (size_t c = 0, e = std::max(a.channels.size(), b.channels.size()); c < e;
       ++c)
    result.channels.push_back(f(a[c], b[c]));
  return result;
}

static Moment multiply(Moment x, Moment y) {
  return {x.mean * y.mean, x.variance * y.variance +
                               x.variance * y.mean * y.mean +
                               y.variance * x.mean * x.mean};
}

/// First order in the divisor's deviation; `b` does not reach zero.
Moments Inference::visitDivision(const Moments &a, const Moments &b) const {
  Moments result = combine(a, b, [](Moment x, Moment y) {
    double ratio = x.mean / y.mean, square = y.mean * y.mean;
    return Moment{ratio,
                  x.variance / square + ratio * ratio * y.variance / square};
  });
  result.reachSigmas(options.sigmas);
  Range inverse{1.0 / b.reach.max, 1.0 / b.reach.min};
  Range limit = getProductRange(a.reach, inverse);
  result.limitReach(limit.min, limit.max);
  return result;
}

LogicalResult Inference::visitBinary(Operation *op) {
  RankedTensorType type = typeOf(op->getResult(0));
  Moments a = get(op->getOperand(0), type), b = get(op->getOperand(1), type);
  Moments result;
  if (llvm::isa<nn::DivOp>(op)) {
    if (b.reach.min <= 0.0 && b.reach.max >= 0.0)
      return failure();
    result = visitDivision(a, b);
  } else if (llvm::isa<nn::MulOp>(op)) {
    result = combine(a, b, multiply);
    result.reachSigmas(options.sigmas);
    Range limit = getProductRange(a.reach, b.reach);
    // The product of two Gaussians has heavier tails than a Gaussian; with a
    // constant the interval is the estimate.
    result.reach = limit;
  } else {
    double sign = llvm::isa<nn::SubOp>(op) ? -1.0 : 1.0;
    result = combine(a, b, [&](Moment x, Moment y) {
      return Moment{x.mean + sign * y.mean, x.variance + y.variance};
    });
    result.reachSigmas(options.sigmas);
    Range other = sign > 0 ? b.reach : Range{-b.reach.max, -b.reach.min};
    result.limitReach(a.reach.min + other.min, a.reach.max + other.max);
  }
  moments[op->getResult(0)] = std::move(result);
  return success();
}

Moments Inference::visitUnary(Value input,
                              llvm::function_ref<double(double)> f) const {
  const Moments &in = get(input);
  Moments result;
  for (Moment channel : in.channels)
    result.channels.push_back(transformGaussian(channel, f));
  // None of the activations has more than one extremum; the samples find it to
  // within a thousandth of the interval.
  constexpr int samples = 1000;
  result.reach = {INFINITY, -INFINITY};
  for (int i = 0; i <= samples; ++i) {
    double x =
        in.reach.min + (in.reach.max - in.reach.min) * i / double(samples);
    result.reach = unite(result.reach, {f(x), f(x)});
  }
  return result;
}

Moments Inference::visitBatchNorm(nn::BatchNormOp op) const {
  auto scale = readDequantized(op.getScale());
  auto shift = readDequantized(op.getShift());
  Moments result;
  if (scale && shift)
    for (auto [gamma, beta] : llvm::zip(scale->values(), shift->values()))
      result.channels.push_back({beta, double(gamma) * gamma});
  else
    result.channels = {{0.0, 1.0}};
  result.reachSigmas(options.sigmas);
  return result;
}

/// The divisor with the expected sum of squares over the window.
Moments Inference::visitLrn(nn::LrnOp op) const {
  const Moments &in = get(op.getInput());
  double alpha = op.getAlpha().convertToDouble();
  double beta = op.getBeta().convertToDouble();
  double bias = op.getBias().convertToDouble();
  int64_t size = op.getSize(), channels = in.channels.size();
  int64_t before = (size - 1) / 2;
  Moments result = in;
  double most = 0.0;
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0.0;
    int64_t first = channels == 1 ? c : std::max<int64_t>(0, c - before);
    int64_t last = channels == 1 ? c : std::min(channels - 1, first + size - 1);
    for (int64_t k = first; k <= last; ++k)
      sum += in[k].variance + in[k].mean * in[k].mean;
    if (channels == 1)
      sum *= double(size);
    double factor = std::pow(bias + alpha / double(size) * sum, -beta);
    result.channels[c].mean *= factor;
    result.channels[c].variance *= factor * factor;
    most = std::max(most, std::pow(bias, -beta));
  }
  result.reach = {in.reach.min * most, in.reach.max * most};
  return result;
}

//===----------------------------------------------------------------------===//
// Windows and data movement
//===----------------------------------------------------------------------===//

Moments Inference::visitAverage(Value input, double count,
                                bool keepsChannels) const {
  const Moments &in = get(input);
  Moments result = keepsChannels ? in : in.collapsed();
  for (Moment &channel : result.channels)
    channel.variance /= std::pow(std::max(1.0, count), 0.25);
  Range limit = in.reach;
  result.reachSigmas(options.sigmas);
  result.limitReach(limit.min, limit.max);
  return result;
}

Moments Inference::visitConcat(nn::ConcatOp op) const {
  RankedTensorType type = op.getType();
  bool isChannels = type.getRank() >= 2 && op.getAxis() == 1;
  Moments result;
  result.reach = {INFINITY, -INFINITY};
  SmallVector<Moment> parts;
  for (Value input : op.getInputs()) {
    Moments in = get(input, typeOf(input));
    result.reach = unite(result.reach, in.reach);
    if (isChannels)
      for (int64_t c = 0, e = numChannels(typeOf(input)); c < e; ++c)
        result.channels.push_back(in[c]);
    else
      parts.push_back(mix(in.channels));
  }
  if (!isChannels)
    result.channels = {mix(parts)};
  return result;
}

Moments Inference::visitSlice(nn::SliceOp op) const {
  const Moments &in = get(op.getInput());
  if (in.channels.size() == 1)
    return in;
  Moments result;
  result.reach = in.reach;
  for (int64_t i = 0; i < op.getSizes()[1]; ++i)
    result.channels.push_back(in[op.getStarts()[1] + i * op.getSteps()[1]]);
  return result;
}

/// Channels survive where N stays and C is split off or flattened with what
/// follows it.
Moments Inference::visitReshape(Value input, RankedTensorType type) const {
  const Moments &in = get(input);
  RankedTensorType from = typeOf(input);
  int64_t channels = in.channels.size();
  if (channels == 1)
    return in;
  bool keepsBatch =
      type.getRank() >= 2 && type.getDimSize(0) == from.getDimSize(0);
  int64_t now = numChannels(type);
  if (!keepsBatch || now % channels != 0)
    return in.collapsed();
  Moments result;
  result.reach = in.reach;
  for (int64_t c = 0; c < now; ++c)
    result.channels.push_back(in[c / (now / channels)]);
  return result;
}

LogicalResult Inference::visit(Operation *op) {
  if (op->getNumResults() != 1 || isConstantLike(op->getResult(0)))
    return success();
  if (llvm::isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(op)) {
    if (failed(visitBinary(op)))
      return failure();
  } else {
    Value input = op->getOperand(0);
    // Ops on constants that were too large to fold.
    if (isConstantLike(input) && !moments.contains(input))
      moments[input] = get(input, typeOf(input));
    RankedTensorType type = typeOf(op->getResult(0));
    Moments result =
        llvm::TypeSwitch<Operation *, Moments>(op)
            .Case<nn::ConvOp>(
                [&](auto) { return visitLinear(*LinearOp::get(op)); })
            .Case<nn::GemmOp>([&](nn::GemmOp gemm) {
              if (auto linear = LinearOp::get(op))
                return visitLinear(*linear);
              return visitProduct(gemm.getA(), gemm.getB(), type);
            })
            .Case<nn::MatMulOp>([&](nn::MatMulOp matmul) {
              return visitProduct(matmul.getA(), matmul.getB(), type);
            })
            .Case<nn::ReluOp>([&](auto) {
              Moments clamped = get(input);
              clamped.clamp(0.0, INFINITY);
              return clamped;
            })
            .Case<nn::ClipOp>([&](nn::ClipOp clip) {
              Moments clamped = get(input);
              clamped.clamp(bound(clip.getMinimum(), -INFINITY),
                            bound(clip.getMaximum(), INFINITY));
              return clamped;
            })
            .Case<nn::LeakyReluOp>([&](nn::LeakyReluOp leaky) {
              double alpha = leaky.getAlpha().convertToDouble();
              return visitUnary(
                  input, [=](double x) { return x < 0 ? alpha * x : x; });
            })
            .Case<nn::SigmoidOp>([&](auto) {
              return visitUnary(
                  input, [](double x) { return 1.0 / (1.0 + std::exp(-x)); });
            })
            .Case<nn::HardSigmoidOp>([&](nn::HardSigmoidOp hard) {
              double alpha = hard.getAlpha().convertToDouble();
              double beta = hard.getBeta().convertToDouble();
              return visitUnary(input, [=](double x) {
                return std::max(0.0, std::min(1.0, alpha * x + beta));
              });
            })
            .Case<nn::HardSwishOp>([&](auto) {
              return visitUnary(input, [](double x) {
                return x * std::max(0.0, std::min(1.0, x / 6.0 + 0.5));
              });
            })
            .Case<nn::SoftmaxOp>([&](nn::SoftmaxOp softmax) {
              double mean = 1.0 / double(type.getDimSize(softmax.getAxis()));
              Moments result;
              result.channels = {{mean, mean * (1.0 - mean)}};
              result.reach = {0.0, 1.0};
              return result;
            })
            .Case<nn::BatchNormOp>(
                [&](nn::BatchNormOp norm) { return visitBatchNorm(norm); })
            .Case<nn::LrnOp>([&](nn::LrnOp lrn) { return visitLrn(lrn); })
            .Case<nn::AveragePoolOp>([&](nn::AveragePoolOp pool) {
              double count = 1.0;
              for (int64_t size : pool.getKernel())
                count *= double(size);
              return visitAverage(input, count, /*keepsChannels=*/true);
            })
            .Case<nn::ReduceMeanOp>([&](nn::ReduceMeanOp mean) {
              double count = 1.0;
              for (int64_t axis : mean.getAxes())
                count *= double(typeOf(input).getDimSize(axis));
              bool keepsChannels =
                  llvm::all_of(mean.getAxes(), [](int64_t a) { return a > 1; });
              return visitAverage(input, count, keepsChannels);
            })
            .Case<nn::ConcatOp>(
                [&](nn::ConcatOp concat) { return visitConcat(concat); })
            .Case<nn::SliceOp>(
                [&](nn::SliceOp slice) { return visitSlice(slice); })
            .Case<nn::ReshapeOp>(
                [&](auto) { return visitReshape(input, type); })
            .Case<nn::TransposeOp>([&](nn::TransposeOp transpose) {
              bool keeps =
                  transpose.getPerm().size() > 1 && transpose.getPerm()[1] == 1;
              return keeps ? get(input) : get(input).collapsed();
            })
            .Case<nn::PadOp>([&](nn::PadOp pad) {
              Moments padded =
                  type.getRank() > 1 &&
                          type.getDimSize(1) == typeOf(input).getDimSize(1)
                      ? get(input)
                      : get(input).collapsed();
              double value = pad.getValue().convertToDouble();
              if (pad.getMode() == "constant")
                padded.reach = unite(padded.reach, {value, value});
              return padded;
            })
            .Default([&](auto) { return get(input); });
    moments[op->getResult(0)] = std::move(result);
  }
  // The clamp comes last, whatever the op.
  auto minimum = op->getAttrOfType<FloatAttr>("clamp_min");
  auto maximum = op->getAttrOfType<FloatAttr>("clamp_max");
  if (minimum || maximum)
    moments[op->getResult(0)].clamp(
        minimum ? minimum.getValueAsDouble() : -INFINITY,
        maximum ? maximum.getValueAsDouble() : INFINITY);
  return success();
}

llvm::Expected<RangeTable>
accopt::inferRanges(func::FuncOp func, const InferRangesOptions &options) {
  llvm::MapVector<Value, std::string> names = nameValues(func);
  Inference inference(options);
  for (Value argument : func.getArguments())
    inference.addArgument(argument, names[argument]);
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (succeeded(inference.visit(&op)))
      continue;
    return llvm::createStringError(
        "node '" + getNodeName(op.getLoc()) + "' (" +
        op.getName().getStringRef() +
        "): expected a divisor that is never zero to infer a range, got one "
        "that may be; give calibration data");
  }
  RangeTable table;
  for (auto &[value, name] : names)
    table.set(name, inference.getRange(value));
  return table;
}
