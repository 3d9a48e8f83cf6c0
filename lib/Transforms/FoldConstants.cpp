//===- FoldConstants.cpp - Evaluate ops on constants ----------------------===//
//
// One walk in program order is enough: operands come before their uses, so a
// chain of ops on constants is folded link by link.
//
//===----------------------------------------------------------------------===//

#include "Evaluator.h"
#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct FoldConstants : accopt::impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;
  void runOnOperation() override;
};
} // namespace

static int64_t countElements(Value value) {
  return llvm::cast<RankedTensorType>(value.getType()).getNumElements();
}

void FoldConstants::runOnOperation() {
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) {
    bool isCandidate =
        op->getNumResults() == 1 && op->getNumOperands() > 0 &&
        llvm::isa_and_nonnull<nn::NNDialect, quant::QuantDialect>(
            op->getDialect());
    if (isCandidate)
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    int64_t operands = 0;
    for (Value operand : op->getOperands())
      operands += countElements(operand);
    if (countElements(op->getResult(0)) >
        std::max<int64_t>(operands, maxGrowth))
      continue;
    OpBuilder builder(op);
    Value folded = evaluate(builder, op);
    if (!folded)
      continue;
    op->getResult(0).replaceAllUsesWith(folded);
    op->erase();
    ++numFolded;
  }
  eraseDeadConstants(getOperation());
}
