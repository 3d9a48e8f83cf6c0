//===- RangeInferenceMovement.cpp - Moments of windows and moves
//----------------===//

#include "RangeInference.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

Moments RangeInference::visitAverage(Value input, double count,
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

Moments RangeInference::visitAveragePool(nn::AveragePoolOp op) const {
  double count = 1.0;
  for (int64_t size : op.getKernel())
    count *= double(size);
  return visitAverage(op.getInput(), count, /*keepsChannels=*/true);
}

Moments RangeInference::visitReduceMean(nn::ReduceMeanOp op) const {
  double count = 1.0;
  for (int64_t axis : op.getAxes())
    count *= double(typeOf(op.getInput()).getDimSize(axis));
  bool keepsChannels =
      llvm::all_of(op.getAxes(), [](int64_t axis) { return axis > 1; });
  return visitAverage(op.getInput(), count, keepsChannels);
}

Moments RangeInference::visitConcat(nn::ConcatOp op) const {
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

Moments RangeInference::visitSlice(nn::SliceOp op) const {
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
Moments RangeInference::visitReshape(nn::ReshapeOp op) const {
  Value input = op.getInput();
  RankedTensorType type = op.getType();
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

Moments RangeInference::visitTranspose(nn::TransposeOp op) const {
  bool keepsChannels = op.getPerm().size() > 1 && op.getPerm()[1] == 1;
  const Moments &in = get(op.getInput());
  return keepsChannels ? in : in.collapsed();
}

Moments RangeInference::visitPad(nn::PadOp op) const {
  const Moments &in = get(op.getInput());
  bool keepsChannels =
      numChannels(op.getType()) == numChannels(typeOf(op.getInput()));
  Moments result = keepsChannels ? in : in.collapsed();
  double value = op.getValue().convertToDouble();
  if (op.getMode() == "constant")
    result.reach = unite(result.reach, {value, value});
  return result;
}
