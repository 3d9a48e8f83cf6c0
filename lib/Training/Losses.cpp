//===- Losses.cpp - What training makes small -----------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Losses.h"

namespace accopt::training {

at::Tensor crossEntropy(const at::Tensor &logits, const at::Tensor &labels,
                        double smoothing) {
  at::Tensor logs = at::log_softmax(logits, 1);
  at::Tensor loss = -logs.gather(1, labels.unsqueeze(1)).mean();
  if (smoothing != 0)
    loss = loss * (1 - smoothing) - logs.mean() * smoothing;
  return loss;
}

at::Tensor distillationLoss(const at::Tensor &student,
                            const at::Tensor &teacher, double temperature) {
  at::Tensor is = at::log_softmax(student / temperature, 1);
  at::Tensor wanted = at::log_softmax(teacher / temperature, 1);
  return (wanted.exp() * (wanted - is)).sum(1).mean() *
         (temperature * temperature);
}

at::Tensor squaredDistance(const at::Tensor &a, const at::Tensor &b) {
  return (a - b).square().mean();
}

} // namespace accopt::training
