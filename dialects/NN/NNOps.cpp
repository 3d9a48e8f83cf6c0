//===- NNOps.cpp - Generated definitions of the nn dialect's ops ----------===//
//
// Shape inference, verifiers and folders are in the families' files.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNOps.h"

#include "dialects/NN/NNMath.h"
#include "dialects/NN/NNShapeInference.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/NN/NNEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/NN/NNAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/NN/NNOps.cpp.inc"

void accopt::nn::NNDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/NN/NNOps.cpp.inc"
      >();
}

void accopt::nn::NNDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/NN/NNAttributes.cpp.inc"
      >();
}
