//===- QuantizationPlan.cpp - Making and applying plans -------------------===//
//
// A plan shows the analysis that quantize() rewrites by. Applying one writes
// types as casts where the values are made; ops that move data then keep the
// type, and the clamps that low bits need go into the ops that make the values,
// so that every ONNX runtime computes the same.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/QuantizationPlan.h"

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeAnalysis.h"
#include "QuantizeConstants.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

const ActivationQuantizer *
QuantizationPlan::findActivation(StringRef name) const {
  for (const ActivationQuantizer &quantizer : activations)
    if (llvm::is_contained(quantizer.values, name))
      return &quantizer;
  return nullptr;
}

const WeightQuantizer *QuantizationPlan::findWeights(StringRef layer) const {
  for (const WeightQuantizer &quantizer : weights)
    if (quantizer.layer == layer)
      return &quantizer;
  return nullptr;
}

static SmallVector<LinearOp> getLayers(func::FuncOp function) {
  SmallVector<LinearOp> layers;
  function.walk([&](Operation *op) {
    if (std::optional<LinearOp> linear = LinearOp::get(op))
      layers.push_back(*linear);
  });
  return layers;
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

namespace {
class Planner {
public:
  Planner(func::FuncOp function, const RangeTable &ranges,
          const BitAssignment &bits)
      : function(function), ranges(ranges), bits(bits),
        analysis(function, ranges) {}

  LogicalResult run();

  QuantizationPlan plan;

private:
  LogicalResult checkBits(ArrayRef<LinearOp> layers);
  LayerBits getBits(LinearOp linear) const {
    auto it = bits.find(nameOf(linear.getResult()));
    return it == bits.end() ? LayerBits() : it->second;
  }
  std::string nameOf(Value value) const {
    return analysis.getNames().find(value)->second;
  }
  /// Of a class: for fewer than 8 bits the ranges of that many, where data has
  /// shown them.
  Range getRange(const QuantizedClass &found,
                 const ActivationQuantizer &quantizer) const;
  void addActivations(ArrayRef<LinearOp> layers);
  LogicalResult addWeights(LinearOp linear);

  func::FuncOp function;
  const RangeTable &ranges;
  const BitAssignment &bits;
  QuantizationAnalysis analysis;
  /// By class; those without names too.
  llvm::DenseMap<const QuantizedClass *, QuantParams> params;
};
} // namespace

LogicalResult Planner::checkBits(ArrayRef<LinearOp> layers) {
  llvm::StringSet<> known;
  for (LinearOp linear : layers)
    known.insert(nameOf(linear.getResult()));
  for (const auto &[name, asked] : bits) {
    if (!known.contains(name))
      return function.emitError()
             << "expected bits for a conv or gemm, got '" << name << "'";
    for (unsigned count : {asked.weights, asked.activations})
      if (count < 2 || count > 8)
        return function.emitError()
               << "expected 2 to 8 bits for '" << name << "', got " << count;
  }
  return success();
}

void Planner::addActivations(ArrayRef<LinearOp> layers) {
  llvm::DenseMap<const QuantizedClass *, unsigned> asked;
  for (LinearOp linear : layers) {
    unsigned &most = asked[analysis.findClass(linear.getInput())];
    most = std::max(most, getBits(linear).activations);
  }
  for (const QuantizedClass &found : analysis.getClasses()) {
    ActivationQuantizer quantizer;
    for (Value member : found.members)
      if (auto it = analysis.getNames().find(member);
          it != analysis.getNames().end())
        quantizer.values.push_back(it->second);
    quantizer.isFixed = found.castType || found.isDefined();
    quantizer.canNarrow = !quantizer.isFixed && found.canNarrow();
    if (unsigned most = asked.lookup(&found); most && quantizer.canNarrow)
      quantizer.bits = most;
    QuantParams chosen = chooseParams(getRange(found, quantizer),
                                      activationIntegers(quantizer.bits));
    if (quant::UniformQuantizedType type = found.castType) {
      type = analysis.narrow(found, type);
      chosen = {type.getScale(), type.getZeroPoint()};
      quantizer.bits =
          countBits({type.getStorageTypeMin(), type.getStorageTypeMax()});
    }
    quantizer.scale = chosen.scale;
    quantizer.zeroPoint = chosen.zeroPoint;
    params[&found] = chosen;
    // Constants on their own are nobody's to train.
    if (!quantizer.values.empty())
      plan.activations.push_back(std::move(quantizer));
  }
}

Range Planner::getRange(const QuantizedClass &found,
                        const ActivationQuantizer &quantizer) const {
  std::optional<Range> narrow;
  for (const std::string &name : quantizer.values)
    if (const Range *range = ranges.findNarrow(name, quantizer.bits))
      narrow = narrow ? unite(*narrow, *range) : *range;
  return narrow.value_or(analysis.getRange(found.members.front()));
}

LogicalResult Planner::addWeights(LinearOp linear) {
  double input = params.lookup(analysis.findClass(linear.getInput())).scale;
  double output = params.lookup(analysis.findClass(linear.getResult())).scale;
  unsigned count = getBits(linear).weights;
  std::optional<SmallVector<double>> scales = chooseWeightScales(
      linear.getWeights(), linear.getBias(), input, output, count);
  if (!scales)
    return emitNodeError(linear.getOperation())
           << "expected finite weights and bias with their data";
  plan.weights.push_back({nameOf(linear.getResult()), count,
                          std::vector<double>(scales->begin(), scales->end())});
  return success();
}

LogicalResult Planner::run() {
  if (failed(analysis.run()) || failed(analysis.addRanges()))
    return failure();
  SmallVector<LinearOp> layers = getLayers(function);
  if (failed(checkBits(layers)))
    return failure();
  addActivations(layers);
  for (LinearOp linear : layers)
    if (failed(addWeights(linear)))
      return failure();
  return success();
}

llvm::Expected<QuantizationPlan>
accopt::planQuantization(func::FuncOp function, const RangeTable &ranges,
                         const BitAssignment &bits) {
  Planner planner(function, ranges, bits);
  if (llvm::Error error =
          captureError(function.getContext(), [&] { return planner.run(); }))
    return error;
  return std::move(planner.plan);
}

//===----------------------------------------------------------------------===//
// Applying
//===----------------------------------------------------------------------===//

namespace {
class PlanWriter {
public:
  PlanWriter(func::FuncOp function, const QuantizationPlan &plan)
      : function(function), plan(plan), analysis(function, noRanges) {}

  LogicalResult run();

private:
  /// The type of every class, by the plan or, where only constants are in it,
  /// as quantize() chooses it.
  LogicalResult chooseTypes();
  LogicalResult choosePlannedType(const QuantizedClass &found, size_t index);
  quant::UniformQuantizedType getType(Value value) const {
    return types[analysis.findClass(value) - analysis.getClasses().data()];
  }

  LogicalResult checkLayers(ArrayRef<LinearOp> layers);
  LogicalResult writeParameters(LinearOp linear);
  LogicalResult writeConstants(Operation *op);
  void writeClass(const QuantizedClass &found,
                  quant::UniformQuantizedType type);
  Value clampSource(Value value, quant::UniformQuantizedType type);
  void castSource(Value value, quant::UniformQuantizedType type);

  static const RangeTable noRanges;
  func::FuncOp function;
  const QuantizationPlan &plan;
  QuantizationAnalysis analysis;
  std::vector<quant::UniformQuantizedType> types;
};
} // namespace

const RangeTable PlanWriter::noRanges;

static bool isLowBit(quant::UniformQuantizedType type) {
  return type.getStorageTypeMin() > -128;
}

LogicalResult PlanWriter::choosePlannedType(const QuantizedClass &found,
                                            size_t index) {
  const ActivationQuantizer *planned = nullptr;
  for (Value member : found.members) {
    auto name = analysis.getNames().find(member);
    if (name == analysis.getNames().end())
      continue;
    const ActivationQuantizer *entry = plan.findActivation(name->second);
    if (!entry || (planned && entry != planned))
      return function.emitError()
             << "expected the plan to have "
             << (entry ? "one quantizer for all that shares a type with '"
                       : "a quantizer for '")
             << name->second << "', got " << (entry ? "several" : "none");
    planned = entry;
  }
  if (!planned) {
    if (!found.castType)
      types[index] = getActivationType(
          function.getContext(),
          chooseParams(analysis.getRange(found.members.front())));
    return success();
  }
  StringRef name = planned->values.front();
  QuantParams params{planned->scale, planned->zeroPoint};
  IntegerRange integers = activationIntegers(planned->bits);
  if (planned->bits < 2 || planned->bits > 8 || !(planned->scale > 0.0) ||
      double(float(planned->scale)) != planned->scale ||
      !integers.contains({planned->zeroPoint, planned->zeroPoint}))
    return function.emitError()
           << "expected 2 to 8 bits, a scale of f32 and a zero point within "
              "the integers for '"
           << name << "', got " << planned->bits << ", " << planned->scale
           << " and " << planned->zeroPoint;
  if (planned->bits < 8 && !found.castType && !found.canNarrow())
    return function.emitError()
           << "expected 8 bits for '" << name
           << "', which no clamp can bound, got " << planned->bits;
  if (!found.castType) {
    types[index] = getActivationType(function.getContext(), params, integers);
    return success();
  }
  if (found.castType.getScale() != params.scale ||
      found.castType.getZeroPoint() != params.zeroPoint)
    return function.emitError()
           << "expected the type of the model's own casts for '" << name
           << "', got scale " << params.scale << " and zero point "
           << params.zeroPoint;
  return success();
}

LogicalResult PlanWriter::chooseTypes() {
  for (const QuantizedClass &found : analysis.getClasses()) {
    types.push_back(found.castType);
    if (failed(choosePlannedType(found, types.size() - 1)))
      return failure();
  }
  return success();
}

LogicalResult PlanWriter::checkLayers(ArrayRef<LinearOp> layers) {
  for (LinearOp linear : layers) {
    const std::string &name =
        analysis.getNames().find(linear.getResult())->second;
    const WeightQuantizer *planned = plan.findWeights(name);
    if (!planned)
      return emitNodeError(linear.getOperation())
             << "expected the plan to have weights of '" << name
             << "', got none";
    if (int64_t(planned->scales.size()) != linear.getNumOutputs())
      return emitNodeError(linear.getOperation())
             << "expected " << linear.getNumOutputs()
             << " scales of weights, got " << planned->scales.size();
    if (planned->bits < 2 || planned->bits > 8)
      return emitNodeError(linear.getOperation())
             << "expected weights of 2 to 8 bits, got " << planned->bits;
    for (double scale : planned->scales)
      if (!(scale > 0.0) || !std::isfinite(scale))
        return emitNodeError(linear.getOperation())
               << "expected finite scales above zero, got " << scale;
  }
  return success();
}

/// `constant` of integers as real numbers. Scales in the type become f32, which
/// is what a file can hold.
static Value dequantize(OpBuilder &builder, Value constant) {
  auto type = llvm::cast<RankedTensorType>(constant.getType());
  return quant::DequantizeCastOp::create(
      builder, constant.getLoc(), type.clone(builder.getF32Type()), constant);
}

static void roundScales(Value bias) {
  auto tensor = llvm::cast<RankedTensorType>(bias.getType());
  auto type =
      llvm::cast<quant::UniformQuantizedPerAxisType>(tensor.getElementType());
  SmallVector<double> scales;
  for (double scale : type.getScales())
    scales.push_back(float(scale));
  bias.setType(tensor.clone(quant::UniformQuantizedPerAxisType::get(
      type.getFlags(), type.getStorageType(), type.getExpressedType(), scales,
      type.getZeroPoints(), type.getQuantizedDimension(),
      type.getStorageTypeMin(), type.getStorageTypeMax())));
}

LogicalResult PlanWriter::writeParameters(LinearOp linear) {
  Operation *op = linear.getOperation();
  const WeightQuantizer *planned =
      plan.findWeights(analysis.getNames().find(linear.getResult())->second);
  OpBuilder builder(op);
  WeightChoice choice{planned->scales, planned->bits};
  std::optional<QuantizedLinear> quantized =
      quantizeLinear(builder, linear.getWeights(), linear.getBias(),
                     getType(linear.getInput()).getScale(),
                     getType(linear.getResult()).getScale(), &choice);
  if (!quantized)
    return emitNodeError(op)
           << "expected finite weights and bias with their data";
  linear.setWeights(dequantize(builder, quantized->weights));
  if (!quantized->bias)
    return success();
  roundScales(quantized->bias);
  linear.setBias(dequantize(builder, quantized->bias));
  return success();
}

/// Gives constants that are activations, and the value of a padding, what their
/// integers stand for.
LogicalResult PlanWriter::writeConstants(Operation *op) {
  if (isCast(op))
    return success();
  OpBuilder builder(op);
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (!isConstantLike(value) || !analysis.contains(value) ||
        QuantizationAnalysis::isParameter(op, operand.getOperandNumber()))
      continue;
    Value constant = quantizeActivation(builder, value, getType(value));
    if (!constant)
      return emitNodeError(op) << "expected a constant with its data";
    operand.set(dequantize(builder, constant));
  }
  auto pad = llvm::dyn_cast<nn::PadOp>(op);
  if (!pad || pad.getMode() != "constant")
    return success();
  quant::UniformQuantizedType type = getType(pad.getResult());
  QuantParams params{type.getScale(), type.getZeroPoint()};
  IntegerRange integers{type.getStorageTypeMin(), type.getStorageTypeMax()};
  int64_t q = quantizeValue(pad.getValue().convertToDouble(), params, integers);
  pad.setValueAttr(builder.getF32FloatAttr(
      float(params.scale * double(q - params.zeroPoint))));
  return success();
}

