//===- SplitFunctions.cpp - Long functions in parts -----------------------===//
//
// Bufferization asks of each write whether a read of any value that may share
// its buffer comes after. Along a chain of ops in place, as unrolled loops are,
// that is cubic in the chain's length, and what LLVM does to a function is not
// linear either. A long function therefore becomes calls of functions of some
// hundred ops each, before its tensors become buffers.
//
//===----------------------------------------------------------------------===//

#include "lib/Execution/Lowering.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace accopt {

/// Ops of a part, where nothing forbids to end it there. What crosses a border
/// cannot be written in place, so parts should not be small.
static constexpr size_t partSize = 200;

/// Calls `visit` with each value that the op and its regions read and do not
/// define.
static void forEachCapture(Operation *op, function_ref<void(Value)> visit) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isAncestor(operand.getParentRegion()->getParentOp()))
        visit(operand);
  });
}

/// Whether each part can have an op of its own.
static bool isCheap(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() ||
         (isa<tensor::EmptyOp>(op) && op->getNumOperands() == 0);
}

/// Whether a bare pointer tells a function all of a value.
static bool canCross(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape();
}

/// Results of `ops` that are read outside of these.
static SmallVector<Value> findResults(ArrayRef<Operation *> ops) {
  llvm::DenseSet<Operation *> inside(ops.begin(), ops.end());
  Block *block = ops.front()->getBlock();
  SmallVector<Value> results;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !inside.contains(block->findAncestorOpInBlock(*user));
          }))
        results.push_back(result);
  return results;
}

/// Moves `ops` of `function` to one of their own, which is called before the
/// terminator.
static void outline(func::FuncOp function, ArrayRef<Operation *> ops,
                    ArrayRef<Value> results, const Twine &name) {
  llvm::DenseSet<Operation *> inside(ops.begin(), ops.end());
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Operation *> cheap;
  for (Operation *op : ops)
    forEachCapture(op, [&](Value value) {
      Operation *producer = value.getDefiningOp();
      if (producer && isCheap(producer))
        cheap.insert(producer);
      else if (!inside.contains(producer))
        inputs.insert(value);
    });

  OpBuilder builder(function);
  auto part = func::FuncOp::create(
      builder, function.getLoc(), name.str(),
      builder.getFunctionType(ValueRange(inputs.getArrayRef()).getTypes(),
                              ValueRange(results).getTypes()));
  part.setPrivate();
  // Inlined, it would be a long function again.
  part->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *block = part.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(inputs, block->getArguments()))
    mapping.map(from, to);
  for (Operation *op : cheap)
    builder.clone(*op, mapping);
  for (Operation *op : ops)
    op->moveBefore(block, block->end());
  for (Operation *op : ops)
    op->walk([&](Operation *inner) {
      for (OpOperand &operand : inner->getOpOperands())
        operand.set(mapping.lookupOrDefault(operand.get()));
    });

  builder.setInsertionPoint(function.front().getTerminator());
  auto call = func::CallOp::create(builder, function.getLoc(), part,
                                   inputs.getArrayRef());
  for (auto [index, inner] : llvm::enumerate(results))
    Value(inner).replaceUsesWithIf(call.getResult(index), [&](OpOperand &use) {
      return !part->isAncestor(use.getOwner());
    });
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, function.getLoc(), results);
}

static void splitFunction(func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.front().without_terminator())
    if (!isCheap(&op))
      ops.push_back(&op);
  if (ops.size() < 2 * partSize)
    return;
  size_t begin = 0;
  unsigned parts = 0;
  for (size_t end = 1; end <= ops.size(); ++end) {
    if (end != ops.size() &&
        (end - begin < partSize || ops.size() - end < partSize / 2))
      continue;
    ArrayRef<Operation *> part = ArrayRef(ops).slice(begin, end - begin);
    SmallVector<Value> results = findResults(part);
    // What has no static shape stays within a part.
    if (!llvm::all_of(results, canCross))
      continue;
    outline(function, part, results,
            function.getName() + ".part" + Twine(parts++));
    begin = end;
  }
}

void splitFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions)
    if (!function.isExternal())
      splitFunction(function);
}

} // namespace accopt
