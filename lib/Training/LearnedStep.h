//===- LearnedStep.h - Quantizers with learned steps ------------*- C++ -*-===//
//
// Part of AccOpt. Learned step size quantization (Esser et al., ICLR 2020,
// arXiv 1902.08153): values are rounded to multiples of a step, and the step
// has a gradient.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_LEARNEDSTEP_H
#define ACCOPT_LIB_TRAINING_LEARNEDSTEP_H

#include <ATen/ATen.h>

namespace accopt::training {

/// The integers that a quantizer may give, less the zero point: from `low` to
/// `high`, `low <= 0 <= high`, both within 2^20.
struct StepBounds {
  int64_t low = -128, high = 127;
};

/// s * round(clip(x / s, low, high)), halves to even, of the shape of `x`. The
/// step `s` has one element, or one for each index of dimension 0 of `x`, all
/// positive. Gradients (equations 3 and 5 of the paper, summed over the values
/// that share the step):
///   for x: that of the result where low <= x / s <= high, else 0;
///   for s: gradientScale * sum g (round(v) - (v inside ? x / s : 0)) with
///          v = clip(x / s, low, high).
/// Both are the same for any number of threads. On the CPU each direction is
/// one pass over the values.
at::Tensor quantizeLearned(const at::Tensor &x, const at::Tensor &step,
                           StepBounds bounds, double gradientScale);

/// The same from tensor operations, for devices without a kernel.
at::Tensor quantizeLearnedComposed(const at::Tensor &x, const at::Tensor &step,
                                   StepBounds bounds, double gradientScale);

/// `x` rounded to multiples of `grid` (of x's shape), halves to even; the
/// gradient goes through as if nothing had been rounded, and none to `grid`.
at::Tensor roundToGrid(const at::Tensor &x, const at::Tensor &grid);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_LEARNEDSTEP_H
