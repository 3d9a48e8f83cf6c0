//===- FuseActivation.cpp - Fuse Relu and Clip into clamps ----------------===//

#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_FUSEACTIVATION
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct FuseActivation : accopt::impl::FuseActivationBase<FuseActivation> {
  void runOnOperation() override;
};
} // namespace

static std::optional<float> toFloat(std::optional<llvm::APFloat> value) {
  if (!value)
    return std::nullopt;
  return value->convertToFloat();
}

/// Whether `op` has a clamp. The ops that nn-quantize has given a type convert
/// to it, so an activation after them must stay where it is.
static bool hasClampAttrs(Operation *op) {
  return op && llvm::isa<nn::ConvOp, nn::GemmOp, nn::AddOp, nn::SubOp,
                         nn::MulOp, nn::DivOp>(op);
}

void FuseActivation::runOnOperation() {
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) {
    if (llvm::isa<nn::ReluOp, nn::ClipOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    Value input = op->getOperand(0);
    Operation *producer = input.getDefiningOp();
    if (!hasClampAttrs(producer) || !input.hasOneUse() ||
        input.getType() != op->getResult(0).getType())
      continue;
    if (auto clip = llvm::dyn_cast<nn::ClipOp>(op))
      composeClamp(producer, toFloat(clip.getMinimum()),
                   toFloat(clip.getMaximum()));
    else
      composeClamp(producer, 0.0f, std::nullopt);
    absorb(op, producer);
    ++numFused;
  }
}
