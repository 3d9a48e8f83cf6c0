//===- WeightCorrections.h - Weights of more than 8 bits --------*- C++ -*-===//
//
// Part of AccOpt. A layer whose weights need more than 8 bits becomes two: the
// layer itself with 8, and before it a correction that computes with what those
// lose, has few bits of its own, and is added as a residual. So any machine has
// weights of up to 16 bits, at the price of a second layer. Sums of several
// low-bit terms for one tensor of weights are those of Yvinec et al., "REx:
// Data-Free Residual Quantization Error Expansion", NeurIPS 2023.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_WEIGHTCORRECTIONS_H
#define ACCOPT_TRANSFORMS_WEIGHTCORRECTIONS_H

#include "accopt/Transforms/Pipelines.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/MapVector.h"

namespace accopt {

/// Of a layer's bits, those beyond 8 are the bits of its correction. One bit
/// would hold nothing but zero.
inline constexpr unsigned kLeastWeightBits = 10, kMostWeightBits = 16;

/// Attribute (i64) of a correction: the bits of its weights.
inline constexpr llvm::StringLiteral correctionBitsAttr = "nn.correction_bits";

/// Weights and biases of float layers, from before anything rounds them.
class ExactWeights {
public:
  /// Those of the layers that get more than 8 bits. A layer has bits of its own
  /// by the name of its result (nameValues(), or a node that was fused into
  /// it); `bits.all` only counts for layers that can have them: conv and gemm
  /// on the accelerator with constants of f32. Fails where a name has no such
  /// layer.
  static llvm::Expected<ExactWeights> read(mlir::func::FuncOp function,
                                           const WeightBits &bits);

  struct Layer {
    mlir::ElementsAttr weights, bias; ///< no bias: null
    unsigned bits;
  };
  const llvm::MapVector<mlir::Operation *, Layer> &layers() const {
    return found;
  }

private:
  llvm::MapVector<mlir::Operation *, Layer> found;
};

/// Rounds the weights of the layers of `exact` to 8 bits, if nothing has done
/// so yet, and adds a correction to each that loses something by it, biases
/// included. The network computes in float what it did at exact.read().
/// `ranges` are those of its values. Returns the corrections' results, which
/// have the name of the layer's and ".correction", and need ranges.
llvm::Expected<llvm::SmallVector<mlir::Value>>
addCorrections(mlir::func::FuncOp function, const ExactWeights &exact,
               const RangeTable &ranges);

/// Rounds the weights of corrections to their bits, now that `ranges` has their
/// results.
llvm::Error roundCorrections(mlir::func::FuncOp function,
                             const RangeTable &ranges);

/// The name of the layer that `op` corrects; nothing if it is no correction.
std::optional<std::string> correctedLayer(mlir::Operation *op);

/// What a correction with a residual adds up: the residual and the result of
/// the layer that it belongs to. Nothing for any other value.
llvm::SmallVector<mlir::Value> joinedBy(mlir::Value correction);

/// Takes corrections off again but those of the layers that `isKept` names.
void removeCorrections(mlir::func::FuncOp function,
                       llvm::function_ref<bool(llvm::StringRef)> isKept);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_WEIGHTCORRECTIONS_H
