//===- FakeQuantize.h - Quantizers in a float graph -------------*- C++ -*-===//
//
// Part of AccOpt. Mode::FakeQuantized: arguments, weights, biases and what ops
// compute are rounded as the integer contract of docs/Design/Quantization.md
// rounds them, in float arithmetic, with gradients (docs/Design/
// QuantizationAwareTraining.md).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_FAKEQUANTIZE_H
#define ACCOPT_LIB_TRAINING_FAKEQUANTIZE_H

#include "Quantizers.h"

namespace accopt::training {

class FakeQuantizeHooks : public Hooks {
public:
  FakeQuantizeHooks(std::shared_ptr<Quantizers> quantizers,
                    const GraphExecutor &executor)
      : quantizers(std::move(quantizers)), executor(executor) {}

  const Quantizers &getQuantizers() const { return *quantizers; }

  at::Tensor parameter(const Node &node, size_t index,
                       at::Tensor value) override;
  at::Tensor activation(const Node *node, int64_t value, at::Tensor x) override;

private:
  at::Tensor quantize(at::Tensor x, int64_t index) const;
  at::Tensor quantizeWeights(const Node &node, const at::Tensor &weights) const;
  at::Tensor quantizeBias(const Node &node, const at::Tensor &bias) const;
  const at::Tensor &weightStep(int64_t index) const {
    return steps[quantizers->classCount() + index];
  }

  std::shared_ptr<Quantizers> quantizers;
  const GraphExecutor &executor;
  /// Of this run: a run begins with the first argument.
  std::vector<at::Tensor> steps;
};

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_FAKEQUANTIZE_H
