//===- Constants.cpp - Large constants of a function ----------------------===//

#include "lib/Execution/Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace accopt {

static Value addArgument(func::FuncOp function, Type type, Location loc) {
  unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, type, {}, loc);
  return function.getArgument(index);
}

/// Constants of fewer elements stay, so that LLVM can fold them.
static constexpr int64_t minExtracted = 64;

/// The elements of a splat, repeated.
static ConstantData expandSplat(DenseElementsAttr attr) {
  ConstantData result;
  Type element = attr.getElementType();
  size_t width = (element.getIntOrFloatBitWidth() + 7) / 8;
  auto count = static_cast<size_t>(attr.getNumElements());
  if (element.isInteger(1)) {
    result.owned.assign(count, attr.getSplatValue<bool>());
  } else {
    ArrayRef<char> raw = attr.getRawData().take_front(width);
    result.owned.reserve(count * width);
    for (size_t i = 0; i < count; ++i)
      result.owned.insert(result.owned.end(), raw.begin(), raw.end());
  }
  result.data = result.owned.data();
  return result;
}

static std::optional<ConstantData> readConstant(ElementsAttr attr) {
  ConstantData result;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return std::nullopt;
    result.data = blob->getData().data();
    return result;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  if (dense.isSplat())
    return expandSplat(dense);
  // Booleans are packed to bits there.
  if (dense.getElementType().isInteger(1)) {
    for (bool value : dense.getValues<bool>())
      result.owned.push_back(value);
    result.data = result.owned.data();
    return result;
  }
  result.data = dense.getRawData().data();
  return result;
}

std::vector<ConstantData> extractConstants(func::FuncOp function) {
  std::vector<ConstantData> result;
  SmallVector<arith::ConstantOp> constants;
  function.walk([&](arith::ConstantOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (type && type.getNumElements() >= minExtracted)
      constants.push_back(op);
  });
  for (arith::ConstantOp op : constants) {
    std::optional<ConstantData> data =
        readConstant(cast<ElementsAttr>(op.getValue()));
    if (!data)
      continue;
    op.replaceAllUsesWith(addArgument(function, op.getType(), op.getLoc()));
    op.erase();
    result.push_back(std::move(*data));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Preparation
//===----------------------------------------------------------------------===//

namespace {
/// Which values depend on constants alone.
class ConstantSlice {
public:
  ConstantSlice(func::FuncOp function, unsigned numConstants) {
    for (Value argument : function.getArguments().take_back(numConstants))
      derived.insert(argument);
    for (Operation &op : function.front().without_terminator())
      visit(&op);
  }
  bool isDerived(Value value) const { return derived.contains(value); }
  bool isConstant(Operation *op) const { return constantOps.contains(op); }

private:
  static int64_t bytes(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? type.getNumElements() * type.getElementTypeBitWidth() : 0;
  }

  void visit(Operation *op) {
    if (!isMemoryEffectFree(op) || op->getNumResults() != 1)
      return;
    bool anyDerived = false;
    int64_t read = 0;
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (!isDerived(operand) && !(producer && isConstant(producer)))
        return;
      if (isDerived(operand)) {
        anyDerived = true;
        read += bytes(operand);
      }
    }
    // Regions may capture values of the function.
    bool captures = false;
    for (Region &region : op->getRegions())
      region.walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (Operation *producer = operand.getDefiningOp())
            captures |= producer->getBlock() == op->getBlock() &&
                        !isConstant(producer) && !isDerived(operand);
          else
            captures |=
                cast<BlockArgument>(operand).getOwner() == op->getBlock() &&
                !isDerived(operand);
      });
    if (captures)
      return;
    if (!anyDerived) {
      constantOps.insert(op);
      return;
    }
    // What grows, such as a bias over an image, is cheaper to compute again.
    if (bytes(op->getResult(0)) <= read)
      derived.insert(op->getResult(0));
  }

  llvm::DenseSet<Value> derived;
  llvm::DenseSet<Operation *> constantOps;
};
} // namespace

/// Clones `op` and, before it, what it needs.
static void cloneInto(OpBuilder &builder, Operation *op, IRMapping &mapping) {
  if (mapping.contains(op))
    return;
  auto need = [&](Value value) {
    Operation *producer = value.getDefiningOp();
    if (producer && !mapping.contains(value))
      cloneInto(builder, producer, mapping);
  };
  for (Value operand : op->getOperands())
    need(operand);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          if (producer->getBlock() == op->getBlock())
            need(operand);
    });
  builder.clone(*op, mapping);
}

func::FuncOp extractPreparation(func::FuncOp function, unsigned numConstants,
                                StringRef name) {
  ConstantSlice slice(function, numConstants);
  llvm::SetVector<Value> prepared;
  for (Operation &op : function.front().without_terminator()) {
    if (op.getNumResults() != 1 || !slice.isDerived(op.getResult(0)))
      continue;
    Value value = op.getResult(0);
    if (llvm::any_of(value.getUsers(), [&](Operation *user) {
          return user->getNumResults() != 1 ||
                 !slice.isDerived(user->getResult(0));
        }))
      prepared.insert(value);
  }
  if (prepared.empty())
    return {};

  OpBuilder builder(function);
  auto constants = function.getArguments().take_back(numConstants);
  SmallVector<Type> results;
  for (Value value : prepared)
    results.push_back(value.getType());
  auto preparation = func::FuncOp::create(
      builder, function.getLoc(), name,
      builder.getFunctionType(
          llvm::map_to_vector(constants, [](Value v) { return v.getType(); }),
          results));
  Block *block = preparation.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(constants, block->getArguments()))
    mapping.map(from, to);
  SmallVector<Value> returned;
  for (Value value : prepared) {
    cloneInto(builder, value.getDefiningOp(), mapping);
    returned.push_back(mapping.lookup(value));
  }
  func::ReturnOp::create(builder, function.getLoc(), returned);

  for (Value value : prepared) {
    value.replaceAllUsesWith(
        addArgument(function, value.getType(), value.getLoc()));
  }
  return preparation;
}

} // namespace accopt
