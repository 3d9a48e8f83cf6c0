//===- SwitchedNetwork.cpp - Bits as arguments of a network ---------------===//
//
// Part of AccOpt. The rewrite follows Quantize.cpp value by value, but leaves
// types float and puts a rounding behind each value that would change its type.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/SwitchedNetwork.h"

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeAnalysis.h"
#include "QuantizeConstants.h"

#include "accopt/Transforms/WeightCorrections.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace accopt;

namespace {
class Switcher {
public:
  Switcher(func::FuncOp function, const RangeTable &ranges,
           ArrayRef<Value> returned)
      : function(function), returned(returned), narrow(function, ranges),
        wide(function, ranges, ActivationBits{16, {}}) {}

  LogicalResult run();

  std::vector<SwitchedClass> classes;
  std::vector<SwitchedCorrection> corrections;

private:
  void addClass(const QuantizedClass &found);
  void addCorrection(Operation *op);
  void addArguments();
  /// `value` rounded as the class `index` is.
  Value round(OpBuilder &builder, Value value, size_t index);
  Value roundAfter(Value value, size_t index);
  size_t indexOf(Value value) const {
    return size_t(narrow.findClass(value) - narrow.getClasses().data());
  }
  LogicalResult roundWeights(LinearOp linear);
  void roundConstants(Operation *op);
  void roundSource(Value value, size_t index);
  void removeCast(Operation *op);
  void switchCorrection(size_t index);

  func::FuncOp function;
  ArrayRef<Value> returned;
  QuantizationAnalysis narrow, wide;
  SmallVector<Value> switches; ///< three for each class
  SmallVector<Operation *> corrected;
  llvm::DenseSet<Value> rounded;
};
} // namespace

static Rounding roundingOf(quant::UniformQuantizedType type) {
  auto zero = float(type.getZeroPoint());
  return {float(type.getScale()), float(type.getStorageTypeMin()) - zero,
          float(type.getStorageTypeMax()) - zero};
}

void Switcher::addClass(const QuantizedClass &found) {
  SwitchedClass &added = classes.emplace_back();
  Value first = found.members.front();
  for (Value member : found.members)
    if (auto it = narrow.getNames().find(member); it != narrow.getNames().end())
      added.values.push_back(it->second);
  added.narrow = added.wide = roundingOf(narrow.getType(first));
  quant::UniformQuantizedType type = wide.getType(first);
  if (added.values.empty() || type.getStorageTypeIntegralWidth() == 8)
    return;
  added.wide = roundingOf(type);
  added.wideBits =
      countBits({type.getStorageTypeMin(), type.getStorageTypeMax()});
}

void Switcher::addCorrection(Operation *op) {
  std::optional<std::string> layer = correctedLayer(op);
  if (!layer)
    return;
  corrected.push_back(op);
  auto bits = op->getAttrOfType<IntegerAttr>(correctionBitsAttr);
  SwitchedCorrection &added =
      corrections.emplace_back(SwitchedCorrection{std::move(*layer),
                                                  indexOf(op->getResult(0)),
                                                  8 + unsigned(bits.getInt()),
                                                  {}});
  for (Value joined : joinedBy(op->getResult(0)))
    if (narrow.contains(joined))
      added.joined.push_back(indexOf(joined));
}

void Switcher::addArguments() {
  Builder builder(function.getContext());
  auto type = RankedTensorType::get({1}, builder.getF32Type());
  SmallVector<Type> inputs(function.getArgumentTypes());
  for (size_t i = 0; i < 3 * classes.size() + corrections.size(); ++i) {
    inputs.push_back(type);
    switches.push_back(function.getBody().addArgument(type, function.getLoc()));
  }
  // Names of arguments stay with those that have one.
  SmallVector<Attribute> attributes;
  if (ArrayAttr old = function.getArgAttrsAttr()) {
    attributes.assign(old.begin(), old.end());
    attributes.resize(inputs.size(), builder.getDictionaryAttr({}));
    function.setArgAttrsAttr(builder.getArrayAttr(attributes));
  }
  function.setType(builder.getFunctionType(inputs, function.getResultTypes()));
}

Value Switcher::round(OpBuilder &builder, Value value, size_t index) {
  Location loc = value.getLoc();
  Type type = value.getType();
  ArrayRef<Value> its = ArrayRef(switches).slice(3 * index, 3);
  Value steps = nn::DivOp::create(builder, loc, type, value, its[0],
                                  FloatAttr(), FloatAttr());
  steps = nn::UnaryMathOp::create(builder, loc, type, nn::UnaryKind::Round,
                                  steps, FloatAttr(), FloatAttr());
  steps = nn::BinaryMathOp::create(builder, loc, type, nn::BinaryKind::Max,
                                   steps, its[1]);
  steps = nn::BinaryMathOp::create(builder, loc, type, nn::BinaryKind::Min,
                                   steps, its[2]);
  Value result = nn::MulOp::create(builder, loc, type, steps, its[0],
                                   FloatAttr(), FloatAttr());
  rounded.insert(result);
  return result;
}

Value Switcher::roundAfter(Value value, size_t index) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  return round(builder, value, index);
}