/// Bounds a low-bit value where it is made; a `relu` becomes a `clip`.
Value PlanWriter::clampSource(Value value, quant::UniformQuantizedType type) {
  Operation *op = value.getDefiningOp();
  auto real = [&](int64_t q) {
    return float(type.getScale() * double(q - type.getZeroPoint()));
  };
  float low = real(type.getStorageTypeMin());
  float high = real(type.getStorageTypeMax());
  if (!llvm::isa<nn::ClipOp, nn::ReluOp>(op)) {
    composeClamp(op, low, high);
    return value;
  }
  OpBuilder builder(op);
  auto clip = llvm::dyn_cast<nn::ClipOp>(op);
  if (!clip) {
    low = std::max(low, 0.0f);
    clip = nn::ClipOp::create(builder, op->getLoc(), op->getOperand(0),
                              FloatAttr(), FloatAttr());
    value.replaceAllUsesWith(clip.getResult());
    op->erase();
  }
  auto bound = [&](FloatAttr old) {
    float from = old ? float(old.getValueAsDouble()) : 0.0f;
    return std::clamp(from, low, high);
  };
  FloatAttr minimum = clip.getMinimumAttr(), maximum = clip.getMaximumAttr();
  clip.setMinimumAttr(builder.getF32FloatAttr(minimum ? bound(minimum) : low));
  clip.setMaximumAttr(builder.getF32FloatAttr(maximum ? bound(maximum) : high));
  return clip.getResult();
}

