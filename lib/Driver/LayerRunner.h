//===- LayerRunner.h - The integers of accel layers -------------*- C++ -*-===//
//
// Part of AccOpt. Runs a function of accel layer ops through TOSA and the JIT:
// the same integers as the binary's, with all tensors that have a description.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_LAYERRUNNER_H
#define ACCOPT_LIB_DRIVER_LAYERRUNNER_H

#include "accopt/Execution/Executor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Value.h"

namespace accopt {

class LayerRunner {
public:
  /// Compiles `@main` of `layers`, which stays as it is and must outlive this.
  static llvm::Expected<LayerRunner> create(mlir::ModuleOp layers);

  /// What `@main` returns, then the value of every op with a description
  /// (`accel.tensor`) in program order, as they are stored.
  llvm::Expected<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) const {
    return executor->run(inputs);
  }

  size_t outputs() const { return numOutputs; }
  /// The values with a description, in `layers`.
  llvm::ArrayRef<mlir::Value> described() const { return values; }

private:
  std::unique_ptr<Executor> executor;
  size_t numOutputs = 0;
  std::vector<mlir::Value> values;
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_LAYERRUNNER_H
