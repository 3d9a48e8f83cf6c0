//===- Samples.h - Real inputs of a network ---------------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_SAMPLES_H
#define ACCOPT_LIB_DRIVER_SAMPLES_H

#include "accopt/Execution/Executor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// Inputs for an nn function, one inference after another.
class Samples {
public:
  /// Reads `file` (.npz, .npy): for each argument the array of its name, or the
  /// only one of its shape but for the first dimension. That is the model's
  /// batch or a multiple of it, the same multiple for all arguments.
  static llvm::Expected<Samples> read(mlir::func::FuncOp function,
                                      llvm::StringRef file);

  int64_t count() const { return samples; }
  /// One tensor for each argument.
  std::vector<Tensor> get(int64_t sample) const;

private:
  struct Input {
    mlir::RankedTensorType type;
    std::vector<float> values; ///< of all samples
  };
  std::vector<Input> inputs;
  int64_t samples = 0;
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_SAMPLES_H
