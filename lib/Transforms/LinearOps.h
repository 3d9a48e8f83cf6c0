//===- LinearOps.h - What conv and gemm have in common ----------*- C++ -*-===//
//
// Both compute `clamp(W x + bias + residual)` with one row of W, one bias and
// one channel of the result for each output. The folding passes see them
// through this view and edit them in place, so that an op keeps its attributes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_LINEAROPS_H
#define ACCOPT_LIB_TRANSFORMS_LINEAROPS_H

#include "dialects/NN/NNOps.h"

#include <optional>

namespace accopt {

/// Discardable attributes (one f32 per output): mean and standard deviation of
/// `W x + bias` that a folded normalization promises.
inline constexpr llvm::StringLiteral outputMeanAttr = "nn.output_mean";
inline constexpr llvm::StringLiteral outputStdAttr = "nn.output_std";

class LinearOp {
public:
  /// A view of a `conv` with constant weights, or of a `gemm` in the form that
  /// nn-normalize makes: y = a b^T + bias with a bias of shape N. Nothing for
  /// any other op.
  static std::optional<LinearOp> get(mlir::Operation *op);

  mlir::Operation *getOperation() const { return op; }
  mlir::Value getInput() const { return op->getOperand(0); }
  mlir::Value getWeights() const { return op->getOperand(1); }
  mlir::Value getBias() const;
  mlir::Value getResidual() const;
  mlir::Value getResult() const { return op->getResult(0); }
  bool hasClamp() const;

  /// Rows of the weights, which is channels (axis 1) of the result.
  int64_t getNumOutputs() const;

  void setWeights(mlir::Value weights) { op->setOperand(1, weights); }
  /// Null takes the operand away.
  void setBias(mlir::Value bias);
  void setResidual(mlir::Value residual);

  /// Whether `scale[m] y + offset[m]` can go into weights and bias: they are
  /// constants and nothing comes after them.
  bool canScale() const;
  bool canOffset() const;

  /// Makes the op compute `scale[m] y + offset[m]`; an empty `scale` is ones.
  void applyAffine(llvm::ArrayRef<double> scale, llvm::ArrayRef<double> offset);

private:
  explicit LinearOp(mlir::Operation *op) : op(op) {}

  mlir::Operation *op;
};

/// The values of an f32 constant that broadcasts to `type` with at most one
/// value for each index of axis 1, expanded to one per index. Otherwise
/// nothing.
std::optional<llvm::SmallVector<double>>
getPerChannelConstant(mlir::Value value, mlir::RankedTensorType type);

/// Sets the bounds of an op that has `clamp_min` and `clamp_max` to the
/// composition of what it has with a clamp to [`minimum`, `maximum`] after it.
void composeClamp(mlir::Operation *op, std::optional<float> minimum,
                  std::optional<float> maximum);

/// Location of an op that does the work of both.
mlir::Location fuseLocations(mlir::Operation *first, mlir::Operation *second);

/// Replaces `op` by the result of `by`, which takes on `op`'s location too, and
/// erases it. Constants that lose their last use are left to
/// eraseDeadConstants.
void absorb(mlir::Operation *op, mlir::Operation *by);

/// Erases constants and casts of constants without a use.
void eraseDeadConstants(mlir::Operation *root);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_LINEAROPS_H
