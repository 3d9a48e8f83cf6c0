//===- LayerRunner.h - The integers of accel layers -------------*- C++ -*-===//
//
// Part of AccOpt. Runs a function of accel layer ops through TOSA and the JIT:
// the same integers as the binary's, with all tensors that have a description.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_LAYERRUNNER_H
#define ACCOPT_LIB_DRIVER_LAYERRUNNER_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Execution/Executor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Value.h"

namespace accopt {

/// What the machine has, as real numbers in the model's order; `tensor` is of
/// f32 or quantized.
std::vector<float> toModelValues(const Tensor &tensor, const TensorInfo &info);

class LayerRunner {
public:
  /// Compiles `@main` of `layers`, which stays as it is and must outlive this.
  /// Of the results in `unwrapped`, each the result of an op of the host
  /// or that in another shape, runScores() gives what the op reads.
  static llvm::Expected<LayerRunner>
  create(mlir::ModuleOp layers, llvm::ArrayRef<unsigned> unwrapped = {});

  /// What `@main` returns, then the value of every op with a description
  /// (`accel.tensor`) in program order; these and `inputs` as they are stored.
  llvm::Expected<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) const {
    return executor->run(inputs);
  }
  /// The model's inputs as they are stored.
  std::vector<Tensor> quantizeInputs(llvm::ArrayRef<Tensor> inputs) const;

  /// Of the model's inputs the real numbers that stand for f32 results, in the
  /// model's order.
  llvm::Expected<std::vector<std::vector<float>>>
  runScores(llvm::ArrayRef<Tensor> inputs) const;

  size_t outputs() const { return outputInfos.size(); }
  /// The values with a description, in `layers`.
  llvm::ArrayRef<mlir::Value> described() const { return values; }

private:
  std::unique_ptr<Executor> executor;
  /// A tensor among those that the executor returns.
  struct Score {
    size_t result;
    TensorInfo info;
  };
  std::vector<TensorInfo> inputInfos, outputInfos;
  std::vector<Score> scores;
  std::vector<mlir::Value> values;
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_LAYERRUNNER_H
