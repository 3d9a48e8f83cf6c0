//===- EqualizeChannels.cpp - Level channels between layers ---------------===//
//
// Part of AccOpt. See ChannelStatistics.h.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/ChannelStatistics.h"

#include "ConstantData.h"
#include "LinearOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace accopt {

void ChannelStatistics::observe(llvm::ArrayRef<float> values,
                                llvm::ArrayRef<int64_t> shape) {
  if (shape.size() < 2 || shape[1] < 1)
    return;
  size_t channels = size_t(shape[1]), inner = 1;
  for (int64_t size : shape.drop_front(2))
    inner *= size_t(size);
  largest.resize(channels);
  sum.resize(channels);
  count += double(values.size()) / double(channels);
  for (size_t begin = 0, channel = 0; begin + inner <= values.size();
       begin += inner, channel = (channel + 1) % channels)
    for (float value : values.slice(begin, inner)) {
      largest[channel] = std::max<double>(largest[channel], std::fabs(value));
      sum[channel] += value;
    }
}

namespace {

/// A limit of the levelled tensor that binds only where a channel reaches it.
constexpr double kMargin = 1.1;
/// Factors beyond are more than eight bits can tell apart.
constexpr double kMostFactor = 256;

class Equalizer {
public:
  Equalizer(func::FuncOp function, const ChannelTable &channels)
      : channels(channels), names(nameValues(function)) {}

  bool level(LinearOp first);

private:
  bool collectReaders(Value value);
  bool addReader(Operation *op, Value value);
  std::vector<double> largestWeights(size_t count) const;
  void scaleInputs(LinearOp reader, llvm::ArrayRef<double> factors) const;

