//===- RangeInference.h - Propagation of moments ----------------*- C++ -*-===//
//
// The state of one run of inferRanges, which see for the model.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_RANGEINFERENCE_H
#define ACCOPT_LIB_TRANSFORMS_RANGEINFERENCE_H

#include "LinearOps.h"
#include "Moments.h"

#include "dialects/NN/NNOps.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::quant {
class QuantizeCastOp;
} // namespace mlir::quant

namespace accopt {

class RangeInference {
public:
  RangeInference(const InferRangesOptions &options) : options(options) {}

  void addArgument(mlir::Value argument, llvm::StringRef name);
  /// Fails if the op's result has no bound.
  mlir::LogicalResult visit(mlir::Operation *op);
  Range getRange(mlir::Value value) const { return get(value).reach; }

private:
  /// `value` in the channels of a tensor of `type` that it broadcasts to.
  Moments get(mlir::Value value, mlir::RankedTensorType type) const;
  const Moments &get(mlir::Value value) const {
    return moments.find(value)->second;
  }
  static mlir::RankedTensorType typeOf(mlir::Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  /// Axis 1, or one for vectors and scalars.
  static int64_t numChannels(mlir::RankedTensorType type) {
    return type.getRank() >= 2 ? type.getDimSize(1) : 1;
  }

  /// Any op but the binary ones; clamps come later.
  Moments transfer(mlir::Operation *op) const;
  Moments visitCast(mlir::quant::QuantizeCastOp op) const;

  // RangeInferenceLinear.cpp
  Moments visitLinear(LinearOp op) const;
  Moments visitProduct(mlir::Value a, mlir::Value b) const;
  llvm::SmallVector<Moment> sumWeights(LinearOp op) const;
  Range getWideReach(LinearOp op, const Moments &result) const;
  Range getClassifierReach(llvm::ArrayRef<float> weights, const Moments &input,
                           const Moments &result) const;

  // RangeInferenceElementwise.cpp
  mlir::LogicalResult visitBinary(mlir::Operation *op);
  Moments visitDivision(const Moments &a, const Moments &b) const;
  Moments visitActivation(mlir::Operation *op) const;
  Moments visitSoftmax(nn::SoftmaxOp op) const;
  Moments visitBatchNorm(nn::BatchNormOp op) const;
  Moments visitLrn(nn::LrnOp op) const;
  /// Sums of as many; what selects keeps its range; others have no bound.
  Moments visitHostOp(mlir::Operation *op) const;
  static Moments unknown();

  // RangeInferenceMovement.cpp
  Moments visitAverage(mlir::Value input, double count,
                       bool keepsChannels) const;
  Moments visitAveragePool(nn::AveragePoolOp op) const;
  Moments visitReduceMean(nn::ReduceMeanOp op) const;
  Moments visitConcat(nn::ConcatOp op) const;
  Moments visitSlice(nn::SliceOp op) const;
  Moments visitReshape(nn::ReshapeOp op) const;
  Moments visitTranspose(nn::TransposeOp op) const;
  Moments visitPad(nn::PadOp op) const;

  // RangeInferenceSequence.cpp
  Moments visitResample(nn::ResampleOp op) const;
  Moments visitRecurrent(nn::RecurrentOp op) const;

  const InferRangesOptions &options;
  llvm::DenseMap<mlir::Value, Moments> moments;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_RANGEINFERENCE_H
