//===- CountOps.cpp - A pass of somebody else's project -------------------===//

#include "dialects/NN/NNDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace {

/// Writes on each function how many nn operations it holds.
struct CountOpsPass
    : mlir::PassWrapper<CountOpsPass, mlir::OperationPass<mlir::func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountOpsPass)

  llvm::StringRef getArgument() const final { return "count-nn-ops"; }
  llvm::StringRef getDescription() const final { return "Count nn ops"; }

  void runOnOperation() override {
    int64_t count = 0;
    getOperation().walk([&](mlir::Operation *op) {
      count += llvm::isa_and_nonnull<accopt::nn::NNDialect>(op->getDialect());
    });
    mlir::Builder builder(&getContext());
    getOperation()->setAttr("count", builder.getI64IntegerAttr(count));
  }
};

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<accopt::nn::NNDialect, mlir::func::FuncDialect>();
  mlir::PassRegistration<CountOpsPass>();
  return mlir::failed(
      mlir::MlirOptMain(argc, argv, "out-of-tree pass driver\n", registry));
}
