//===- Quantizers.h - A quantization plan that learns -----------*- C++ -*-===//
//
// Part of AccOpt. The quantizers of a plan, found by value and node of a graph,
// with steps that are parameters: step = base * exp(delta), where `base` is the
// plan's scale and training changes `delta`. Steps so stay positive and move by
// shares of themselves, whatever their size.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_QUANTIZERS_H
#define ACCOPT_LIB_TRAINING_QUANTIZERS_H

#include "LearnedStep.h"
#include "NetworkImpl.h"

namespace accopt::training {

/// How integers stand for an activation's reals.
struct ActivationType {
  double scale = 1; ///< exact in f32
  int64_t zeroPoint = 0;
  IntegerRange integers;
  /// Not quantized: only the host touches it, in float.
  bool isReal = false;
  StepBounds bounds() const {
    return {integers.min - zeroPoint, integers.max - zeroPoint};
  }
  bool operator==(const ActivationType &) const = default;
};

class Quantizers {
public:
  /// Fails, naming the activation or layer, if the plan does not cover the
  /// graph.
  static llvm::Expected<std::unique_ptr<Quantizers>>
  create(const GraphExecutor &executor, const QuantizationPlan &plan);

  /// The plan with the steps as they are. Weight scales are those that
  /// applyPlan() gives: raised where the integer contract asks for it.
  QuantizationPlan plan() const;

  /// Class of activations that `value` is in; -1 for parameters that are none.
  int64_t classOf(int64_t value) const { return classes[value]; }
  /// The class that a parameter takes as operand of `node`: the result's, if
  /// the node only moves data, else -1 (its own range decides).
  int64_t classOfParameter(const Node &node) const;
  size_t classCount() const { return original.activations.size(); }
  const ActivationQuantizer &activation(int64_t index) const {
    return original.activations[index];
  }
  /// The weights' quantizer of a conv or gemm; -1 for other nodes.
  int64_t weightsOf(const Node &node) const;
  const WeightQuantizer &weights(int64_t index) const {
    return original.weights[index];
  }

  /// All steps as they are now, in one tensor per quantizer: activations (of
  /// one element), then weights (of one per output). Gradients reach `delta`,
  /// but for fixed classes.
  std::vector<at::Tensor> computeSteps() const;

  /// What is learned and what it starts from, for saving.
  std::vector<NamedTensor> tensors() const;

private:
  Quantizers(const GraphExecutor &executor, const QuantizationPlan &plan)
      : executor(executor), original(plan) {}
  llvm::Error indexGraph();
  void makeTensors();
  std::vector<double> effectiveScales(const Node &node,
                                      const QuantizationPlan &plan,
                                      const WeightQuantizer &weights) const;

  const GraphExecutor &executor;
  QuantizationPlan original;
  std::vector<int64_t> classes; ///< of each value
  std::map<int64_t, int64_t> weightsOfResult;
  std::vector<int64_t> sizes; ///< of each quantizer's part of base and delta
  at::Tensor base, delta, isLearned;
};

/// Ops whose result holds elements of their operands only: no new rounding.
bool movesData(const Node &node);
/// The parameter that `value` is, or an undefined tensor.
at::Tensor findParameter(const GraphExecutor &executor, int64_t value);
/// Index of the operand with this role; -1 if there is none.
int64_t findOperand(const Node &node, Role role);
/// The type of a constant operand that is in no class: that of its range, as
/// quantize() chooses it.
ActivationType typeOfConstant(const at::Tensor &constant);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_QUANTIZERS_H
