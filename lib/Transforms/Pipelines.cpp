//===- Pipelines.cpp - Registration and the order of passes ---------------===//

#include "accopt/Transforms/Pipelines.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace accopt {
#define GEN_PASS_REGISTRATION
#include "accopt/Transforms/Passes.h.inc"

namespace {
struct OptimizeOptions : PassPipelineOptions<OptimizeOptions> {
  Option<bool> fuseResidual{*this, "fuse-residual",
                            llvm::cl::desc("Fuse skip connections"),
                            llvm::cl::init(true)};
  Option<int64_t> maxGrowth{
      *this, "max-growth",
      llvm::cl::desc("Elements that a larger folded constant may have"),
      llvm::cl::init(4096)};
  Option<bool> fuseFunctions{*this, "fuse-functions",
                             llvm::cl::desc("Make chains of functions"),
                             llvm::cl::init(true)};
};
} // namespace

void buildFloatPipeline(OpPassManager &manager,
                        const FloatPipelineOptions &options) {
  // Weights behind a transpose or reshape must be constants before anything
  // asks for constant weights.
  manager.addPass(createFoldConstants({options.maxGrowth}));
  // Before any fusion: hard_swish reads a value twice that fusion would claim,
  // and a matmul takes a bias only as a gemm.
  manager.addPass(createNormalize());
  // Before the normalization, which folds only into a convolution next to it.
  manager.addPass(createFuseBias());
  manager.addPass(createFoldBatchNorm());
  // Again: scale layers written after a normalization, or after one that was
  // left over and became a convolution.
  manager.addPass(createFuseBias());
  // Before the residual, whose addition carries the activation over.
  manager.addPass(createFuseActivation());
  if (options.fuseResidual)
    manager.addPass(createFuseResidual());
  // After all that takes up a constant without a tensor of its own.
  if (options.fuseFunctions)
    manager.addPass(createFuseFunctions());
}

void registerTransformsPasses() {
  registerAccOptTransformsPasses();
  PassPipelineRegistration<OptimizeOptions>(
      "nn-optimize", "Fold and fuse a float nn function",
      [](OpPassManager &manager, const OptimizeOptions &options) {
        buildFloatPipeline(manager, {options.fuseResidual, options.maxGrowth,
                                     options.fuseFunctions});
      });
}

} // namespace accopt
