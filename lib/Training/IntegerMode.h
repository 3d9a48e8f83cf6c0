//===- IntegerMode.h - The integers that the binary computes ----*- C++ -*-===//
//
// Part of AccOpt. Mode::Integer: a second registry of op semantics, on tensors
// of integers. They are what lib/Conversion/NNToAccel makes of a quantized
// function, without its layouts and on any device.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_INTEGERMODE_H
#define ACCOPT_LIB_TRAINING_INTEGERMODE_H

#include "Quantizers.h"

namespace accopt::training {

/// Integers, kept as floats, and what they stand for.
struct IntegerTensor {
  at::Tensor values;
  ActivationType type;
};

/// Weights of a conv or gemm: integers and their scales, and the integer bias
/// at scale input x weights (int64; undefined if the layer has none).
struct IntegerLayer {
  at::Tensor weights, bias;
  std::vector<double> scales;
};

struct IntegerCall {
  const Node &node;
  const std::vector<IntegerTensor> &operands; ///< undefined where absent
  const IntegerLayer *layer;                  ///< of a conv or gemm
  ActivationType type;                        ///< of the result
  const std::vector<int64_t> &shape;          ///< of the result
  const RunContext &context;
};
using IntegerSemantics = at::Tensor (*)(const IntegerCall &call);

/// Null where the compiler leaves the op to the host.
IntegerSemantics findIntegerSemantics(llvm::StringRef op);

/// clamp(round_half_even(x / scale) + zero point) of real numbers.
at::Tensor toIntegers(const at::Tensor &x, const ActivationType &type);
/// scale (q - zero point) as f32.
at::Tensor toReals(const IntegerTensor &x);
/// The same reals, as well as they can be, in another type.
at::Tensor requantize(const IntegerTensor &x, const ActivationType &type);
/// What the host computes: in float, from reals and back.
at::Tensor computeOnHost(const IntegerCall &call);

/// Values `wanted` of the graph as real numbers. Throws ExecutionError.
std::vector<at::Tensor> runIntegers(const GraphExecutor &executor,
                                    const Quantizers &quantizers,
                                    const std::vector<int64_t> &wanted,
                                    const std::vector<at::Tensor> &arguments);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_INTEGERMODE_H
