//===- HostPlacement.cpp - What stays float or integer --------------------===//

#include "HostPlacement.h"

#include "ConstantData.h"
#include "LinearOps.h"
#include "QuantizeAnalysis.h"

#include "accopt/Transforms/Ranges.h"

#include "dialects/NN/NNMath.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// f32, or what a model's own casts made.
static bool isReal(Value value) {
  Type element = typeOf(value).getElementType();
  return element.isF32() || llvm::isa<quant::QuantizedType>(element);
}

/// The accelerator runs these whatever is around them.
static bool isAnchor(Operation *op) {
  if (auto mean = llvm::dyn_cast<nn::ReduceMeanOp>(op))
    return typeOf(mean.getInput()).getRank() == 4 &&
           mean.getAxes() == ArrayRef<int64_t>{2, 3};
  return LinearOp::get(op) || llvm::isa<nn::MaxPoolOp, nn::AveragePoolOp>(op);
}

/// Functions of one value that spread their results so far that eight bits hold
/// little of them, unless a layer's scale fits them.
static bool isSteep(nn::UnaryKind kind) {
  switch (kind) {
  case nn::UnaryKind::Exp:
  case nn::UnaryKind::Log:
  case nn::UnaryKind::Sqrt:
  case nn::UnaryKind::Reciprocal:
  case nn::UnaryKind::Power:
  case nn::UnaryKind::Tan:
  case nn::UnaryKind::Sinh:
  case nn::UnaryKind::Cosh:
  case nn::UnaryKind::Acosh:
  case nn::UnaryKind::Atanh:
    return true;
  default:
    return false;
  }
}

static bool isSteep(Operation *op) {
  return llvm::any_of(nn::stepsOf(op), [](const nn::FunctionStep &step) {
    return isSteep(step.kind);
  });
}

/// Functions of a constant and a value have two operands, and may be a table
/// only once they are a chain.
static bool isUnary(Operation *op) {
  return op->getNumOperands() == 1 && !nn::stepsOf(op).empty();
}

static bool isFlexible(Operation *op) {
  if (!llvm::all_of(op->getOperands(), isReal) ||
      !llvm::all_of(op->getResults(), isReal))
    return false;
  return isUnary(op) || movesData(op) ||
         llvm::isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::ReduceMeanOp,
                   nn::ResampleOp>(op);
}

static bool isCastOp(Operation *op) { return op && isCast(op); }

static bool readsCast(Operation *op) {
  return llvm::any_of(op->getOperands(), [](Value operand) {
    return isCastOp(operand.getDefiningOp()) && !isConstantLike(operand);
  });
}

static bool writesCast(Operation *op) {
  return llvm::any_of(op->getResults(), [](Value result) {
    return llvm::any_of(result.getUsers(), isCastOp);
  });
}

/// A model's own casts say what is int8.
static bool isCastAround(Operation *op) {
  return readsCast(op) || writesCast(op);
}

/// What only moves elements has them from where its operand has them.
static Value sourceOf(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && movesData(op) && !isAnchor(op) && op->getNumOperands() == 1) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return value;
}

/// Probabilities beside other numbers, as detectors return them with boxes: one
/// scale for both would leave nothing of the former.
static bool mixesScales(Operation *op) {
  if (!llvm::isa<nn::ConcatOp>(op))
    return false;
  bool anyUnit = false, allUnit = true;
  for (Value operand : op->getOperands()) {
    Operation *source = sourceOf(operand).getDefiningOp();
    bool isUnit = source && isUnitInterval(source);
    anyUnit |= isUnit;
    allUnit &= isUnit;
  }
  return anyUnit && !allUnit;
}

bool HostPlacement::isMadeOnHost(Value value) const {
  value = sourceOf(value);
  Operation *op = value.getDefiningOp();
  return op ? onHost.contains(op) : !isReal(value);
}

/// Whether all that becomes of `value`, moved or not, is read by the
/// accelerator.
bool HostPlacement::isReadByMachine(Value value) const {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (onHost.contains(user) || llvm::isa<func::ReturnOp>(user))
      return false;
    return !movesData(user) || isAnchor(user) ||
           isReadByMachine(user->getResult(0));
  });
}

bool HostPlacement::isReadOnHostAlone(Value value) const {
  return !value.use_empty() &&
         llvm::all_of(value.getUsers(),
                      [&](Operation *user) { return onHost.contains(user); });
}