  const ChannelTable &channels;
  llvm::MapVector<Value, std::string> names;
  SmallVector<LinearOp> readers;
};

std::optional<double> boundOf(Operation *op, StringRef name) {
  if (auto attr = op->getAttrOfType<FloatAttr>(name))
    return attr.getValueAsDouble();
  return std::nullopt;
}

/// Channels of the input that `op` (a conv or gemm) reads.
int64_t inputChannels(LinearOp op) {
  return cast<RankedTensorType>(op.getInput().getType()).getDimSize(1);
}

int64_t groupsOf(LinearOp op) {
  auto conv = dyn_cast<nn::ConvOp>(op.getOperation());
  return conv ? conv.getGroups() : 1;
}

/// Whether each output reads one channel: its weights' scale takes any factor.
bool isDepthwise(LinearOp op) {
  return groupsOf(op) > 1 && groupsOf(op) == inputChannels(op);
}

bool Equalizer::addReader(Operation *op, Value value) {
  std::optional<LinearOp> linear = LinearOp::get(op);
  if (!linear || linear->getInput() != value ||
      llvm::count(op->getOperands(), value) != 1 ||
      !isFloatConstant(linear->getWeights()))
    return false;
  readers.push_back(*linear);
  return true;
}

/// The layers that read `value`, all of them, through what commutes with
/// positive factors.
bool Equalizer::collectReaders(Value value) {
  for (Operation *user : value.getUsers()) {
    if (isa<nn::ReluOp, nn::LeakyReluOp, nn::MaxPoolOp, nn::AveragePoolOp>(
            user)) {
      if (user->getNumResults() != 1 || !collectReaders(user->getResult(0)))
        return false;
      continue;
    }
    if (!addReader(user, value))
      return false;
  }
  return !value.use_empty();
}

std::vector<double> Equalizer::largestWeights(size_t count) const {
  std::vector<double> largest(count, 0);
  for (LinearOp reader : readers) {
    if (isDepthwise(reader))
      continue;
    auto type = cast<RankedTensorType>(reader.getWeights().getType());
    int64_t outputs = type.getDimSize(0), perGroup = type.getDimSize(1);
    int64_t taps = type.getNumElements() / (outputs * perGroup);
    int64_t groupOutputs = outputs / groupsOf(reader);
    ConstantFloats weights = *ConstantFloats::get(reader.getWeights());
    std::vector<float> scratch;
    for (int64_t m = 0; m < outputs; ++m) {
      auto row = weights.slice(m * perGroup * taps, perGroup * taps, scratch);
      for (int64_t c = 0; c < perGroup; ++c)
        for (float w : row.slice(c * taps, taps)) {
          double &most = largest[(m / groupOutputs) * perGroup + c];
          most = std::max<double>(most, std::fabs(w));
        }
    }
  }
  return largest;
}

void Equalizer::scaleInputs(LinearOp reader,
                            llvm::ArrayRef<double> factors) const {
  Value old = reader.getWeights();
  auto type = cast<RankedTensorType>(old.getType());
  int64_t outputs = type.getDimSize(0), perGroup = type.getDimSize(1);
  int64_t taps = type.getNumElements() / (outputs * perGroup);
  int64_t groupOutputs = outputs / groupsOf(reader);
  ConstantFloats weights = *ConstantFloats::get(old);
  OpBuilder builder(reader.getOperation());
  reader.setWeights(createConstant<float>(
      builder, old.getLoc(), type, [&](MutableArrayRef<float> out) {
        std::vector<float> scratch;
        float *to = out.data();
        for (int64_t m = 0; m < outputs; ++m) {
          auto row =
              weights.slice(m * perGroup * taps, perGroup * taps, scratch);
          for (int64_t c = 0; c < perGroup; ++c)
            for (float w : row.slice(c * taps, taps))
              *to++ = w * float(factors[(m / groupOutputs) * perGroup + c]);
        }
      }));
}

bool Equalizer::level(LinearOp first) {
  Operation *op = first.getOperation();
  readers.clear();
  auto low = boundOf(op, "clamp_min"), high = boundOf(op, "clamp_max");
  auto found = channels.find(names.lookup(first.getResult()));
  if ((low && *low != 0) || (high && *high <= 0) || first.getResidual() ||
      !isFloatConstant(first.getWeights()) ||
      (first.getBias() && !isFloatConstant(first.getBias())) ||
      found == channels.end() || !collectReaders(first.getResult()))
    return false;
  size_t count = size_t(first.getNumOutputs());
  const ChannelStatistics &statistics = found->second;
  if (statistics.largest.size() != count ||
      llvm::any_of(readers, [&](LinearOp reader) {
        return size_t(inputChannels(reader)) != count;
      }))
    return false;
  std::vector<double> weights = largestWeights(count), factors(count, 1);
  double logs = 0;
  unsigned known = 0;
  for (size_t i = 0; i < count; ++i) {
    double reach = statistics.largest[i];
    if (reach <= 0)
      continue;
    // No reader but depthwise ones: they take any factor.
    factors[i] = weights[i] > 0 ? std::sqrt(reach / weights[i]) : reach;
    logs += std::log(factors[i]);
    ++known;
  }
  if (!known)
    return false;
  double middle = std::exp(logs / known), largest = 0;
  for (size_t i = 0; i < count; ++i) {
    if (statistics.largest[i] <= 0)
      continue;
    factors[i] = std::clamp(factors[i] / middle, 1 / kMostFactor, kMostFactor);
    largest = std::max(largest, factors[i]);
  }
  for (size_t i = 0; i < count && high; ++i) {
    // Under the clamp channels may only grow, and not up to it.
    double least = std::min(1.0, kMargin * statistics.largest[i] / *high);
    factors[i] = statistics.largest[i] <= 0
                     ? 1
                     : std::clamp(factors[i] / largest, least, 1.0);
  }
  std::vector<double> inverse;
  inverse.reserve(count);
  for (double factor : factors)
    inverse.push_back(1 / factor);
  first.applyAffine(inverse, std::vector<double>(count, 0));
  for (LinearOp reader : readers)
    scaleInputs(reader, factors);
  return true;
}

} // namespace

unsigned equalizeChannels(func::FuncOp function, const ChannelTable &channels) {
  Equalizer equalizer(function, channels);
  unsigned levelled = 0;
  function.walk([&](Operation *op) {
    if (std::optional<LinearOp> linear = LinearOp::get(op))
      levelled += equalizer.level(*linear);
  });
  eraseDeadConstants(function);
  return levelled;
}

} // namespace accopt
