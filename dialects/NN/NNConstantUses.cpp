//===- NNConstantUses.cpp - Weights that are still to be read -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNConstantUses.h"

#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace accopt::nn;

static bool isConstant(Operation *op) {
  return op && op->getNumOperands() == 0 && op->getNumResults() == 1 &&
         op->hasAttr("value");
}

/// The resource that an operand is; null for any other.
static DenseResourceElementsAttr resourceOf(Value operand) {
  Operation *op = operand.getDefiningOp();
  return isConstant(op) ? op->getAttrOfType<DenseResourceElementsAttr>("value")
                        : DenseResourceElementsAttr();
}

ConstantUses::ConstantUses(ModuleOp module) : module(module) {
  module.walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      if (DenseResourceElementsAttr data = resourceOf(operand))
        keep(data);
    // What is anything but an operand is not ours to free.
    if (isConstant(op))
      return;
    for (NamedAttribute attribute : op->getAttrs())
      attribute.getValue().walk(
          [&](DenseResourceElementsAttr data) { keep(data); });
  });
}

void ConstantUses::keep(DenseResourceElementsAttr data) {
  ++uses[data.getRawHandle().getKey()];
}

void ConstantUses::release(Operation *op) {
  for (Value operand : op->getOperands()) {
    DenseResourceElementsAttr data = resourceOf(operand);
    if (!data || --uses[data.getRawHandle().getKey()])
      continue;
    DenseResourceElementsHandle::getManagerInterface(module.getContext())
        .getBlobManager()
        .update(data.getRawHandle().getKey(), AsmResourceBlob());
  }
}