void PlanWriter::castSource(Value value, quant::UniformQuantizedType type) {
  // What nothing reads has a type as well.
  bool isQuantized =
      !value.use_empty() &&
      llvm::all_of(value.getUsers(), llvm::IsaPred<quant::QuantizeCastOp>);
  if (isQuantized)
    return;
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  auto tensor = llvm::cast<RankedTensorType>(value.getType());
  auto quantized = quant::QuantizeCastOp::create(builder, value.getLoc(),
                                                 tensor.clone(type), value);
  auto cast = quant::DequantizeCastOp::create(builder, value.getLoc(), tensor,
                                              quantized);
  value.replaceAllUsesExcept(cast, quantized);
}

void PlanWriter::writeClass(const QuantizedClass &found,
                            quant::UniformQuantizedType type) {
  for (Value source : found.sources) {
    // The model's own casts say how they saturate.
    if (isLowBit(type) && !found.castType)
      source = clampSource(source, type);
    castSource(source, type);
  }
}

LogicalResult PlanWriter::run() {
  if (failed(analysis.run()))
    return failure();
  if (failed(analysis.addConstantRanges()) || failed(chooseTypes()))
    return failure();
  SmallVector<LinearOp> layers = getLayers(function);
  if (failed(checkLayers(layers)))
    return failure();
  for (LinearOp linear : layers)
    if (failed(writeParameters(linear)))
      return failure();
  SmallVector<Operation *> ops;
  function.getBody().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops)
    if (failed(writeConstants(op)))
      return failure();
  for (auto [i, found] : llvm::enumerate(analysis.getClasses()))
    writeClass(found, types[i]);
  eraseDeadConstants(function);
  return success();
}

llvm::Error accopt::applyPlan(func::FuncOp function, QuantizationPlan plan) {
  return captureError(function.getContext(),
                      [&] { return PlanWriter(function, plan).run(); });
}
