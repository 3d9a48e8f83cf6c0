//===- FuseFunctions.cpp - Functions of one value into one ----------------===//

#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNMath.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_FUSEFUNCTIONS
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct FuseFunctions : accopt::impl::FuseFunctionsBase<FuseFunctions> {
  void runOnOperation() override;
};
} // namespace

static bool isFloatFunction(Operation *op) {
  return op->getNumResults() == 1 &&
         llvm::cast<RankedTensorType>(op->getResult(0).getType())
             .getElementType()
             .isF32() &&
         !nn::stepsOf(op).empty();
}

/// The function that alone reads the result of `op`; null without.
static Operation *getNext(Operation *op) {
  Value result = op->getResult(0);
  if (!result.hasOneUse())
    return nullptr;
  Operation *user = *result.user_begin();
  return isFloatFunction(user) && nn::functionOperand(user) == result ? user
                                                                      : nullptr;
}

/// An op that is a function without a constant's help is the better name.
static bool needsChain(ArrayRef<Operation *> ops) {
  return ops.size() > 1 || ops.front()->getNumOperands() > 1;
}

void FuseFunctions::runOnOperation() {
  SmallVector<Operation *> functions;
  getOperation().walk([&](Operation *op) {
    if (llvm::isa_and_nonnull<nn::NNDialect>(op->getDialect()) &&
        !llvm::isa<nn::ConstantOp>(op) && isFloatFunction(op))
      functions.push_back(op);
  });
  llvm::DenseSet<Operation *> done;
  for (Operation *first : functions) {
    if (done.contains(first))
      continue;
    SmallVector<Operation *> ops;
    SmallVector<nn::FunctionStep> steps;
    SmallVector<Location> locs;
    for (Operation *op = first; op; op = getNext(op)) {
      ops.push_back(op);
      llvm::append_range(steps, nn::stepsOf(op));
      locs.push_back(op->getLoc());
      done.insert(op);
    }
    if (!needsChain(ops))
      continue;
    Operation *last = ops.back();
    OpBuilder builder(last);
    auto chain = nn::createChain(builder, FusedLoc::get(&getContext(), locs),
                                 nn::functionOperand(first), steps);
    last->getResult(0).replaceAllUsesWith(chain.getResult());
    for (Operation *op : llvm::reverse(ops))
      op->erase();
    numFused += ops.size();
  }
  eraseDeadConstants(getOperation());
}

void accopt::expandChains(func::FuncOp function) {
  function.walk([](nn::ChainOp chain) {
    SmallVector<nn::FunctionStep> steps = nn::stepsOf(chain);
    // One location for each op that was fused, which mostly is one for each
    // step.
    SmallVector<Location> locs(steps.size(), chain.getLoc());
    if (auto fused = llvm::dyn_cast<FusedLoc>(chain.getLoc()))
      if (fused.getLocations().size() == steps.size())
        llvm::copy(fused.getLocations(), locs.begin());
    OpBuilder builder(chain);
    Value value = chain.getInput();
    for (auto [loc, step] : llvm::zip_equal(locs, steps))
      value = nn::createSteps(builder, loc, value, step);
    chain.getResult().replaceAllUsesWith(value);
    chain.erase();
  });
}
