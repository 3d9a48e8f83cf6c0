//===- Optimizer.h - SGD and AdamW ------------------------------*- C++ -*-===//
//
// Part of AccOpt. What PyTorch's optimizers of the same names do, with
// LibTorch's fused kernels and a state that can be saved.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_OPTIMIZER_H
#define ACCOPT_LIB_TRAINING_OPTIMIZER_H

#include "accopt/Training/Trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <vector>

namespace accopt::training {

/// Parameters that are treated alike.
struct ParameterGroup {
  std::vector<at::Tensor> parameters; ///< leaves that require gradients
  OptimizerKind kind = OptimizerKind::AdamW;
  double weightDecay = 0;
  double rate = 1; ///< relative to the learning rate
};

class Optimizer {
public:
  /// AdamW has betas 0.9 and 0.999 and epsilon 1e-8 (Loshchilov and Hutter
  /// 2019); SGD has this momentum and adds the decay to the gradient.
  Optimizer(std::vector<ParameterGroup> groups, double momentum);

  void clearGradients();
  /// Scales all gradients so that their common norm is at most `norm`.
  void clipGradients(double norm);
  /// Parameters without a gradient stay as they are.
  void step(double learningRate);

  /// All parameters, group by group.
  std::vector<at::Tensor> parameters() const;
  /// Moments and counters, in a fixed order, to be saved and overwritten.
  std::vector<at::Tensor> state() const;

private:
  struct Group {
    ParameterGroup given;
    std::vector<at::Tensor> first, second, steps;
  };
  std::vector<Group> groups;
  double momentum;
};

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_OPTIMIZER_H
