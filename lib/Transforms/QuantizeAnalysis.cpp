//===- QuantizeAnalysis.cpp - Which values share which type ---------------===//

#include "QuantizeAnalysis.h"

#include "ConstantData.h"
#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeConstants.h"

#include "accopt/Transforms/WeightCorrections.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

bool accopt::movesData(Operation *op) {
  if (auto resample = llvm::dyn_cast<nn::ResampleOp>(op))
    return resample.isCopy();
  return llvm::isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp, nn::ConcatOp,
                   nn::PadOp, nn::MaxPoolOp>(op);
}

bool accopt::isHostParameter(Operation *op, unsigned index) {
  return llvm::isa<nn::RecurrentOp>(op) && index > 0 &&
         isConstantLike(op->getOperand(index));
}

bool accopt::isCast(Operation *op) {
  return llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op);
}

/// 1/256 steps from 0, as every int8 implementation of them has it.
bool accopt::isUnitInterval(Operation *op) {
  return llvm::isa<nn::SigmoidOp, nn::HardSigmoidOp, nn::SoftmaxOp>(op);
}
static constexpr Range unitInterval{0.0, 255.0 / 256.0};

LogicalResult QuantizationAnalysis::check(Operation *op) const {
  if (llvm::isa<func::ReturnOp, nn::ConstantOp>(op))
    return success();
  if (!llvm::isa_and_nonnull<nn::NNDialect, quant::QuantDialect>(
          op->getDialect()))
    return emitNodeError(op) << "expected an op of nn or quant";
  if (llvm::isa<nn::BatchNormOp>(op) &&
      llvm::all_of(op->getOperands().drop_front(), isConstantLike))
    return emitNodeError(op)
           << "expected batch normalization with a positive variance, which "
              "nn-fold-batch-norm folds";
  if (llvm::isa<nn::ConvOp, nn::GemmOp>(op) && !placement.isOnHost(op)) {
    std::optional<LinearOp> linear = LinearOp::get(op);
    if (!linear)
      return emitNodeError(op) << "expected the form that nn-normalize makes";
    if (!isConstantLike(linear->getWeights()))
      return emitNodeError(op) << "expected constant weights";
    if (linear->getBias() && !isConstantLike(linear->getBias()))
      return emitNodeError(op) << "expected a constant bias";
  }
  for (Value result : op->getResults()) {
    Type element = typeOf(result).getElementType();
    if (!element.isF32() && !llvm::isa<quant::QuantizedType>(element) &&
        !placement.isOnHost(op))
      return emitNodeError(op) << "expected a result of f32, got " << element;
  }
  return success();
}

bool QuantizationAnalysis::isParameter(Operation *op, unsigned index) {
  if (isHostParameter(op, index))
    return true;
  std::optional<LinearOp> linear = LinearOp::get(op);
  if (!linear || index == 0)
    return false;
  Value value = op->getOperand(index);
  // A residual may be the same constant as a bias; it comes last.
  bool isLast = index + 1 == op->getNumOperands();
  return !(linear->getResidual() && isLast) &&
         (index == 1 || value == linear->getBias());
}

void QuantizationAnalysis::insertValues() {
  for (Value argument : func.getArguments())
    if (placement.needsRange(argument))
      values.insert(argument);
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (!isConstantLike(result) && placement.needsRange(result))
        values.insert(result);
    // The host takes constants as they are.
    if (llvm::isa<quant::DequantizeCastOp>(op) || placement.isOnHost(op))
      return;
    for (OpOperand &operand : op->getOpOperands())
      if (isConstantLike(operand.get()) &&
          !isParameter(op, operand.getOperandNumber()))
        values.insert(operand.get());
  });
}

