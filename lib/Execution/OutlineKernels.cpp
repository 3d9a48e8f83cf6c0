//===- OutlineKernels.cpp - One function for each kind of linalg op -------===//
//
// Moves each linalg op on buffers into a function of its own; ops that are
// equal but for their buffers share one. LLVM's passes take more than linear
// time in the size of a function, and networks repeat their layers: together
// this cuts the time to compile by an order of magnitude.
//
//===----------------------------------------------------------------------===//

#include "lib/Execution/Lowering.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace accopt {

/// Whether a bare pointer tells a function all of a buffer: not of a step of a
/// loop, which begins where the loop is.
static bool hasStaticLayout(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  return type.hasStaticShape() &&
         succeeded(type.getStridesAndOffset(strides, offset)) &&
         !ShapedType::isDynamic(offset) &&
         llvm::none_of(strides, ShapedType::isDynamic);
}

/// Operands and captured values: buffers become arguments, constants are
/// cloned. False if there are others.
static bool collectInputs(Operation *op, llvm::SetVector<Value> &buffers,
                          llvm::SetVector<Operation *> &constants) {
  bool fits = true;
  auto visit = [&](Value value) {
    Operation *producer = value.getDefiningOp();
    if (op->isProperAncestor(value.getParentBlock()->getParentOp()) ||
        value.getParentBlock()->getParentOp() == op)
      return;
    if (producer && producer->hasTrait<OpTrait::ConstantLike>())
      constants.insert(producer);
    else if (auto type = dyn_cast<MemRefType>(value.getType());
             type && hasStaticLayout(type))
      buffers.insert(value);
    else
      fits = false;
  };
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      visit(operand);
  });
  return fits;
}

/// A function of the op's buffers that does the op. Its name does not tell it
/// from others yet.
static func::FuncOp buildKernel(Operation *op, ArrayRef<Value> buffers,
                                ArrayRef<Operation *> constants) {
  OpBuilder builder(op->getContext());
  SmallVector<Type> types;
  for (Value buffer : buffers)
    types.push_back(buffer.getType());
  auto kernel = func::FuncOp::create(builder, builder.getUnknownLoc(), "kernel",
                                     builder.getFunctionType(types, {}));
  kernel.setPrivate();
  // Inlined, it would be part of a large function again.
  kernel->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *block = kernel.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip_equal(buffers, block->getArguments()))
    mapping.map(from, to);
  for (Operation *constant : constants)
    builder.clone(*constant, mapping);
  builder.clone(*op, mapping);
  func::ReturnOp::create(builder, builder.getUnknownLoc());
  return kernel;
}

void outlineKernels(ModuleOp module) {
  SmallVector<linalg::LinalgOp> ops;
  module.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
  llvm::StringMap<func::FuncOp> kernels;
  for (linalg::LinalgOp op : ops) {
    llvm::SetVector<Value> buffers;
    llvm::SetVector<Operation *> constants;
    if (!op.hasPureBufferSemantics() || !collectInputs(op, buffers, constants))
      continue;
    func::FuncOp kernel =
        buildKernel(op, buffers.getArrayRef(), constants.getArrayRef());
    std::string text;
    llvm::raw_string_ostream os(text);
    kernel->print(os, OpPrintingFlags().useLocalScope());
    auto [entry, isNew] = kernels.try_emplace(text, kernel);
    if (isNew) {
      kernel.setName(("accopt.kernel" + llvm::Twine(kernels.size())).str());
      module.push_back(kernel);
    } else {
      kernel.erase();
    }
    OpBuilder builder(op);
    func::CallOp::create(builder, op.getLoc(), entry->second,
                         buffers.getArrayRef());
    op.erase();
  }
}

} // namespace accopt
