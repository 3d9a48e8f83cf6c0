//===- WeightCorrections.cpp - Weights of more than 8 bits ----------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/WeightCorrections.h"

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeAnalysis.h"
#include "QuantizeConstants.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

static constexpr StringLiteral suffix = ".correction";

/// Whether the accelerator runs `linear` and its parameters are still exact.
static bool canCorrect(LinearOp linear, const HostPlacement &placement) {
  return !placement.isOnHost(linear.getOperation()) &&
         isFloatConstant(linear.getWeights()) &&
         (!linear.getBias() || isFloatConstant(linear.getBias()));
}

static ElementsAttr elementsOf(Value constant) {
  return constant ? constant.getDefiningOp<nn::ConstantOp>().getValue()
                  : ElementsAttr();
}

llvm::Expected<ExactWeights> ExactWeights::read(func::FuncOp function,
                                                const WeightBits &bits) {
  ExactWeights exact;
  if (bits.all <= 8 && bits.byName.empty())
    return exact;
  HostPlacement placement(function);
  llvm::DenseSet<const std::string *> known;
  for (const auto &[value, name] : nameValues(function)) {
    std::optional<LinearOp> linear = LinearOp::get(value.getDefiningOp());
    if (!linear || !canCorrect(*linear, placement))
      continue;
    unsigned count = bits.all;
    for (const auto &[asked, own] : bits.byName)
      if (isNamed(name, asked)) {
        known.insert(&asked);
        count = own;
      }
    if (count > 8)
      exact.found[linear->getOperation()] = {elementsOf(linear->getWeights()),
                                             elementsOf(linear->getBias()),
                                             count};
  }
  for (const auto &[asked, count] : bits.byName)
    if (!known.contains(&asked))
      return llvm::createStringError(
          "--weight-bits: expected a conv or gemm with constants of f32 on the "
          "accelerator, got '" +
          asked + "'");
  return exact;
}

/// The constant that holds `elements`.
static Value recreate(OpBuilder &builder, Location loc, ElementsAttr elements) {
  return nn::ConstantOp::create(
      builder, loc, cast<RankedTensorType>(elements.getType()), elements);
}

/// Makes the weights integers of `bits` bits behind a cast.
static LogicalResult roundWeights(LinearOp linear,
                                  const QuantizationAnalysis &analysis,
                                  unsigned bits) {
  OpBuilder builder(linear.getOperation());
  Value weights = linear.getWeights();
  double input = analysis.getType(linear.getInput()).getScale();
  double output = analysis.getType(linear.getResult()).getScale();
  std::optional<SmallVector<double>> scales =
      chooseWeightScales(weights, linear.getBias(), input, output, bits);
  std::optional<QuantizedLinear> rounded;
  if (scales) {
    WeightChoice choice{*scales, bits};
    rounded = quantizeLinear(builder, weights, linear.getBias(), input, output,
                             &choice);
  }
  if (!rounded)
    return emitNodeError(linear.getOperation())
           << "expected finite weights and bias with their data";
  linear.setWeights(quant::DequantizeCastOp::create(
      builder, weights.getLoc(), weights.getType(), rounded->weights));
  return success();
}

/// `exact - rounded`, or null where that is zero. Null operands are zeros.
static Value createDifference(OpBuilder &builder, Location loc, Value exact,
                              Value rounded) {
  std::optional<ConstantFloats> a = readDequantized(exact),
                                b = readDequantized(rounded);
  Value some = exact ? exact : rounded;
  if (!some)
    return {};
  bool isZero = true;
  Value difference = createConstant<float>(
      builder, loc, cast<RankedTensorType>(some.getType()),
      [&](MutableArrayRef<float> out) {
        for (size_t i = 0; i < out.size(); ++i) {
          out[i] = (a ? a->values()[i] : 0) - (b ? b->values()[i] : 0);
          isZero &= out[i] == 0;
        }
      });
  if (!isZero)
    return difference;
  difference.getDefiningOp()->erase();
  return {};
}

/// Whether integers of more bits would hold `lost` of the weights of `linear`:
/// a row is worth nothing where all of it is within half of their step.
static bool isWorthBits(LinearOp linear, Value lost, unsigned bits) {
  auto cast = linear.getWeights().getDefiningOp<quant::DequantizeCastOp>();
  ArrayRef<double> scales = llvm::cast<quant::UniformQuantizedPerAxisType>(
                                getElementTypeOrSelf(cast.getInput().getType()))
                                .getScales();
  ConstantFloats values = *ConstantFloats::get(lost);
  size_t row = values.values().size() / scales.size();
  for (auto [m, scale] : llvm::enumerate(scales)) {
    // Smaller steps are of the order of what f32 itself loses.
    double step = std::ldexp(scale, -int(std::min(bits - 8, 6u)));
    for (float value : values.values().slice(m * row, row))
      if (std::fabs(double(value)) > step / 2)
        return true;
  }
  return false;
}

