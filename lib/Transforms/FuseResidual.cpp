//===- FuseResidual.cpp - Fuse skip connections ---------------------------===//
//
// The fused op moves to where the addition stood. There both operands exist,
// and since the convolution had no other use, nothing between the two read it:
// no order is violated and no cycle can arise.
//
//===----------------------------------------------------------------------===//

#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_FUSERESIDUAL
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct FuseResidual : accopt::impl::FuseResidualBase<FuseResidual> {
  void runOnOperation() override;
};
} // namespace

/// Whether operand `index` comes from an op that can take up the other one.
static bool isCandidate(nn::AddOp add, unsigned index) {
  Value value = add->getOperand(index);
  std::optional<LinearOp> linear = LinearOp::get(value.getDefiningOp());
  return linear && value.hasOneUse() && !linear->hasClamp() &&
         !linear->getResidual() &&
         value.getDefiningOp()->getBlock() == add->getBlock();
}

static bool fuse(nn::AddOp add) {
  // A residual is not broadcast.
  if (add.getLhs().getType() != add.getType() ||
      add.getRhs().getType() != add.getType())
    return false;
  bool isLeft = isCandidate(add, 0), isRight = isCandidate(add, 1);
  if (!isLeft && !isRight)
    return false;
  if (isLeft && isRight)
    isRight = add.getLhs().getDefiningOp()->isBeforeInBlock(
        add.getRhs().getDefiningOp());
  unsigned index = isRight ? 1 : 0;

  LinearOp linear = *LinearOp::get(add->getOperand(index).getDefiningOp());
  Operation *op = linear.getOperation();
  op->moveBefore(add);
  linear.setResidual(add->getOperand(1 - index));
  if (auto minimum = add.getClampMinAttr())
    op->setAttr("clamp_min", minimum);
  if (auto maximum = add.getClampMaxAttr())
    op->setAttr("clamp_max", maximum);
  absorb(add, op);
  return true;
}

void FuseResidual::runOnOperation() {
  SmallVector<nn::AddOp> ops;
  getOperation().walk([&](nn::AddOp op) { ops.push_back(op); });
  for (nn::AddOp op : ops)
    if (fuse(op))
      ++numFused;
}
