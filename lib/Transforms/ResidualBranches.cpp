//===- ResidualBranches.cpp - Take out whole residual branches ------------===//
//
// A branch is what is computed for one operand of a sum and for nothing else:
// walking back from the operand, every op whose users are all in the branch. It
// can go where all that it reads from outside is the other operand of the sum,
// or something that the other operand is computed from; else the sum joins two
// independent parts of the network, and neither is a detour.
//
//===----------------------------------------------------------------------===//

#include "LinearOps.h"

#include "accopt/Transforms/ChannelGroups.h"
#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace accopt {
#define GEN_PASS_DEF_REMOVEBRANCHES
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
/// What is computed for one operand of a sum alone.
struct Cone {
  /// In program order, without constants.
  std::vector<mlir::Operation *> ops;
  /// What it reads from outside.
  llvm::SmallVector<Value> inputs;

  int64_t numLinear() const {
    return llvm::count_if(ops, [](mlir::Operation *op) {
      return llvm::isa<nn::ConvOp, nn::GemmOp, nn::MatMulOp>(op);
    });
  }
};
} // namespace

/// All ops of which every use is in the cone or is `end`, an operand of the
/// sum. Ops are visited against program order, so that users come first.
static Cone collectCone(OpOperand &end) {
  Cone cone;
  llvm::DenseSet<mlir::Operation *> inside;
  auto isInside = [&](Value value) {
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      return inside.contains(use.getOwner()) || &use == &end;
    });
  };
  for (mlir::Operation *op = end.getOwner()->getPrevNode(); op;
       op = op->getPrevNode()) {
    if (llvm::isa<nn::ConstantOp>(op) || op->getNumResults() != 1 ||
        op->use_empty() || !isInside(op->getResult(0)))
      continue;
    inside.insert(op);
    cone.ops.push_back(op);
  }
  std::reverse(cone.ops.begin(), cone.ops.end());
  llvm::DenseSet<Value> seen;
  for (mlir::Operation *op : cone.ops)
    for (Value operand : op->getOperands())
      if (!inside.contains(operand.getDefiningOp()) &&
          !operand.getDefiningOp<nn::ConstantOp>() &&
          seen.insert(operand).second)
        cone.inputs.push_back(operand);
  return cone;
}

/// `value` and everything it is computed from.
static llvm::DenseSet<Value> collectSources(Value value) {
  llvm::DenseSet<Value> sources{value};
  SmallVector<Value> open{value};
  while (!open.empty())
    if (mlir::Operation *op = open.pop_back_val().getDefiningOp())
      for (Value operand : op->getOperands())
        if (sources.insert(operand).second)
          open.push_back(operand);
  return sources;
}

/// The branch that ends in one operand of a sum, if it can go for the other.
static std::optional<ResidualBranch> findBranch(OpOperand &endUse,
                                                OpOperand &skipUse) {
  mlir::Operation *sum = endUse.getOwner();
  Value end = endUse.get(), skip = skipUse.get();
  if (end == skip || skip.getType() != sum->getResult(0).getType() ||
      end.getType() != skip.getType() || skip.getDefiningOp<nn::ConstantOp>())
    return std::nullopt;
  Cone branch = collectCone(endUse);
  if (branch.numLinear() == 0 || branch.inputs.empty() ||
      branch.numLinear() <= collectCone(skipUse).numLinear())
    return std::nullopt;
  llvm::DenseSet<Value> sources = collectSources(skip);
  if (!llvm::all_of(branch.inputs,
                    [&](Value input) { return sources.contains(input); }))
    return std::nullopt;
  ResidualBranch result;
  result.sum = sum;
  result.skip = skip;
  result.ops = std::move(branch.ops);
  return result;
}

/// The same for a sum that a conv or gemm has taken up: the op itself ends the
/// branch.
static std::optional<ResidualBranch> findFusedBranch(LinearOp linear) {
  mlir::Operation *sum = linear.getOperation();
  Value skip = linear.getResidual(), input = linear.getInput();
  if (skip.getType() != sum->getResult(0).getType() ||
      skip.getDefiningOp<nn::ConstantOp>())
    return std::nullopt;
  // The residual is the last operand.
  OpOperand &skipUse = sum->getOpOperand(sum->getNumOperands() - 1);
  Cone branch = collectCone(sum->getOpOperand(0));
  if (branch.ops.empty())
    branch.inputs = {input};
  branch.ops.push_back(sum);
  if (branch.numLinear() <= collectCone(skipUse).numLinear())
    return std::nullopt;
  llvm::DenseSet<Value> sources = collectSources(skip);
  if (!llvm::all_of(branch.inputs,
                    [&](Value value) { return sources.contains(value); }))
    return std::nullopt;
  ResidualBranch result;
  result.sum = sum;
  result.skip = skip;
  result.ops = std::move(branch.ops);
  return result;
}

