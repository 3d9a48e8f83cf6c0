//===- AccelCommandOps.cpp - Verifiers of programs and commands -----------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "dialects/Accel/AccelOps.h"

#include "accopt/Target/Command.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::accel;

LogicalResult DramConstantOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getValue().getShapedType());
  if (!type || !type.getElementType().isSignlessInteger(8) ||
      type.getRank() != 1)
    return emitOpError("expected a one-dimensional i8 tensor, got ")
           << getValue().getShapedType();
  return success();
}

LogicalResult CommandOp::verify() {
  if (getTake().size() != kEngineCount)
    return emitOpError("expected ")
           << kEngineCount << " token counts, got " << getTake().size();
  for (int64_t count : getTake())
    if (count < 0)
      return emitOpError("expected token counts of at least 0, got ") << count;
  return success();
}
