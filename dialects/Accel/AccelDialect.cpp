//===- AccelDialect.cpp - Dialect of the accelerator ----------------------===//
//
// Part of AccOpt. Registration, attributes and their verifiers.
//
//===----------------------------------------------------------------------===//

#include "dialects/Accel/AccelDialect.h"

#include "dialects/Accel/AccelOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt::accel;

#include "dialects/Accel/AccelDialect.cpp.inc"
#include "dialects/Accel/AccelEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Accel/AccelAttributes.cpp.inc"

void AccelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Accel/AccelAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Accel/AccelOps.cpp.inc"
      >();
}

LogicalResult
ScaleAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  int32_t multiplier, int32_t shift) {
  if (multiplier < 0)
    return emitError() << "expected a multiplier of at least 0, got "
                       << multiplier;
  if (shift < 2 || shift > 62)
    return emitError() << "expected a shift in [2, 62], got " << shift;
  return success();
}
