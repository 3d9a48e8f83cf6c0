//===- ReleasePacked.cpp - Weights that are in the program ----------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "ReleasePacked.h"

#include "dialects/Accel/AccelOps.h"

#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace accopt {

/// The resource that an operand of a layer is.
static std::optional<DenseResourceElementsHandle> resourceOf(Value operand) {
  auto constant = operand.getDefiningOp<accel::ConstantOp>();
  auto data = constant
                  ? dyn_cast<DenseResourceElementsAttr>(constant.getValue())
                  : DenseResourceElementsAttr();
  if (!data)
    return std::nullopt;
  return data.getRawHandle();
}

ReleasePacked::ReleasePacked(ModuleOp module) : module(module) {
  // What is anything but a layer's operand is not ours to free.
  module.walk([&](mlir::Operation *op) {
    auto constant = dyn_cast<accel::ConstantOp>(op);
    if (constant && !constant->use_empty())
      return;
    for (NamedAttribute attribute : op->getAttrs())
      attribute.getValue().walk([&](DenseResourceElementsAttr data) {
        uses[data.getRawHandle().getKey()] += 1;
      });
  });
  module.walk([&](mlir::Operation *op) {
    for (Value operand : op->getOperands())
      if (auto resource = resourceOf(operand))
        uses[resource->getKey()] += 1;
  });
}

void ReleasePacked::release(mlir::Operation *op) {
  for (Value operand : op->getOperands()) {
    auto resource = resourceOf(operand);
    if (!resource || --uses[resource->getKey()])
      continue;
    DenseResourceElementsHandle::getManagerInterface(module.getContext())
        .getBlobManager()
        .update(resource->getKey(), AsmResourceBlob());
  }
}

} // namespace accopt
