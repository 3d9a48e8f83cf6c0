//===- LinearOps.cpp - What conv and gemm have in common ------------------===//

#include "LinearOps.h"

#include "ConstantData.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

std::optional<LinearOp> LinearOp::get(Operation *op) {
  if (!op)
    return std::nullopt;
  if (auto conv = llvm::dyn_cast<nn::ConvOp>(op))
    return isConstantLike(conv.getWeights()) ? std::optional(LinearOp(op))
                                             : std::nullopt;
  auto gemm = llvm::dyn_cast<nn::GemmOp>(op);
  if (!gemm || !gemm.getAlpha().isExactlyValue(1.0) ||
      !gemm.getBeta().isExactlyValue(1.0) || gemm.getTransA() ||
      !gemm.getTransB())
    return std::nullopt;
  if (Value bias = gemm.getBias())
    if (llvm::cast<RankedTensorType>(bias.getType()).getShape() !=
        llvm::cast<RankedTensorType>(gemm.getB().getType())
            .getShape()
            .take_front())
      return std::nullopt;
  return LinearOp(op);
}

Value LinearOp::getBias() const {
  if (auto conv = llvm::dyn_cast<nn::ConvOp>(op))
    return conv.getBias();
  return llvm::cast<nn::GemmOp>(op).getBias();
}

Value LinearOp::getResidual() const {
  if (auto conv = llvm::dyn_cast<nn::ConvOp>(op))
    return conv.getResidual();
  return llvm::cast<nn::GemmOp>(op).getResidual();
}

bool LinearOp::hasClamp() const {
  return op->hasAttr("clamp_min") || op->hasAttr("clamp_max");
}

int64_t LinearOp::getNumOutputs() const {
  return llvm::cast<RankedTensorType>(getWeights().getType()).getDimSize(0);
}

void LinearOp::setBias(Value bias) {
  ValueRange values = bias ? ValueRange(bias) : ValueRange();
  if (auto conv = llvm::dyn_cast<nn::ConvOp>(op))
    conv.getBiasMutable().assign(values);
  else
    llvm::cast<nn::GemmOp>(op).getBiasMutable().assign(values);
}

void LinearOp::setResidual(Value residual) {
  ValueRange values = residual ? ValueRange(residual) : ValueRange();
  if (auto conv = llvm::dyn_cast<nn::ConvOp>(op))
    conv.getResidualMutable().assign(values);
  else
    llvm::cast<nn::GemmOp>(op).getResidualMutable().assign(values);
}

bool LinearOp::canScale() const {
  return canOffset() && !getResidual() && isFloatConstant(getWeights());
}

bool LinearOp::canOffset() const {
  return !hasClamp() && (!getBias() || isFloatConstant(getBias()));
}

/// Moves the recorded distribution along with y -> scale y + offset.
static void updateDistribution(Operation *op, ArrayRef<double> scale,
                               ArrayRef<double> offset) {
  auto mean = op->getAttrOfType<DenseF32ArrayAttr>(outputMeanAttr);
  auto deviation = op->getAttrOfType<DenseF32ArrayAttr>(outputStdAttr);
  if (!mean || !deviation)
    return;
  SmallVector<float> means, deviations;
  for (auto [i, value] : llvm::enumerate(offset)) {
    double factor = scale.empty() ? 1.0 : scale[i];
    means.push_back(float(factor * mean[i] + value));
    deviations.push_back(float(std::fabs(factor) * deviation[i]));
  }
  op->setAttr(outputMeanAttr, DenseF32ArrayAttr::get(op->getContext(), means));
  op->setAttr(outputStdAttr,
              DenseF32ArrayAttr::get(op->getContext(), deviations));
}

