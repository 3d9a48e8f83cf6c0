//===- RangeInferenceSequence.cpp - Resampling and recurrence -------------===//
//
// Weights of interpolation sum to one, so that means stay and variances are at
// most those of the input; only a cubic kernel reaches beyond it.
//
// The state of a recurrent layer is bounded by its activations. Of an lstm it
// is o h(c) with |o| <= 1; of a gru it lies between an earlier state and g; of
// an rnn it is f itself. A cell adds at most one in each step.
//
//===----------------------------------------------------------------------===//

#include "RangeInference.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

Moments RangeInference::visitResample(nn::ResampleOp op) const {
  const Moments &in = get(op.getInput());
  Moments result = op.getAxis() > 1 ? in : in.collapsed();
  if (op.isCopy())
    return result;
  double lowest = INFINITY, highest = -INFINITY;
  auto taps = static_cast<size_t>(op.getTaps());
  for (size_t first = 0; first < op.getWeights().size(); first += taps) {
    double low = 0, high = 0;
    for (float weight : op.getWeights().slice(first, taps)) {
      low += weight * (weight < 0 ? in.reach.max : in.reach.min);
      high += weight * (weight < 0 ? in.reach.min : in.reach.max);
    }
    lowest = std::min(lowest, low);
    highest = std::max(highest, high);
  }
  result.reach = {lowest, highest};
  return result;
}

/// The largest magnitude of an activation of a recurrent layer.
static double getBound(StringRef name, double alpha, double clip) {
  if (name == "Sigmoid" || name == "Tanh" || name == "Softsign" ||
      name == "HardSigmoid")
    return 1.0;
  if (name == "ScaledTanh")
    return std::fabs(alpha);
  // The others grow with their argument, which only a clip bounds; they are at
  // most a line through it.
  return name == "Affine" ? INFINITY : std::max(1.0, std::fabs(alpha)) * clip;
}

Moments RangeInference::visitRecurrent(nn::RecurrentOp op) const {
  double clip = op.getClip() ? op.getClip()->convertToDouble() : INFINITY;
  auto boundOf = [&](unsigned i) {
    return getBound(llvm::cast<StringAttr>(op.getActivations()[i]).getValue(),
                    op.getAlphas()[i], clip);
  };
  double bound = boundOf(0);
  if (op.getKind() == "gru")
    bound = boundOf(1);
  double steps = double(typeOf(op.getInput()).getDimSize(0));
  if (op.getKind() == "lstm")
    bound = op.getOutput() == "cell" ? boundOf(0) * boundOf(1) * steps
                                     : boundOf(0) * boundOf(2);
  Moments result;
  result.channels = {{0.0, bound * bound / 12.0}};
  result.reach = {-bound, bound};
  // What the layer starts with may be outside, and stay.
  for (Value start : {op.getInitialState(), op.getInitialCell()})
    if (start && op.getOutput() != "step")
      result.reach = unite(result.reach, get(start, typeOf(start)).reach);
  return result;
}
