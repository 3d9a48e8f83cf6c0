//===- Pipelines.h - From imported to quantized nn --------------*- C++ -*-===//

#ifndef ACCOPT_TRANSFORMS_PIPELINES_H
#define ACCOPT_TRANSFORMS_PIPELINES_H

#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>

namespace mlir {
class ModuleOp;
class OpPassManager;
} // namespace mlir

namespace accopt {

struct FloatPipelineOptions {
  /// Fuse skip connections into convolutions.
  bool fuseResidual = true;
  /// Elements that a folded constant larger than its operands may have.
  int64_t maxGrowth = 4096;
  /// Make chains of functions of one value. Not where the network is trained
  /// and written as ONNX, which quantizes each op's result.
  bool fuseFunctions = true;
};

/// What the importer makes -> the same function with normalizations folded and
/// biases, activations and skip connections fused. Registered as `nn-optimize`.
/// Do not run MLIR's canonicalizer before quantize() on a QDQ model: it folds
/// `quant.dcast` of `quant.qcast` away.
void buildFloatPipeline(mlir::OpPassManager &manager,
                        const FloatPipelineOptions &options = {});

/// Makes every chain of functions the ops that nn-fuse-functions found, for
/// formats that have no chains. The chains are of f32, not quantized yet.
void expandChains(mlir::func::FuncOp function);

/// Bits: of all, and of what has a name (nameValues(), or one of the nodes that
/// were fused into it).
struct NamedBits {
  unsigned all = 8;
  std::map<std::string, unsigned> byName;
};

/// Of activations, 8 to 16; a name stands for all that shares a type with it.
using ActivationBits = NamedBits;
/// Of the weights of the layer that has a result of the name
/// (WeightCorrections.h): 8, or 10 to 16.
using WeightBits = NamedBits;

/// Reads "16", "NAME=16" or several of these with commas between them.
llvm::Expected<ActivationBits> parseActivationBits(llvm::StringRef text);
llvm::Expected<WeightBits> parseWeightBits(llvm::StringRef text);

/// Rewrites every function of `module` to quantized types, as nn-quantize does,
/// and verifies the result. Values get at most the bits asked for: fewer where
/// a sum of products would leave int32, and 8 where the model's own casts say
/// so. Errors name the node.
mlir::LogicalResult quantize(mlir::ModuleOp module, const RangeTable &ranges,
                             const ActivationBits &bits = {});

/// Checks what nn-verify-quantized checks.
mlir::LogicalResult verifyQuantized(mlir::ModuleOp module);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_PIPELINES_H