/// Multiplies the weights of each output by its factor.
static void scaleWeights(OpBuilder &builder, LinearOp linear,
                         ArrayRef<double> scale) {
  Value old = linear.getWeights();
  auto type = llvm::cast<RankedTensorType>(old.getType());
  // Networks that only have a price hold one value for all, and stay small.
  auto splat = llvm::dyn_cast<SplatElementsAttr>(
      old.getDefiningOp<nn::ConstantOp>().getValue());
  if (splat && llvm::all_equal(scale)) {
    float value = splat.getSplatValue<float>() * float(scale.front());
    linear.setWeights(nn::ConstantOp::create(
        builder, old.getLoc(), type, SplatElementsAttr::get(type, value)));
    return;
  }
  ConstantFloats weights = *ConstantFloats::get(old);
  size_t row = type.getNumElements() / scale.size();
  linear.setWeights(createConstant<float>(
      builder, old.getLoc(), type, [&](MutableArrayRef<float> out) {
        std::vector<float> scratch;
        for (auto [m, factor] : llvm::enumerate(scale)) {
          float *to = out.data() + m * row;
          for (float value : weights.slice(m * row, row, scratch))
            *to++ = value * float(factor);
        }
      }));
}

void LinearOp::applyAffine(ArrayRef<double> scale, ArrayRef<double> offset) {
  OpBuilder builder(op);
  int64_t outputs = getNumOutputs();
  if (!scale.empty())
    scaleWeights(builder, *this, scale);
  std::optional<ConstantFloats> bias = ConstantFloats::get(getBias());
  Location loc = bias ? getBias().getLoc() : op->getLoc();
  setBias(createConstant<float>(
      builder, loc, RankedTensorType::get({outputs}, builder.getF32Type()),
      [&](MutableArrayRef<float> out) {
        for (int64_t m = 0; m < outputs; ++m) {
          double value = bias ? bias->values()[m] : 0.0;
          out[m] =
              float((scale.empty() ? value : scale[m] * value) + offset[m]);
        }
      }));
  updateDistribution(op, scale, offset);
}

std::optional<SmallVector<double>>
accopt::getPerChannelConstant(Value value, RankedTensorType type) {
  std::optional<ConstantFloats> constant = ConstantFloats::get(value);
  if (!constant || type.getRank() < 2)
    return std::nullopt;
  ArrayRef<int64_t> shape =
      llvm::cast<RankedTensorType>(value.getType()).getShape();
  int64_t leading = type.getRank() - int64_t(shape.size());
  if (leading < 0)
    return std::nullopt;
  for (auto [i, size] : llvm::enumerate(shape))
    if (size != 1 && leading + int64_t(i) != 1)
      return std::nullopt;
  ArrayRef<float> values = *constant;
  int64_t channels = type.getDimSize(1);
  if (int64_t(values.size()) != 1 && int64_t(values.size()) != channels)
    return std::nullopt;
  SmallVector<double> result(channels);
  for (int64_t i = 0; i < channels; ++i)
    result[i] = values[values.size() == 1 ? 0 : i];
  return result;
}

void accopt::composeClamp(Operation *op, std::optional<float> minimum,
                          std::optional<float> maximum) {
  auto apply = [&](float bound) {
    if (minimum)
      bound = std::max(bound, *minimum);
    if (maximum)
      bound = std::min(bound, *maximum);
    return bound;
  };
  auto set = [&](StringRef name, float unbound) {
    auto old = op->getAttrOfType<FloatAttr>(name);
    float bound = apply(old ? float(old.getValueAsDouble()) : unbound);
    if (std::isfinite(bound))
      op->setAttr(name, Builder(op->getContext()).getF32FloatAttr(bound));
  };
  set("clamp_min", -INFINITY);
  set("clamp_max", INFINITY);
}

Location accopt::fuseLocations(Operation *first, Operation *second) {
  return FusedLoc::get(first->getContext(),
                       {first->getLoc(), second->getLoc()});
}

void accopt::absorb(Operation *op, Operation *by) {
  by->setLoc(fuseLocations(by, op));
  op->getResult(0).replaceAllUsesWith(by->getResult(0));
  op->erase();
}

void accopt::eraseDeadConstants(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (llvm::isa<nn::ConstantOp, quant::DequantizeCastOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty())
      op->erase();
}