/// The result of a layer before `linear` with what its parameters lack of
/// `exact`; null where its bits have no use for that.
static Value addCorrection(LinearOp linear, StringRef name,
                           const ExactWeights::Layer &exact) {
  Operation *op = linear.getOperation();
  OpBuilder builder(op);
  Location loc = NameLoc::get(builder.getStringAttr(name.str() + suffix.str()));
  Value weights = recreate(builder, loc, exact.weights);
  Value lost = createDifference(builder, loc, weights, linear.getWeights());
  if (!lost || !isWorthBits(linear, lost, exact.bits))
    return {};
  Value bias = exact.bias ? recreate(builder, loc, exact.bias) : Value();
  Value lostBias = createDifference(builder, loc, bias, linear.getBias());
  Operation *added = builder.clone(*op);
  added->setLoc(loc);
  for (StringRef attribute :
       {StringRef("clamp_min"), StringRef("clamp_max"),
        StringRef(outputMeanAttr), StringRef(outputStdAttr)})
    added->removeAttr(attribute);
  added->setAttr(correctionBitsAttr, builder.getI64IntegerAttr(exact.bits - 8));
  LinearOp correction = *LinearOp::get(added);
  correction.setWeights(lost);
  correction.setBias(lostBias);
  linear.setResidual(correction.getResult());
  return correction.getResult();
}

llvm::Expected<SmallVector<Value>>
accopt::addCorrections(func::FuncOp function, const ExactWeights &exact,
                       const RangeTable &ranges) {
  SmallVector<Value> added;
  if (exact.layers().empty())
    return added;
  QuantizationAnalysis analysis(function, ranges);
  auto add = [&]() -> LogicalResult {
    if (failed(analysis.run()) || failed(analysis.chooseTypes()))
      return failure();
    for (const auto &[op, layer] : exact.layers()) {
      LinearOp linear = *LinearOp::get(op);
      if (isFloatConstant(linear.getWeights()) &&
          failed(roundWeights(linear, analysis, 8)))
        return failure();
      const std::string &name =
          analysis.getNames().find(linear.getResult())->second;
      if (Value correction = addCorrection(linear, name, layer))
        added.push_back(correction);
    }
    eraseDeadConstants(function);
    return success();
  };
  if (llvm::Error error = captureError(function.getContext(), add))
    return std::move(error);
  return added;
}

static SmallVector<LinearOp> getCorrections(func::FuncOp function) {
  SmallVector<LinearOp> corrections;
  function.walk([&](Operation *op) {
    if (op->hasAttr(correctionBitsAttr))
      corrections.push_back(*LinearOp::get(op));
  });
  return corrections;
}

llvm::Error accopt::roundCorrections(func::FuncOp function,
                                     const RangeTable &ranges) {
  SmallVector<LinearOp> corrections = getCorrections(function);
  if (corrections.empty())
    return llvm::Error::success();
  QuantizationAnalysis analysis(function, ranges);
  return captureError(function.getContext(), [&]() -> LogicalResult {
    if (failed(analysis.run()) || failed(analysis.chooseTypes()))
      return failure();
    for (LinearOp linear : corrections) {
      auto bits =
          linear.getOperation()->getAttrOfType<IntegerAttr>(correctionBitsAttr);
      if (failed(roundWeights(linear, analysis, unsigned(bits.getInt()))))
        return failure();
    }
    eraseDeadConstants(function);
    return success();
  });
}

std::optional<std::string> accopt::correctedLayer(Operation *op) {
  if (!op->hasAttr(correctionBitsAttr))
    return std::nullopt;
  StringRef name = cast<NameLoc>(op->getLoc()).getName().getValue();
  name.consume_back(suffix);
  return name.str();
}

SmallVector<Value> accopt::joinedBy(Value correction) {
  Operation *op = correction.getDefiningOp();
  if (!op || !op->hasAttr(correctionBitsAttr))
    return {};
  Value residual = LinearOp::get(op)->getResidual();
  if (!residual)
    return {};
  SmallVector<Value> joined = {residual};
  for (Operation *user : correction.getUsers())
    llvm::append_range(joined, user->getResults());
  return joined;
}

void accopt::removeCorrections(func::FuncOp function,
                               llvm::function_ref<bool(StringRef)> isKept) {
  for (LinearOp correction : getCorrections(function)) {
    if (isKept(*correctedLayer(correction.getOperation())))
      continue;
    for (Operation *user :
         llvm::make_early_inc_range(correction.getResult().getUsers()))
      LinearOp::get(user)->setResidual(correction.getResidual());
    correction.getOperation()->erase();
  }
  eraseDeadConstants(function);
}
