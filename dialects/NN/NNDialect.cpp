//===- NNDialect.cpp - Dialect of neural networks -------------------------===//

#include "dialects/NN/NNDialect.h"

#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"

using namespace mlir;
using namespace accopt::nn;

#include "dialects/NN/NNDialect.cpp.inc"

void NNDialect::initialize() {
  registerOps();
  registerAttributes();
}

Operation *NNDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                          Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!elements || !tensor)
    return nullptr;
  return ConstantOp::create(builder, loc, tensor, elements);
}
