//===- NormalizeActivations.cpp - Activations written out -----------------===//
//
// Exporters of opsets before 14 write hard_sigmoid and hard_swish as several
// ops:
//   hard_sigmoid(x) = clip(x + b, 0, m) k           with m k = 1
//                   = clip(k x + b, 0, 1)
//   hard_swish(x)   = x clip(x + 3, 0, 6) / 6       in any order of the factors
// and all of them write silu as
//   silu(x)         = x sigmoid(x)
//
//===----------------------------------------------------------------------===//

#include "Normalize.h"

#include "ConstantData.h"

#include "dialects/NN/NNConstants.h"

#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

/// Bounds and factors are decimal literals that went through f32.
static bool isClose(double a, double b) {
  return std::fabs(a - b) <= 1e-5 * std::max(1.0, std::fabs(b));
}

/// The one value that all elements of a constant have.
static std::optional<float> getSplat(Value value) {
  auto constant = value.getDefiningOp<nn::ConstantOp>();
  if (!constant || !isFloatConstant(value))
    return std::nullopt;
  return nn::readSplatFloat(constant.getValue());
}

namespace {
/// `value` op constant, with no clamp and the shape of `value`.
struct WithConstant {
  Value value;
  float constant;
};
} // namespace

template <typename Op>
static std::optional<WithConstant> matchWithConstant(Value result) {
  auto op = result.getDefiningOp<Op>();
  if (!op || op.getClampMin() || op.getClampMax())
    return std::nullopt;
  for (unsigned i : {0u, 1u})
    if (std::optional<float> constant = getSplat(op->getOperand(1 - i)))
      if (op->getOperand(i).getType() == op.getType())
        return WithConstant{op->getOperand(i), *constant};
  return std::nullopt;
}

static bool isClip(nn::ClipOp op, double minimum, double maximum) {
  return op && op.getMinimum() && op.getMaximum() &&
         isClose(op.getMinimum()->convertToDouble(), minimum) &&
         isClose(op.getMaximum()->convertToDouble(), maximum);
}

/// The x of clip(x + 3, 0, 6).
static Value matchShiftedRelu6(Value value) {
  auto clip = value.getDefiningOp<nn::ClipOp>();
  if (!isClip(clip, 0, 6))
    return {};
  std::optional<WithConstant> sum =
      matchWithConstant<nn::AddOp>(clip.getInput());
  return sum && isClose(sum->constant, 3) ? sum->value : Value();
}

static Location fuseChain(ArrayRef<Operation *> ops) {
  SmallVector<Location> locs;
  for (Operation *op : ops)
    locs.push_back(op->getLoc());
  return FusedLoc::get(ops.front()->getContext(), locs);
}

namespace {
/// clip(x + b, 0, m) k -> hard_sigmoid
struct ScaledClip : OpRewritePattern<nn::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::MulOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<WithConstant> product =
        matchWithConstant<nn::MulOp>(op.getResult());
    if (!product)
      return failure();
    auto clip = product->value.getDefiningOp<nn::ClipOp>();
    if (!clip || !clip.getMinimum() || !clip.getMaximum() ||
        !clip.getMinimum()->isZero() ||
        !isClose(clip.getMaximum()->convertToDouble() * product->constant, 1))
      return failure();
    std::optional<WithConstant> sum =
        matchWithConstant<nn::AddOp>(clip.getInput());
    if (!sum)
      return failure();
    rewriter.setInsertionPoint(op);
    auto fused = nn::HardSigmoidOp::create(
        rewriter, fuseChain({clip.getInput().getDefiningOp(), clip, op}),
        op.getType(), sum->value, rewriter.getF32FloatAttr(product->constant),
        rewriter.getF32FloatAttr(sum->constant * product->constant));
    rewriter.replaceOp(op, fused);
    return success();
  }
};

/// clip(k x + b, 0, 1) -> hard_sigmoid
struct ClippedLine : OpRewritePattern<nn::ClipOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ClipOp op,
                                PatternRewriter &rewriter) const override {
    if (!isClip(op, 0, 1))
      return failure();
    std::optional<WithConstant> sum =
        matchWithConstant<nn::AddOp>(op.getInput());
    if (!sum)
      return failure();
    std::optional<WithConstant> product =
        matchWithConstant<nn::MulOp>(sum->value);
    if (!product)
      return failure();
    auto fused = nn::HardSigmoidOp::create(
        rewriter,
        fuseChain(
            {sum->value.getDefiningOp(), op.getInput().getDefiningOp(), op}),
        op.getType(), product->value,
        rewriter.getF32FloatAttr(product->constant),
        rewriter.getF32FloatAttr(sum->constant));
    rewriter.replaceOp(op, fused);
    return success();
  }
};

bool isSwishGate(nn::HardSigmoidOp gate) {
  return isClose(gate.getAlpha().convertToDouble(), 1.0 / 6) &&
         isClose(gate.getBeta().convertToDouble(), 0.5);
}
bool isSwishGate(nn::SigmoidOp) { return true; }

/// x gate(x) -> one op: hard_swish of hard_sigmoid, silu of sigmoid. A gate
/// that something else reads keeps its name, and costs no less.
template <typename Gate, typename Fused>
struct TimesGate : OpRewritePattern<nn::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::MulOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getClampMin() || op.getClampMax())
      return failure();
    for (unsigned i : {0u, 1u}) {
      auto gate = op->getOperand(i).getDefiningOp<Gate>();
      if (!gate || !gate->hasOneUse() ||
          gate.getInput() != op->getOperand(1 - i) || !isSwishGate(gate))
        continue;
      auto fused = Fused::create(rewriter, fuseChain({gate, op}), op.getType(),
                                 gate.getInput());
      rewriter.replaceOp(op, fused);
      return success();
    }
    return failure();
  }
};

/// (x clip(x + 3, 0, 6)) / 6 -> hard_swish
struct ScaledProduct : OpRewritePattern<nn::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::MulOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<WithConstant> scaled =
        matchWithConstant<nn::MulOp>(op.getResult());
    if (!scaled || !isClose(scaled->constant, 1.0 / 6))
      return failure();
    auto product = scaled->value.getDefiningOp<nn::MulOp>();
    if (!product || product.getClampMin() || product.getClampMax())
      return failure();
    for (unsigned i : {0u, 1u}) {
      Value x = matchShiftedRelu6(product->getOperand(i));
      if (!x || x != product->getOperand(1 - i))
        continue;
      auto clip = product->getOperand(i).getDefiningOp<nn::ClipOp>();
      auto fused = nn::HardSwishOp::create(
          rewriter,
          fuseChain({clip.getInput().getDefiningOp(), clip, product, op}),
          op.getType(), x);
      rewriter.replaceOp(op, fused);
      return success();
    }
    return failure();
  }
};
} // namespace

void accopt::populateNormalizeActivationPatterns(RewritePatternSet &patterns) {
  patterns.add<ScaledClip, ClippedLine,
               TimesGate<nn::HardSigmoidOp, nn::HardSwishOp>,
               TimesGate<nn::SigmoidOp, nn::SiluOp>, ScaledProduct>(
      patterns.getContext());
}
