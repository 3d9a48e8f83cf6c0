//===- RangeInferenceElementwise.cpp - Moments of elementwise ops
//---------------===//

#include "ConstantData.h"
#include "RangeInference.h"

#include "dialects/NN/NNMath.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

static double toDouble(std::optional<llvm::APFloat> value, double absent) {
  return value ? value->convertToDouble() : absent;
}

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

/// Moments of f of every channel, and the interval that f reaches.
static Moments transform(const Moments &in,
                         llvm::function_ref<double(double)> f) {
  Moments result;
  for (Moment channel : in.channels)
    result.channels.push_back(transformGaussian(channel, f));
  // None of the functions has more than one extremum; the samples find it to
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

/// First order in the divisor's deviation; `b` does not reach zero.
Moments RangeInference::visitDivision(const Moments &a,
                                      const Moments &b) const {
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

LogicalResult RangeInference::visitBinary(Operation *op) {
  RankedTensorType type = typeOf(op->getResult(0));
  Moments a = get(op->getOperand(0), type), b = get(op->getOperand(1), type);
  Moments result;
  if (llvm::isa<nn::DivOp>(op)) {
    if (b.reach.min <= 0.0 && b.reach.max >= 0.0) {
      moments[op->getResult(0)] = unknown();
      return failure();
    }
    result = visitDivision(a, b);
  } else if (llvm::isa<nn::MulOp>(op) &&
             op->getOperand(0) == op->getOperand(1)) {
    result = transform(a, [](double x) { return x * x; });
  } else if (llvm::isa<nn::MulOp>(op)) {
    result = combine(a, b, multiply);
    // A product of Gaussians has heavier tails than a Gaussian: the interval is
    // the better estimate.
    result.reach = getProductRange(a.reach, b.reach);
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

Moments RangeInference::visitActivation(Operation *op) const {
  Value input = op->getOperand(0);
  return llvm::TypeSwitch<Operation *, Moments>(op)
      .Case([&](nn::ReluOp) {
        Moments clamped = get(input);
        clamped.clamp(0.0, INFINITY);
        return clamped;
      })
      .Case([&](nn::ClipOp clip) {
        Moments clamped = get(input);
        clamped.clamp(toDouble(clip.getMinimum(), -INFINITY),
                      toDouble(clip.getMaximum(), INFINITY));
        return clamped;
      })
      .Case<nn::LeakyReluOp, nn::SigmoidOp, nn::HardSigmoidOp, nn::HardSwishOp,
            nn::SiluOp, nn::UnaryMathOp, nn::ChainOp>([&](Operation *) {
        Moments in = get(input);
        if (!std::isfinite(in.reach.min) || !std::isfinite(in.reach.max))
          return unknown();
        // Outside its domain a function has no part in the range.
        auto function = nn::functionOf(op);
        return transform(in, [&](double x) {
          double y = function(x);
          return std::isnan(y) ? 0.0 : y;
        });
      })
      // max_pool selects and casts keep.
      .Default([&](Operation *) { return get(input); });
}

Moments RangeInference::unknown() {
  Moments result;
  result.channels = {{0.0, 1.0}};
  result.reach = {-INFINITY, INFINITY};
  return result;
}

/// What integers of up to 16 bits can be, each as likely as any other.
static Moments uniformIntegers(IntegerType type) {
  double count = std::ldexp(1.0, int(type.getWidth()));
  double low = type.isUnsigned() || type.isInteger(1) ? 0.0 : -count / 2;
  Moments result;
  result.channels = {{low + (count - 1) / 2, (count * count - 1) / 12}};
  result.reach = {low, low + count - 1};
  return result;
}

Moments RangeInference::visitHostOp(Operation *op) const {
  if (auto cast = llvm::dyn_cast<nn::CastOp>(op))
    if (auto from = llvm::dyn_cast<IntegerType>(
            typeOf(cast.getInput()).getElementType());
        from && from.getWidth() <= 16 &&
        typeOf(op->getResult(0)).getElementType().isF32())
      return uniformIntegers(from);
  // Samples lie between elements, or are zero beyond the image.
  if (auto align = llvm::dyn_cast<nn::RoiAlignOp>(op)) {
    Moments result = get(align.getInput()).collapsed();
    result.reach = unite(result.reach, {0.0, 0.0});
    return result;
  }
  auto reduce = llvm::dyn_cast<nn::ReduceOp>(op);
  if (reduce && reduce.getKind() == nn::ReduceKind::Sum) {
    double count = double(typeOf(reduce.getInput()).getNumElements()) /
                   double(reduce.getType().getNumElements());
    Moments sum = get(reduce.getInput()).collapsed();
    for (Moment &channel : sum.channels)
      channel = {channel.mean * count, channel.variance * count};
    Range limit{sum.reach.min * count, sum.reach.max * count};
    sum.reachSigmas(options.sigmas);
    sum.limitReach(limit.min, limit.max);
    return sum;
  }
  auto binary = llvm::dyn_cast<nn::BinaryMathOp>(op);
  bool selects = (reduce && reduce.getKind() != nn::ReduceKind::Prod) ||
                 (binary && (binary.getKind() == nn::BinaryKind::Min ||
                             binary.getKind() == nn::BinaryKind::Max ||
                             binary.getKind() == nn::BinaryKind::PRelu)) ||
                 llvm::isa<nn::SelectOp, nn::GatherOp, nn::GatherNDOp,
                           nn::ExpandOp, nn::TopKOp>(op);
  auto scatter = llvm::dyn_cast<nn::ScatterNDOp>(op);
  selects |= scatter && scatter.getKind() == nn::ScatterKind::Replace;
  if (!selects || !typeOf(op->getResult(0)).getElementType().isF32())
    return unknown();
  std::optional<Moments> result;
  for (Value operand : op->getOperands()) {
    if (!typeOf(operand).getElementType().isF32())
      continue;
    Moments part = get(operand).collapsed();
    if (result) {
      result->reach = unite(result->reach, part.reach);
      result->channels[0] = {
          0.5 * (result->channels[0].mean + part.channels[0].mean),
          std::max(result->channels[0].variance, part.channels[0].variance)};
    } else {
      result = part;
    }
  }
  return result ? *result : unknown();
}

Moments RangeInference::visitSoftmax(nn::SoftmaxOp op) const {
  double mean = 1.0 / double(op.getType().getDimSize(op.getAxis()));
  Moments result;
  result.channels = {{mean, mean * (1.0 - mean)}};
  result.reach = {0.0, 1.0};
  return result;
}

Moments RangeInference::visitBatchNorm(nn::BatchNormOp op) const {
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
Moments RangeInference::visitLrn(nn::LrnOp op) const {
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