LogicalResult Switcher::roundWeights(LinearOp linear) {
  OpBuilder builder(linear.getOperation());
  std::optional<QuantizedLinear> quantized =
      quantizeLinear(builder, linear.getWeights(), linear.getBias(),
                     narrow.getType(linear.getInput()).getScale(),
                     narrow.getType(linear.getResult()).getScale());
  if (!quantized)
    return emitNodeError(linear.getOperation())
           << "expected finite weights and bias with their data";
  Value old = linear.getWeights();
  linear.setWeights(quant::DequantizeCastOp::create(
      builder, old.getLoc(), old.getType(), quantized->weights));
  return success();
}

/// Constants that are activations have the bits of their class.
void Switcher::roundConstants(Operation *op) {
  if (isCast(op) || narrow.getPlacement().isOnHost(op))
    return;
  OpBuilder builder(op);
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (isConstantLike(value) && narrow.contains(value) &&
        !QuantizationAnalysis::isParameter(op, operand.getOperandNumber()))
      operand.set(round(builder, value, indexOf(value)));
  }
}

/// What the host keeps as it is is rounded for the machine's ops alone.
void Switcher::roundSource(Value value, size_t index) {
  const HostPlacement &placement = narrow.getPlacement();
  if (value.use_empty())
    return;
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(value);
  Value result = round(builder, value, index);
  bool isKept = placement.keepsType(value);
  value.replaceUsesWithIf(result, [&](OpOperand &use) {
    Operation *user = use.getOwner();
    // What comes before the result is the rounding itself.
    return user != result.getDefiningOp() &&
           !user->isBeforeInBlock(result.getDefiningOp()) &&
           !(isKept &&
             (placement.isOnHost(user) || llvm::isa<func::ReturnOp>(user)));
  });
}

/// The model's own casts: what they round is rounded where it is made, or here
/// if its class is another.
void Switcher::removeCast(Operation *op) {
  Value operand = op->getOperand(0), result = op->getResult(0);
  bool rounds = narrow.contains(result) &&
                (narrow.isConverting(op) || !rounded.contains(operand));
  if (rounds &&
      !llvm::isa<quant::QuantizedType>(getElementTypeOrSelf(operand.getType())))
    operand = roundAfter(operand, indexOf(result));
  result.replaceAllUsesWith(operand);
  op->erase();
}

/// What the correction computes counts as often as its argument says; the
/// residual that it carries on stays.
void Switcher::switchCorrection(size_t index) {
  LinearOp linear = *LinearOp::get(corrected[index]);
  Value computed = linear.getResult();
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(computed);
  Location loc = computed.getLoc();
  Type type = computed.getType();
  Value result = nn::MulOp::create(builder, loc, type, computed,
                                   switches[3 * classes.size() + index],
                                   FloatAttr(), FloatAttr());
  Operation *first = result.getDefiningOp();
  if (Value residual = linear.getResidual()) {
    linear.setResidual({});
    result = nn::AddOp::create(builder, loc, type, result, residual,
                               FloatAttr(), FloatAttr());
  }
  computed.replaceAllUsesExcept(result, first);
}

LogicalResult Switcher::run() {
  if (failed(narrow.run()) || failed(narrow.chooseTypes()) ||
      failed(wide.run()) || failed(wide.chooseTypes()))
    return failure();
  for (const QuantizedClass &found : narrow.getClasses())
    addClass(found);
  function.getBody().walk([&](Operation *op) { addCorrection(op); });
  addArguments();
  // The analyses have seen what the network itself returns.
  function.getBody().front().getTerminator()->setOperands(returned);
  function.setType(FunctionType::get(function.getContext(),
                                     function.getArgumentTypes(),
                                     ValueRange(returned).getTypes()));
  function.removeResAttrsAttr();
  SmallVector<Operation *> ops;
  function.getBody().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    if (std::optional<LinearOp> linear = LinearOp::get(op))
      if (failed(roundWeights(*linear)))
        return failure();
    roundConstants(op);
  }
  for (OpOperand *operand : narrow.getConversions()) {
    OpBuilder builder(operand->getOwner());
    operand->set(round(builder, operand->get(),
                       indexOf(operand->getOwner()->getResult(0))));
  }
  for (auto [index, found] : llvm::enumerate(narrow.getClasses()))
    for (Value source : found.sources)
      roundSource(source, index);
  for (Operation *op : ops)
    if (isCast(op) && !isConstantLike(op->getResult(0)))
      removeCast(op);
  for (size_t i = 0; i < corrections.size(); ++i)
    switchCorrection(i);
  eraseDeadConstants(function);
  return success();
}

llvm::Expected<SwitchedNetwork>
accopt::makeSwitchedNetwork(func::FuncOp function, const RangeTable &ranges,
                            ArrayRef<Value> returned) {
  SwitchedNetwork network;
  network.module = ModuleOp::create(function.getLoc());
  IRMapping mapping;
  auto clone = cast<func::FuncOp>(function->clone(mapping));
  network.module->push_back(clone);
  auto own = llvm::map_to_vector(
      returned, [&](Value value) { return mapping.lookup(value); });
  Switcher switcher(clone, ranges, own);
  if (llvm::Error error =
          captureError(function.getContext(), [&] { return switcher.run(); }))
    return std::move(error);
  network.classes = std::move(switcher.classes);
  network.corrections = std::move(switcher.corrections);
  return std::move(network);
}
