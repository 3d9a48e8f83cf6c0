//===- CostServiceUnits.cpp - Pieces of a network with a price ------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "CostServiceUnits.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace accopt {
namespace {

bool isCast(mlir::Operation *op) {
  return isa_and_nonnull<quant::QuantizeCastOp, quant::DequantizeCastOp>(op);
}

/// The activation behind casts that a QDQ model brings.
Value withoutCasts(Value value) {
  while (isCast(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

bool isConstant(Value value) {
  return withoutCasts(value).getDefiningOp<nn::ConstantOp>() != nullptr;
}

bool isLinear(mlir::Operation *op) { return isa<nn::ConvOp, nn::GemmOp>(op); }

/// A table, which joins the epilogue of the convolution before it.
bool isFunctionOfOneValue(mlir::Operation *op) {
  return isa<nn::ReluOp, nn::ClipOp, nn::LeakyReluOp, nn::SigmoidOp,
             nn::HardSigmoidOp, nn::HardSwishOp, nn::SiluOp>(op);
}

bool isShuffle(mlir::Operation *op) {
  return isa<nn::ReshapeOp, nn::TransposeOp>(op);
}

/// Layers that read and write tensors in the scratchpad (MemoryPlan.cpp).
bool worksOnScratchpad(mlir::Operation *op) {
  return isLinear(op) || isFunctionOfOneValue(op) ||
         isa<nn::MaxPoolOp, nn::AveragePoolOp, nn::ReduceMeanOp, nn::AddOp,
             nn::SubOp, nn::MulOp>(op);
}

bool readsAnyPitch(mlir::Operation *op) {
  return isLinear(op) ||
         isa<nn::MaxPoolOp, nn::AveragePoolOp, nn::ConcatOp>(op);
}

/// Whether what `op` makes can be a slice of a concatenation: convolutions,
/// with the table that joins them, and pools write pixels at any distance.
bool writesAnyPitch(mlir::Operation *op) {
  if (op && isFunctionOfOneValue(op)) {
    Value input = withoutCasts(op->getOperand(0));
    op = input.getDefiningOp();
    return op && isLinear(op) && op->getResult(0).hasOneUse();
  }
  return op && readsAnyPitch(op);
}

bool isConcatInPlace(mlir::Operation *op) {
  auto concat = dyn_cast<nn::ConcatOp>(op);
  if (!concat || concat.getAxis() != 1 || concat.getType().getRank() != 4)
    return false;
  llvm::SmallDenseSet<Value> seen;
  return llvm::all_of(concat.getInputs(), [&](Value operand) {
    Value value = withoutCasts(operand);
    return seen.insert(value).second && writesAnyPitch(value.getDefiningOp()) &&
           llvm::all_of(value.getUsers(), [](mlir::Operation *user) {
             return isCast(user) || readsAnyPitch(user);
           });
  });
}

/// The ops that read `value`, through casts and reshapes.
void collectReaders(Value value, SmallVectorImpl<mlir::Operation *> &readers) {
  for (mlir::Operation *user : value.getUsers()) {
    if (isCast(user) || isa<nn::ReshapeOp>(user))
      collectReaders(user->getResult(0), readers);
    else
      readers.push_back(user);
  }
}

bool mayStayForReaders(Value value) {
  SmallVector<mlir::Operation *> readers;
  collectReaders(value, readers);
  return !readers.empty() && llvm::all_of(readers, worksOnScratchpad);
}

bool mayStay(Value value) {
  Value source = value;
  while (mlir::Operation *op = source.getDefiningOp()) {
    if (!isCast(op) && !isa<nn::ReshapeOp>(op))
      break;
    source = op->getOperand(0);
  }
  mlir::Operation *producer = source.getDefiningOp();
  return producer && worksOnScratchpad(producer) && mayStayForReaders(source);
}

class Cutter {
public:
  Cutter(func::FuncOp function, const BitAssignment &bits)
      : function(function), bits(bits) {
    for (const auto &[value, name] : nameValues(function))
      names[value] = name;
  }
  std::vector<CostUnit> run();

private:
  void place(mlir::Operation *op);
  void finish(CostUnit &unit);
  /// The unit whose last result `value` is, if nothing else reads it.
  CostUnit *openUnit(Value value) {
    for (Value at = value;; at = at.getDefiningOp()->getOperand(0)) {
      if (!at.hasOneUse())
        return nullptr;
      if (!isCast(at.getDefiningOp()))
        break;
    }
    value = withoutCasts(value);
    auto found = unitOf.find(value.getDefiningOp());
    if (found == unitOf.end())
      return nullptr;
    CostUnit &unit = units[found->second];
    return unit.ops.back() == value.getDefiningOp() ? &unit : nullptr;
  }
  /// What the array layers that read `value` ask for: the most, 8 if none does.
  unsigned bitsOf(Value value) const;

  func::FuncOp function;
  const BitAssignment &bits;
  llvm::DenseMap<Value, std::string> names;
  llvm::DenseMap<mlir::Operation *, size_t> unitOf;
  std::vector<CostUnit> units;
};

unsigned Cutter::bitsOf(Value value) const {
  SmallVector<mlir::Operation *> readers;
  collectReaders(value, readers);
  unsigned most = 0;
  for (mlir::Operation *reader : readers) {
    if (!isLinear(reader) || withoutCasts(reader->getOperand(0)) != value)
      continue;
    auto asked = bits.find(names.lookup(reader->getResult(0)));
    most = std::max(most, asked == bits.end() ? 8 : asked->second.activations);
  }
  return most && mayStay(value) ? most : 8;
}

void Cutter::place(mlir::Operation *op) {
  CostUnit *unit = nullptr;
  if (isFunctionOfOneValue(op)) {
    unit = openUnit(op->getOperand(0));
    if (unit && !isLinear(unit->ops.back()) &&
        !isFunctionOfOneValue(unit->ops.back()))
      unit = nullptr;
  } else if (isShuffle(op) || isLinear(op)) {
    unit = openUnit(op->getOperand(0));
    if (unit && !llvm::all_of(unit->ops, isShuffle))
      unit = nullptr;
  }
  if (!unit)
    unit = &units.emplace_back();
  unitOf[op] = size_t(unit - units.data());
  unit->ops.push_back(op);
}

void Cutter::finish(CostUnit &unit) {
  unit.isInPlace = unit.ops.size() == 1 && isConcatInPlace(unit.ops.front());
  for (mlir::Operation *op : unit.ops) {
    std::string node = getNodeName(op->getLoc());
    if (!node.empty() && !isShuffle(op))
      unit.name += (unit.name.empty() ? "" : "+") + node;
    if (unit.op.empty() && !isShuffle(op))
      unit.op = op->getName().stripDialect().str();
    if (isLinear(op)) {
      unit.hasWeights = true;
      auto asked = bits.find(names.lookup(op->getResult(0)));
      if (asked != bits.end())
        unit.bits = asked->second;
    }
    for (Value operand : op->getOperands()) {
      Value value = withoutCasts(operand);
      bool inside = llvm::is_contained(unit.ops, value.getDefiningOp());
      bool known = llvm::any_of(unit.inputs, [&](const UnitBoundary &input) {
        return input.value == value;
      });
      if (!isConstant(operand) && !inside && !known)
        unit.inputs.push_back({value, mayStay(value), bitsOf(value)});
    }
  }
  Value result = unit.ops.back()->getResult(0);
  unit.output = {result, mayStay(result), bitsOf(result)};
  if (unit.op.empty()) {
    unit.op = "transpose";
    unit.name = getNodeName(unit.ops.back()->getLoc());
  }
}

std::vector<CostUnit> Cutter::run() {
  for (mlir::Operation &op : function.getBody().front())
    if (!isa<func::ReturnOp, nn::ConstantOp>(op) && !isCast(&op))
      place(&op);
  std::vector<CostUnit> result;
  for (CostUnit &unit : units) {
    // Another name for the same bytes.
    if (llvm::all_of(unit.ops, llvm::IsaPred<nn::ReshapeOp>))
      continue;
    finish(unit);
    result.push_back(std::move(unit));
  }
  return result;
}
} // namespace

std::vector<CostUnit> cutIntoUnits(func::FuncOp function,
                                   const BitAssignment &bits) {
  return Cutter(function, bits).run();
}

std::string CostUnit::signature() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const UnitBoundary &input : inputs)
    os << (input.mayStay ? 's' : 'd') << input.bits << ' ';
  os << (output.mayStay ? 's' : 'd') << output.bits;
  if (hasWeights)
    os << " w" << bits.weights;
  for (mlir::Operation *op : ops) {
    os << '\n' << op->getName() << ' ';
    for (NamedAttribute attribute : op->getAttrs())
      // Recorded statistics do not reach the machine.
      if (!isa<DenseF32ArrayAttr>(attribute.getValue()))
        os << attribute.getName().getValue() << '=' << attribute.getValue()
           << ' ';
    for (Value operand : op->getOperands()) {
      auto position = llvm::find_if(inputs, [&](const UnitBoundary &input) {
        return input.value == withoutCasts(operand);
      });
      if (isConstant(operand))
        os << 'c';
      else if (position != inputs.end())
        os << position - inputs.begin();
      os << operand.getType() << ' ';
    }
    os << op->getResult(0).getType();
  }
  return text;
}

static std::string inputName(size_t index) {
  return "input" + std::to_string(index);
}

BitRequest unitBits(const CostUnit &unit) {
  BitRequest request;
  std::string last = kUnitName.str();
  if (unit.ops.size() > 1)
    last += ":" + std::to_string(unit.ops.size() - 1);
  for (auto [i, input] : llvm::enumerate(unit.inputs))
    if (input.bits != 8)
      request.activations[inputName(i)] = input.bits;
  if (unit.output.bits != 8)
    request.activations[last] = unit.output.bits;
  for (auto [i, op] : llvm::enumerate(unit.ops))
    if (isLinear(op) && unit.bits.weights != 8)
      request.layers[kUnitName.str() + (i ? ":" + std::to_string(i) : "")]
          .weights = unit.bits.weights;
  return request;
}

OwningOpRef<ModuleOp> makeUnitModule(const CostUnit &unit) {
  MLIRContext *context = unit.ops.front()->getContext();
  auto named = [&](const llvm::Twine &name) -> Location {
    return NameLoc::get(StringAttr::get(context, name));
  };
  Location around = named("around"), inside = named(kUnitName);
  OwningOpRef<ModuleOp> module = ModuleOp::create(around);
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> types;
  for (const UnitBoundary &input : unit.inputs)
    types.push_back(input.value.getType());
  Type result = unit.output.value.getType();
  auto function = func::FuncOp::create(
      builder, around, "main", builder.getFunctionType(types, {result}));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  auto add = [&](Value value, const std::string &name) -> Value {
    return nn::AddOp::create(builder, named(name), value.getType(), value,
                             value, FloatAttr(), FloatAttr());
  };
  for (auto [i, input] : llvm::enumerate(unit.inputs)) {
    Value argument = block->getArgument(unsigned(i));
    mapping.map(input.value,
                input.mayStay ? add(argument, inputName(i)) : argument);
  }
  std::function<void(Value)> provide = [&](Value value) {
    if (mapping.contains(value))
      return;
    mlir::Operation *op = value.getDefiningOp();
    if (isConstant(value)) {
      for (Value operand : op->getOperands())
        provide(operand);
      builder.clone(*op, mapping);
    } else {
      mapping.map(value, mapping.lookup(withoutCasts(value)));
    }
  };
  for (mlir::Operation *op : unit.ops) {
    for (Value operand : op->getOperands())
      provide(operand);
    builder.clone(*op, mapping)->setLoc(inside);
  }
  Value last = mapping.lookup(unit.output.value);
  if (unit.output.mayStay)
    last = add(last, "after");
  func::ReturnOp::create(builder, around, last);
  return module;
}

} // namespace accopt
