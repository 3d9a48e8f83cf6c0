//===- FakeQuantize.cpp - Quantizers in a float graph ---------------------===//
//
// Part of AccOpt. Also Network's functions about plans.
//
//===----------------------------------------------------------------------===//

#include "FakeQuantize.h"
#include "IntegerMode.h"

#include <cmath>

namespace accopt::training {

/// The paper's factor 1 / sqrt(N Qp), for `count` values that share a step.
static double gradientScale(int64_t count, int64_t most) {
  return 1 / std::sqrt(double(std::max<int64_t>(1, count)) *
                       double(std::max<int64_t>(1, most)));
}

at::Tensor FakeQuantizeHooks::quantize(at::Tensor x, int64_t index) const {
  const ActivationQuantizer &quantizer = quantizers->activation(index);
  IntegerRange integers = activationIntegers(quantizer.bits);
  // N counts the features of one sample.
  int64_t features = x.dim() > 0 && x.size(0) > 0 ? x.numel() / x.size(0) : 1;
  // Qp counts the levels above zero: all of them behind a relu.
  StepBounds bounds = {integers.min - quantizer.zeroPoint,
                       integers.max - quantizer.zeroPoint};
  return quantizeLearned(x, steps[index], bounds,
                         gradientScale(features, bounds.high));
}

at::Tensor FakeQuantizeHooks::quantizeWeights(const Node &node,
                                              const at::Tensor &weights) const {
  int64_t index = quantizers->weightsOf(node);
  IntegerRange integers = weightIntegers(quantizers->weights(index).bits);
  int64_t perRow = weights.size(0) > 0 ? weights.numel() / weights.size(0) : 1;
  return quantizeLearned(weights, weightStep(index),
                         {integers.min, integers.max},
                         gradientScale(perRow, integers.max));
}

at::Tensor FakeQuantizeHooks::quantizeBias(const Node &node,
                                           const at::Tensor &bias) const {
  int64_t input = quantizers->classOf(node.operands[0].value);
  at::Tensor scale =
      input >= 0 ? steps[input].detach()
                 : at::full({1},
                            typeOfConstant(
                                findParameter(executor, node.operands[0].value))
                                .scale,
                            bias.options().requires_grad(false));
  return roundToGrid(bias,
                     scale * weightStep(quantizers->weightsOf(node)).detach());
}

at::Tensor FakeQuantizeHooks::parameter(const Node &node, size_t index,
                                        at::Tensor value) {
  if (quantizers->weightsOf(node) >= 0) {
    if (node.operands[index].role == Role::Weights)
      return quantizeWeights(node, value);
    if (node.operands[index].role == Role::Bias)
      return quantizeBias(node, value);
  }
  if (int64_t owner = quantizers->classOfParameter(node); owner >= 0)
    return quantize(std::move(value), owner);
  ActivationType type = typeOfConstant(value);
  return quantizeLearned(
      value, at::full({1}, type.scale, value.options().requires_grad(false)),
      type.bounds(), /*gradientScale=*/1);
}

at::Tensor FakeQuantizeHooks::activation(const Node *node, int64_t value,
                                         at::Tensor x) {
  if (!node && value == executor.graph().arguments.front())
    steps = quantizers->computeSteps();
  int64_t index = quantizers->classOf(value);
  if (index < 0)
    return x;
  // What is moved has been rounded where it was made, unless it comes from
  // another class or is the value of a padding.
  if (node && movesData(*node)) {
    bool isRounded = node->op != "pad";
    for (const Operand &operand : node->operands)
      isRounded &= operand.value < 0 ||
                   quantizers->classOf(operand.value) == index ||
                   quantizers->classOf(operand.value) < 0;
    if (isRounded)
      return x;
  }
  return quantize(std::move(x), index);
}

} // namespace accopt::training

using namespace accopt;
using namespace accopt::training;

llvm::Error Network::setPlan(const QuantizationPlan &plan) {
  return guarded([&]() -> llvm::Error {
    llvm::Expected<std::unique_ptr<Quantizers>> made =
        Quantizers::create(impl->executor, plan);
    if (!made)
      return made.takeError();
    std::shared_ptr<Quantizers> quantizers = std::move(*made);
    impl->plan = plan;
    impl->extras = quantizers->tensors();
    impl->quantizer =
        std::make_unique<FakeQuantizeHooks>(quantizers, impl->executor);
    impl->runInteger = [quantizers, &executor = impl->executor](
                           const std::vector<int64_t> &wanted,
                           const std::vector<at::Tensor> &arguments) {
      return runIntegers(executor, *quantizers, wanted, arguments);
    };
    return llvm::Error::success();
  });
}

QuantizationPlan Network::plan() const {
  const auto *hooks =
      static_cast<const FakeQuantizeHooks *>(impl->quantizer.get());
  return hooks ? hooks->getQuantizers().plan() : QuantizationPlan();
}