/// Whether all that becomes of `value`, moved or not, is read by the host or
/// returned.
bool HostPlacement::isLeftToHost(Value value) const {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return onHost.contains(user) || llvm::isa<func::ReturnOp>(user) ||
           (movesData(user) && !isAnchor(user) &&
            isLeftToHost(user->getResult(0)));
  });
}

/// Whether `op`, which both could run, is better run by the host.
bool HostPlacement::demote(Operation *op) {
  bool anyHost = false, allHost = true;
  for (Value operand : op->getOperands()) {
    if (isConstantLike(operand))
      continue;
    (isMadeOnHost(operand) ? anyHost : allHost) = isMadeOnHost(operand);
  }
  Value result = op->getResult(0);
  if (movesData(op)) {
    // Moving int8 costs no accuracy; floats become int8 where all is read so.
    return (anyHost && allHost && !isReadByMachine(result)) ||
           ((anyHost || mixesScales(op)) && isLeftToHost(result));
  }
  if (isUnary(op)) {
    Operation *producer = op->getOperand(0).getDefiningOp();
    bool followsLayer = producer && isAnchor(producer);
    if (isSteep(op) && !followsLayer)
      return true;
    return anyHost || (!followsLayer && isReadOnHostAlone(result));
  }
  return (anyHost && allHost) || isReadOnHostAlone(result);
}

bool HostPlacement::isReadByHost(Value value) const {
  return llvm::any_of(value.getUsers(),
                      [&](Operation *user) { return onHost.contains(user); });
}

/// A value of the host that the accelerator reads too is quantized as a copy.
void HostPlacement::classify(Value value) {
  bool machineReads = false, othersRead = false;
  for (Operation *user : value.getUsers()) {
    bool isOther = onHost.contains(user) || llvm::isa<func::ReturnOp>(user);
    (isOther ? othersRead : machineReads) = true;
  }
  if (!isReal(value)) {
    kept.insert(value);
    return;
  }
  // An input that no host op reads is int8 as well.
  Operation *op = value.getDefiningOp();
  if (op ? !onHost.contains(op) : machineReads || !isReadByHost(value))
    return;
  if (machineReads && !othersRead)
    return;
  kept.insert(value);
  if (machineReads)
    copied.insert(value);
}

HostPlacement::HostPlacement(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return;
  SmallVector<Operation *> flexible;
  Block &block = function.getBody().front();
  for (Operation &op : block.without_terminator()) {
    if (llvm::isa<nn::ConstantOp>(op) || isCast(&op) || isAnchor(&op) ||
        llvm::all_of(op.getResults(), isConstantLike))
      continue;
    if (llvm::isa<nn::ConvOp>(op)) { // with weights that are no constant
      onHost.insert(&op);
      continue;
    }
    if (isCastAround(&op)) {
      // What is no number that casts could mean goes to the host as it is, and
      // so does what the host alone computes of floats.
      if (!llvm::all_of(op.getResults(), isReal) ||
          !llvm::all_of(op.getOperands(), isReal) ||
          (!isFlexible(&op) && !readsCast(&op)) ||
          (llvm::isa<nn::BinaryMathOp>(op) && !writesCast(&op)))
        onHost.insert(&op);
      continue;
    }
    if (isFlexible(&op))
      flexible.push_back(&op);
    else
      onHost.insert(&op);
  }
  // Ops only leave the accelerator, so this ends.
  for (bool changed = true; changed;) {
    changed = false;
    auto visit = [&](Operation *op) {
      if (!onHost.contains(op) && demote(op))
        changed |= onHost.insert(op).second;
    };
    llvm::for_each(llvm::reverse(flexible), visit);
    llvm::for_each(flexible, visit);
  }
  for (Value argument : block.getArguments())
    classify(argument);
  for (Operation &op : block.without_terminator())
    for (Value result : op.getResults())
      if (!isConstantLike(result))
        classify(result);
}

llvm::DenseSet<Value> accopt::valuesToQuantize(func::FuncOp func) {
  HostPlacement placement(func);
  llvm::DenseSet<Value> values;
  for (auto &[value, name] : nameValues(func))
    if (placement.needsRange(value))
      values.insert(value);
  return values;
}