std::vector<ResidualBranch>
accopt::findResidualBranches(func::FuncOp function) {
  llvm::MapVector<Value, std::string> names = nameValues(function);
  std::vector<ResidualBranch> branches;
  auto insert = [&](std::optional<ResidualBranch> branch) {
    if (!branch)
      return false;
    branch->name = names.lookup(branch->sum->getResult(0));
    branches.push_back(std::move(*branch));
    return true;
  };
  for (mlir::Operation &op : function.getBody().front()) {
    if (llvm::isa<nn::AddOp>(op)) {
      OpOperand &lhs = op.getOpOperand(0), &rhs = op.getOpOperand(1);
      if (!insert(findBranch(lhs, rhs)))
        insert(findBranch(rhs, lhs));
    } else if (std::optional<LinearOp> linear = LinearOp::get(&op)) {
      if (linear->getResidual())
        insert(findFusedBranch(*linear));
    }
  }
  return branches;
}

//===----------------------------------------------------------------------===//
// Removal
//===----------------------------------------------------------------------===//

static FloatAttr boundOf(mlir::Operation *op, StringRef clamp, StringRef clip) {
  if (auto attr = op->getAttrOfType<FloatAttr>(clamp))
    return attr;
  return llvm::isa<nn::ClipOp>(op) ? op->getAttrOfType<FloatAttr>(clip)
                                   : FloatAttr();
}

/// Whether `value` lies within the bounds (null for none) by how it was made.
static bool liesWithin(Value value, FloatAttr minimum, FloatAttr maximum) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return !minimum && !maximum;
  FloatAttr low = boundOf(op, "clamp_min", "minimum");
  FloatAttr high = boundOf(op, "clamp_max", "maximum");
  bool isRelu = llvm::isa<nn::ReluOp>(op);
  auto valueOf = [](FloatAttr attr) { return attr.getValueAsDouble(); };
  bool aboveMinimum = !minimum || (isRelu && valueOf(minimum) <= 0.0) ||
                      (low && valueOf(low) >= valueOf(minimum));
  bool belowMaximum = !maximum || (high && valueOf(high) <= valueOf(maximum));
  return aboveMinimum && belowMaximum;
}

void accopt::removeBranch(const ResidualBranch &branch) {
  mlir::Operation *sum = branch.sum;
  auto minimum = sum->getAttrOfType<FloatAttr>("clamp_min");
  auto maximum = sum->getAttrOfType<FloatAttr>("clamp_max");
  Value left = branch.skip;
  if (!liesWithin(left, minimum, maximum)) {
    OpBuilder builder(sum);
    left = nn::ClipOp::create(builder, sum->getLoc(), left.getType(), left,
                              minimum, maximum);
  }
  mlir::Operation *function = sum->getParentOp();
  sum->getResult(0).replaceAllUsesWith(left);
  if (branch.ops.empty() || branch.ops.back() != sum)
    sum->erase();
  for (mlir::Operation *op : llvm::reverse(branch.ops))
    op->erase();
  eraseDeadConstants(function);
}

namespace {
struct RemoveBranches : accopt::impl::RemoveBranchesBase<RemoveBranches> {
  using RemoveBranchesBase::RemoveBranchesBase;
  void runOnOperation() override;
};
} // namespace

void RemoveBranches::runOnOperation() {
  bool found = false;
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    // One at a time: a branch may hold others.
    for (bool changed = true; changed;) {
      changed = false;
      for (const ResidualBranch &candidate : findResidualBranches(function)) {
        if (!branch.empty() && candidate.name != branch)
          continue;
        removeBranch(candidate);
        found = changed = true;
        break;
      }
      if (!branch.empty())
        break;
    }
  }
  if (!branch.empty() && !found) {
    getOperation().emitError()
        << "expected a residual branch to remove, got '" << branch << "'";
    signalPassFailure();
  }
}
