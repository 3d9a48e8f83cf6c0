//===- FuseBias.cpp - Fuse per-channel constants --------------------------===//
//
// With y = W x + b and a constant c per channel: y + c, y - c, c - y, y * c and
// y / c are all of the form s y + t and go into W and b. Ops are visited in
// program order, so that a chain of them is taken up one after the other.
//
//===----------------------------------------------------------------------===//

#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_FUSEBIAS
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct FuseBias : accopt::impl::FuseBiasBase<FuseBias> {
  void runOnOperation() override;
};

/// An elementwise op as scale y + offset; an empty scale is ones.
struct Affine {
  SmallVector<double> scale, offset;
};
} // namespace

/// `isReversed`: the constant is the left operand.
static Affine getAffine(Operation *op, ArrayRef<double> constant,
                        bool isReversed) {
  Affine result;
  size_t size = constant.size();
  result.offset.assign(size, 0.0);
  if (llvm::isa<nn::MulOp>(op)) {
    result.scale.assign(constant.begin(), constant.end());
  } else if (llvm::isa<nn::DivOp>(op)) {
    for (double value : constant)
      result.scale.push_back(1.0 / value);
  } else if (llvm::isa<nn::SubOp>(op) && !isReversed) {
    for (size_t i = 0; i < size; ++i)
      result.offset[i] = -constant[i];
  } else {
    if (llvm::isa<nn::SubOp>(op))
      result.scale.assign(size, -1.0);
    result.offset.assign(constant.begin(), constant.end());
  }
  return result;
}

/// Fuses `op` into the linear op that is its operand number `index`.
static bool fuse(Operation *op, unsigned index) {
  Value operand = op->getOperand(index);
  std::optional<LinearOp> linear = LinearOp::get(operand.getDefiningOp());
  if (!linear || !operand.hasOneUse() ||
      operand.getType() != op->getResult(0).getType())
    return false;
  bool isReversed = index == 1;
  if (isReversed && llvm::isa<nn::DivOp>(op))
    return false;
  std::optional<SmallVector<double>> constant =
      getPerChannelConstant(op->getOperand(1 - index),
                            llvm::cast<RankedTensorType>(operand.getType()));
  if (!constant)
    return false;
  if (llvm::isa<nn::DivOp>(op) && llvm::is_contained(*constant, 0.0))
    return false;
  Affine affine = getAffine(op, *constant, isReversed);
  if (!(affine.scale.empty() ? linear->canOffset() : linear->canScale()))
    return false;

  linear->applyAffine(affine.scale, affine.offset);
  auto bound = [&](StringRef name) -> std::optional<float> {
    if (auto attr = op->getAttrOfType<FloatAttr>(name))
      return float(attr.getValueAsDouble());
    return std::nullopt;
  };
  composeClamp(linear->getOperation(), bound("clamp_min"), bound("clamp_max"));
  absorb(op, linear->getOperation());
  return true;
}

void FuseBias::runOnOperation() {
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) {
    if (llvm::isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    if (fuse(op, 0) || fuse(op, 1))
      ++numFused;
  eraseDeadConstants(getOperation());
}
