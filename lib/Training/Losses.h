//===- Losses.h - What training makes small ---------------------*- C++ -*-===//
//
// Part of AccOpt. Losses as means over the samples (and, for regression, the
// elements) of a batch.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_LOSSES_H
#define ACCOPT_LIB_TRAINING_LOSSES_H

#include <ATen/ATen.h>

namespace accopt::training {

/// Mean cross-entropy of logits (n, classes) and labels (n, int64), where the
/// label has probability 1 - smoothing + smoothing / classes and every other
/// class smoothing / classes (Szegedy et al. 2016, section 7).
at::Tensor crossEntropy(const at::Tensor &logits, const at::Tensor &labels,
                        double smoothing);

/// t^2 KL(softmax(teacher / t) || softmax(student / t)), mean over the samples
/// (Hinton et al. 2015, arXiv 1503.02531, section 2).
at::Tensor distillationLoss(const at::Tensor &student,
                            const at::Tensor &teacher, double temperature);

/// Mean of the squared differences.
at::Tensor squaredDistance(const at::Tensor &a, const at::Tensor &b);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_LOSSES_H
