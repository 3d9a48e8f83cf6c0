//===- CostServiceModel.h - From a function to its cost ---------*- C++ -*-===//
//
// Part of AccOpt. The steps behind CostService: a copy of the function without
// what costs cannot depend on, and its way through the compiler in a context of
// its own, which takes the weights of all stages with it when it goes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_COSTSERVICEMODEL_H
#define ACCOPT_LIB_TUNING_COSTSERVICEMODEL_H

#include "accopt/Schedule/CostQuery.h"
#include "accopt/Target/Machine.h"
#include "accopt/Transforms/QuantizationPlan.h"
#include "accopt/Transforms/WithoutWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace accopt {

/// Bits that differ from 8.
struct BitRequest {
  BitAssignment layers;
  /// By the name of the value, whatever its readers ask for.
  std::map<std::string, unsigned> activations;
};

/// Ranges that stand for any: costs depend on types, not on scales.
RangeTable anyRanges(mlir::func::FuncOp function);

/// Layers of the machine in a context of their own.
struct CompiledLayers {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Compiles what serialize() gave to layers, with any ranges. Diagnostics
/// become the error, in one line. `fuse`: whether the float pipeline is still
/// to run.
llvm::Expected<CompiledLayers> compileToLayersForCost(llvm::StringRef bytecode,
                                                      const BitRequest &bits,
                                                      bool fuse);

struct CompiledCost {
  QueriedCost cost;
  std::vector<LayerInfo> layers; ///< without rooflines
};

/// What those layers cost.
llvm::Expected<CompiledCost> compileForCost(llvm::StringRef bytecode,
                                            const BitRequest &bits,
                                            CostCache &cache, bool fuse);

/// Collects the errors of a context for as long as it lives.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);
  /// All that was collected, as one line.
  llvm::Error takeError();

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_COSTSERVICEMODEL_H