/// The casts fix types. A value that is quantized twice keeps the first type;
/// the others become conversions.
LogicalResult QuantizationAnalysis::takeCasts() {
  WalkResult result = func.walk([&](Operation *op) -> WalkResult {
    if (!llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op) ||
        !values.contains(op->getResult(0)))
      return WalkResult::advance();
    bool isQuantize = llvm::isa<quant::QuantizeCastOp>(op);
    Value quantized = isQuantize ? op->getResult(0) : op->getOperand(0);
    auto type = llvm::dyn_cast<quant::UniformQuantizedType>(
        typeOf(quantized).getElementType());
    if (!type || !type.isSigned() || type.getStorageTypeIntegralWidth() > 16)
      return emitNodeError(op)
             << "expected int8 or int16 per tensor for an activation, got "
             << typeOf(quantized).getElementType();
    values.setType(op->getResult(0), type);
    if (!values.contains(op->getOperand(0)))
      return WalkResult::advance();
    if (!values.tie(op->getOperand(0), op->getResult(0)))
      convertingCasts.insert(op);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

void QuantizationAnalysis::tieValues() {
  func.walk([&](Operation *op) {
    if (!movesData(op) || placement.isOnHost(op))
      return;
    for (OpOperand &operand : op->getOpOperands())
      if (!values.tie(op->getResult(0), operand.get()))
        conversions.push_back(&operand);
  });
}

LogicalResult QuantizationAnalysis::addRange(Value value) {
  Operation *op = value.getDefiningOp();
  if (op && isConstantLike(value)) {
    std::optional<ConstantFloats> constant = readDequantized(value);
    if (!constant)
      return emitNodeError(op) << "expected a constant with its data";
    for (float element : constant->values()) {
      if (!std::isfinite(element))
        return emitNodeError(op) << "expected finite values";
      values.addRange(value, {element, element});
    }
    return success();
  }
  if (op && isUnitInterval(op)) {
    values.addRange(value, unitInterval);
    return success();
  }
  const Range *found = table.find(names.find(value)->second);
  if (!found) {
    if (op)
      return emitNodeError(op) << "expected a range for '"
                               << names.find(value)->second << "', got none";
    return func.emitError() << "expected a range for argument '"
                            << names.find(value)->second << "', got none";
  }
  Range range = *found;
  auto clamp = [&](StringRef name, auto apply) {
    auto attr = op ? op->getAttrOfType<FloatAttr>(name) : FloatAttr();
    if (!attr)
      return;
    range.min = apply(range.min, attr.getValueAsDouble());
    range.max = apply(range.max, attr.getValueAsDouble());
  };
  auto larger = [](double a, double b) { return std::max(a, b); };
  auto smaller = [](double a, double b) { return std::min(a, b); };
  clamp("clamp_min", larger);
  clamp("clamp_max", smaller);
  values.addRange(value, range);
  return success();
}

/// Ranges come from where values are made: an op that moves data adds at most
/// the padding.
LogicalResult QuantizationAnalysis::addRanges() {
  llvm::SmallVector<Value> sources(func.getArguments());
  llvm::DenseSet<Value> constants;
  func.walk([&](Operation *op) {
    if (auto pad = llvm::dyn_cast<nn::PadOp>(op))
      if (pad.getMode() == "constant" && values.contains(pad)) {
        double value = pad.getValue().convertToDouble();
        values.addRange(pad, {value, value});
      }
    for (Value operand : op->getOperands())
      if (isConstantLike(operand) && values.contains(operand) &&
          constants.insert(operand).second)
        sources.push_back(operand);
    if ((!movesData(op) || placement.isOnHost(op)) &&
        !llvm::isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
      for (Value result : op->getResults())
        if (!isConstantLike(result))
          sources.push_back(result);
  });
  for (Value value : sources)
    if (values.contains(value) && !values.getType(value) &&
        failed(addRange(value)))
      return failure();
  return success();
}

LogicalResult QuantizationAnalysis::run() {
  if (func.isDeclaration())
    return func.emitError() << "expected a function with a body";
  WalkResult checked = func.getBody().walk(
      [&](Operation *op) -> WalkResult { return check(op); });
  if (checked.wasInterrupted())
    return failure();
  for (BlockArgument argument : func.getArguments())
    if (!typeOf(argument).getElementType().isF32() &&
        !placement.keepsType(argument))
      return func.emitError()
             << "expected argument '" << names.find(argument)->second
             << "' of f32, got " << typeOf(argument).getElementType();
  insertValues();
  if (failed(takeCasts()))
    return failure();
  tieValues();
  makeClasses();
  return success();
}

//===----------------------------------------------------------------------===//
// Classes
//===----------------------------------------------------------------------===//

/// Adds what `value` says about its class.
static void addMember(QuantizedClass &found, Value value,
                      const llvm::DenseSet<Operation *> &conversions) {
  found.members.push_back(value);
  for (Operation *user : value.getUsers())
    found.reachesBoundary |= llvm::isa<func::ReturnOp>(user);
  Operation *op = value.getDefiningOp();
  if (!op) {
    found.reachesBoundary = true;
    found.sources.push_back(value);
    return;
  }
  if (isConstantLike(value)) {
    found.constants.push_back(value);
    return;
  }
  // A conversion makes values that no clamp bounds.
  found.isConverted |= conversions.contains(op);
  if (isCast(op))
    return;
  if (movesData(op)) {
    found.movements.push_back(op);
    return;
  }
  found.sources.push_back(value);
}

void QuantizationAnalysis::makeClasses() {
  llvm::DenseSet<Operation *> converting = convertingCasts;
  for (OpOperand *operand : conversions)
    converting.insert(operand->getOwner());
  llvm::DenseMap<size_t, size_t> numbers;
  for (Value value : values.getValues()) {
    auto [it, isNew] = numbers.try_emplace(values.find(value), classes.size());
    if (isNew)
      classes.emplace_back();
    QuantizedClass &found = classes[it->second];
    addMember(found, value, converting);
    if (isNew)
      found.castType = values.getType(value);
  }
  for (auto [i, found] : llvm::enumerate(classes))
    for (Value member : found.members)
      classOf[member] = i;
}

const QuantizedClass *QuantizationAnalysis::findClass(Value value) const {
  auto it = classOf.find(value);
  return it == classOf.end() ? nullptr : &classes[it->second];
}

bool accopt::isClampable(Operation *op) {
  return LinearOp::get(op) || llvm::isa<nn::AddOp, nn::SubOp, nn::MulOp,
                                        nn::DivOp, nn::ClipOp, nn::ReluOp>(op);
}

bool QuantizedClass::canNarrow() const {
  return !reachesBoundary && !isConverted && !sources.empty() &&
         llvm::all_of(sources, [](Value value) {
           return isClampable(value.getDefiningOp());
         });
}

bool QuantizedClass::isDefined() const {
  return !sources.empty() && constants.empty() &&
         llvm::none_of(movements, llvm::IsaPred<nn::PadOp>) &&
         llvm::all_of(sources, [](Value value) {
           Operation *op = value.getDefiningOp();
           return op && isUnitInterval(op);
         });
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

quant::UniformQuantizedType accopt::getActivationType(MLIRContext *context,
                                                      QuantParams params,
                                                      IntegerRange integers) {
  Builder builder(context);
  return quant::UniformQuantizedType::get(
      quant::QuantizationFlags::Signed,
      builder.getIntegerType(countBits(integers) > 8 ? 16 : 8),
      builder.getF32Type(), params.scale, params.zeroPoint, integers.min,
      integers.max);
}

static IntegerRange getIntegers(quant::UniformQuantizedType type) {
  return {type.getStorageTypeMin(), type.getStorageTypeMax()};
}

/// The integers that the clamp of `op` leaves, in `type`.
static IntegerRange getClampedIntegers(Operation *op,
                                       quant::UniformQuantizedType type) {
  QuantParams params{type.getScale(), type.getZeroPoint()};
  IntegerRange all = getIntegers(type);
  bool isClip = llvm::isa<nn::ClipOp>(op);
  auto bound = [&](StringRef name, int64_t none) -> int64_t {
    auto attr = op->getAttrOfType<FloatAttr>(name);
    return attr ? quantizeValue(attr.getValueAsDouble(), params, all) : none;
  };
  return {bound(isClip ? "minimum" : "clamp_min", all.min),
          bound(isClip ? "maximum" : "clamp_max", all.max)};
}

/// The least two's complement that holds the class's integers: clamps are part
/// of the network, so this needs no other record of an activation's bits and
/// finds them in an ONNX file, whose casts know only int8.
quant::UniformQuantizedType
QuantizationAnalysis::narrow(const QuantizedClass &found,
                             quant::UniformQuantizedType type) const {
  if (!found.canNarrow())
    return type;
  IntegerRange used{type.getZeroPoint(), type.getZeroPoint()};
  auto add = [&](IntegerRange more) {
    used = {std::min(used.min, more.min), std::max(used.max, more.max)};
  };
  for (Value source : found.sources)
    add(getClampedIntegers(source.getDefiningOp(), type));
  QuantParams params{type.getScale(), type.getZeroPoint()};
  auto addValue = [&](double value) {
    int64_t q = quantizeValue(value, params, getIntegers(type));
    add({q, q});
  };
  for (Operation *op : found.movements)
    if (auto pad = llvm::dyn_cast<nn::PadOp>(op))
      if (pad.getMode() == "constant")
        addValue(pad.getValue().convertToDouble());
  for (Value constant : found.constants) {
    if (countBits(used) == 8)
      return type;
    if (std::optional<ConstantFloats> floats = readDequantized(constant))
      for (float element : floats->values())
        addValue(element);
  }
  IntegerRange integers = activationIntegers(countBits(used));
  return getIntegers(type).contains(integers)
             ? getActivationType(type.getContext(), params, integers)
             : type;
}

LogicalResult QuantizationAnalysis::addConstantRanges() {
  for (const QuantizedClass &found : classes)
    if (found.constants.size() == found.members.size() && !found.castType)
      for (Value constant : found.constants)
        if (failed(addRange(constant)))
          return failure();
  return success();
}

bool accopt::isNamed(StringRef name, StringRef asked) {
  if (name == asked)
    return true;
  SmallVector<StringRef> nodes;
  name.split(nodes, '+');
  return llvm::is_contained(nodes, asked);
}

LogicalResult QuantizationAnalysis::checkBits() {
  for (const auto &[asked, count] : bits.byName) {
    auto matches = llvm::make_filter_range(
        names, [&](const auto &named) { return isNamed(named.second, asked); });
    if (matches.empty())
      return func.emitError() << "expected bits for a value of the network, "
                                 "got '"
                              << asked << "'";
    for (const auto &[value, name] : matches)
      if (const QuantizedClass *found = findClass(value);
          found && found->castType && count > 8) {
        unsigned own = found->castType.getStorageTypeIntegralWidth();
        if (count != own)
          return func.emitError()
                 << "expected " << own << " bits for '" << asked
                 << "', whose type the model's own casts give, got " << count;
      }
  }
  return success();
}

/// What is asked for `member` by its name; 0 if nothing is. A correction that
/// carries a residual on is as fine as that and as what it goes into.
unsigned QuantizationAnalysis::getAskedBits(Value member) const {
  unsigned most = 0;
  if (auto it = names.find(member); it != names.end())
    for (const auto &[asked, count] : bits.byName)
      if (isNamed(it->second, asked))
        most = std::max(most, count);
  for (Value joined : joinedBy(member))
    if (const QuantizedClass *found = findClass(joined))
      most = std::max(most, getBits(*found));
  return most;
}

/// What the model's casts say, or the most that is asked for one of its values.
/// A value that a wide cast reads through the clip that says where the cast
/// saturates has the cast's bits.
unsigned QuantizationAnalysis::getBits(const QuantizedClass &found) const {
  if (found.castType)
    return found.castType.getStorageTypeIntegralWidth();
  unsigned most = 0;
  for (Value member : found.members)
    for (Operation *user : member.getUsers())
      if (auto clip = llvm::dyn_cast<nn::ClipOp>(user))
        if (const QuantizedClass *next = findClass(clip.getResult());
            next && next->castType &&
            next->castType.getStorageTypeIntegralWidth() > 8)
          most = next->castType.getStorageTypeIntegralWidth();
  for (Value member : found.members)
    most = std::max(most, getAskedBits(member));
  return most ? most : bits.all;
}

/// What wide integers of a model's cast reach. Without a zero point the scale
/// stays as it is, and the one integer below the largest's negative is lost.
static Range getReach(quant::UniformQuantizedType type) {
  int64_t zero = type.getZeroPoint(), max = type.getStorageTypeMax();
  int64_t min = zero == 0 ? -max : type.getStorageTypeMin();
  return {type.getScale() * double(min - zero),
          type.getScale() * double(max - zero)};
}

LogicalResult QuantizationAnalysis::chooseType(const QuantizedClass &found) {
  Value first = found.members.front();
  Range range = values.getRange(first).value_or(Range{0.0, 0.0});
  unsigned count = getBits(found);
  if (count > 8 && found.castType)
    range = getReach(found.castType);
  else if (count > 8)
    for (Value source : found.sources)
      if (Operation *op = source.getDefiningOp(); op && isUnitInterval(op))
        range = unite(range, {0.0, 1.0});
  double reach = std::max(std::fabs(range.min), std::fabs(range.max));
  for (Value member : found.members)
    for (Operation *user : member.getUsers()) {
      std::optional<LinearOp> linear = LinearOp::get(user);
      if (count <= 8 || !linear || linear->getInput() != member)
        continue;
      std::optional<unsigned> room =
          countInputBits(linear->getWeights(), linear->getBias(), reach, count);
      if (!room)
        return emitNodeError(user)
               << "expected finite weights and bias with their data";
      count = *room;
    }
  if (count > 8) {
    values.replaceType(first,
                       getActivationType(func.getContext(),
                                         chooseSymmetricParams(range, count),
                                         activationIntegers(count)));
    return success();
  }
  quant::UniformQuantizedType type = found.castType;
  // A wide cast's integers that found no room become 8 bits over its reach.
  if (type && type.getStorageTypeIntegralWidth() > 8)
    type = getActivationType(func.getContext(), chooseParams(range));
  if (!type)
    type = getActivationType(
        func.getContext(),
        chooseParams(values.getRange(first).value_or(Range{0.0, 0.0})));
  values.replaceType(first, narrow(found, type));
  return success();
}

LogicalResult QuantizationAnalysis::chooseTypes() {
  if (failed(addRanges()) || failed(checkBits()))
    return failure();
  for (const QuantizedClass &found : classes)
    if (failed(chooseType(found)))
      return failure();
  return success();
}
