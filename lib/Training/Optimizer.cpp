//===- Optimizer.cpp - SGD and AdamW --------------------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Optimizer.h"

namespace accopt::training {

Optimizer::Optimizer(std::vector<ParameterGroup> given, double momentum)
    : momentum(momentum) {
  for (ParameterGroup &group : given) {
    Group made{std::move(group), {}, {}, {}};
    // Without momentum SGD has no state.
    if (made.given.kind == OptimizerKind::Sgd && momentum == 0) {
      groups.push_back(std::move(made));
      continue;
    }
    for (const at::Tensor &parameter : made.given.parameters) {
      at::Tensor zeros = at::zeros_like(parameter.detach());
      made.first.push_back(zeros);
      if (made.given.kind == OptimizerKind::Sgd)
        continue;
      made.second.push_back(zeros.clone());
      made.steps.push_back(at::zeros({}, zeros.options()));
    }
    groups.push_back(std::move(made));
  }
}

void Optimizer::clearGradients() {
  for (Group &group : groups)
    for (at::Tensor &parameter : group.given.parameters)
      parameter.mutable_grad().reset();
}

void Optimizer::clipGradients(double norm) {
  at::NoGradGuard noGrad;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor &parameter : parameters())
    if (parameter.grad().defined())
      gradients.push_back(parameter.grad());
  if (gradients.empty())
    return;
  at::Tensor total =
      at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  at::Tensor factor = (norm / (total + 1e-6)).clamp_max_(1.0);
  at::_foreach_mul_(gradients, factor);
}

void Optimizer::step(double learningRate) {
  at::NoGradGuard noGrad;
  for (Group &group : groups) {
    std::vector<at::Tensor> values, gradients, first, second, steps;
    bool isAdam = group.given.kind == OptimizerKind::AdamW;
    for (size_t i = 0; i < group.given.parameters.size(); ++i) {
      const at::Tensor &parameter = group.given.parameters[i];
      if (!parameter.grad().defined())
        continue;
      values.push_back(parameter);
      // The fused kernels walk storage: layouts must be alike.
      gradients.push_back(
          parameter.grad().strides() == parameter.strides()
              ? parameter.grad()
              : at::empty_like(parameter).copy_(parameter.grad()));
      if (!group.first.empty())
        first.push_back(group.first[i]);
      if (isAdam) {
        second.push_back(group.second[i]);
        steps.push_back(group.steps[i]);
      }
    }
    if (values.empty())
      continue;
    double rate = learningRate * group.given.rate;
    if (!isAdam) {
      at::_fused_sgd_(values, gradients, first, group.given.weightDecay,
                      momentum, rate, /*dampening=*/0, /*nesterov=*/false,
                      /*maximize=*/false, /*is_first_step=*/false);
      continue;
    }
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(values, gradients, first, second, /*max_exp_avg_sqs=*/{},
                      steps, rate, /*beta1=*/0.9, /*beta2=*/0.999,
                      group.given.weightDecay, /*eps=*/1e-8,
                      /*amsgrad=*/false, /*maximize=*/false);
  }
}

std::vector<at::Tensor> Optimizer::parameters() const {
  std::vector<at::Tensor> all;
  for (const Group &group : groups)
    all.insert(all.end(), group.given.parameters.begin(),
               group.given.parameters.end());
  return all;
}

std::vector<at::Tensor> Optimizer::state() const {
  std::vector<at::Tensor> all;
  for (const Group &group : groups)
    for (const auto *list : {&group.first, &group.second, &group.steps})
      all.insert(all.end(), list->begin(), list->end());
  return all;
}

} // namespace accopt::training
