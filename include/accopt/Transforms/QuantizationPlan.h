//===- QuantizationPlan.h - Every quantizer of a network --------*- C++ -*-===//
//
// Part of AccOpt. What quantization-aware training learns and mixed precision
// decides: bits, scale and zero point of each class of activations that share a
// type, and bits and scales of each layer's weights. A plan is made from a
// float function after the float pipeline, can be changed, and is written into
// that function as casts (the QDQ form), from which quantize() and the ONNX
// exporter make the same integers.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_QUANTIZATIONPLAN_H
#define ACCOPT_TRANSFORMS_QUANTIZATIONPLAN_H

#include "accopt/Transforms/QuantParams.h"
#include "accopt/Transforms/Ranges.h"

#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt {

/// Precision of an array layer (conv, gemm): of its weights, and of the
/// activation that it reads.
struct LayerBits {
  unsigned weights = 8, activations = 8;
  bool operator==(const LayerBits &) const = default;
};
/// By the name that nameValues() gives the layer's result; others have 8 bits.
using BitAssignment = std::map<std::string, LayerBits>;

/// A class of activations with one type.
struct ActivationQuantizer {
  /// Names (nameValues()) of its values, in program order.
  std::vector<std::string> values;
  unsigned bits = 8;
  double scale = 1; ///< exact in f32
  int64_t zeroPoint = 0;
  /// The type is given by the op's definition or by the model's own casts:
  /// nothing to learn.
  bool isFixed = false;
  /// Whether fewer than 8 bits are possible: every value of the class that is
  /// computed comes from an op that can clamp, and none is an argument or a
  /// result of the function.
  bool canNarrow = false;
};

/// The weights of a conv or gemm.
struct WeightQuantizer {
  std::string layer; ///< name of the op's result
  unsigned bits = 8;
  std::vector<double> scales; ///< one per output channel, exact in f32
};

struct QuantizationPlan {
  std::vector<ActivationQuantizer> activations;
  std::vector<WeightQuantizer> weights;

  /// Of the class that the value `name` is in; null if there is none.
  const ActivationQuantizer *findActivation(llvm::StringRef name) const;
  const WeightQuantizer *findWeights(llvm::StringRef layer) const;
};

/// The plan with which quantize() would round `function` (float, after the
/// float pipeline) with these ranges, at the bits asked for. A class that
/// several layers read gets the most bits that one of them asks for, and 8
/// where it cannot be narrowed. Weight scales of fewer than 8 bits start from
/// the least squared error, not from the largest magnitude. Fails with the
/// node's name as quantize() does.
llvm::Expected<QuantizationPlan>
planQuantization(mlir::func::FuncOp function, const RangeTable &ranges,
                 const BitAssignment &bits = {});

/// Writes the plan into `function` as quant.qcast and quant.dcast pairs, a
/// clamp before them where fewer than 8 bits ask for one, and constants of
/// integers for weights and biases. Scales that the integer contract cannot
/// take (QuantParams.h, chooseWeightScale) are raised first. quantize() then
/// needs no ranges. Fails, naming the node, where plan and function do not fit;
/// the function is not to be used then.
llvm::Error applyPlan(mlir::func::FuncOp function, QuantizationPlan plan);

/// The plan as JSON text and back.
std::string serializePlan(const QuantizationPlan &plan);
llvm::Expected<QuantizationPlan> parsePlan(llvm::StringRef text);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_QUANTIZATIONPLAN_H
