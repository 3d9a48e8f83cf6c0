//===- AccelDialect.h - Dialect of the accelerator --------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_ACCEL_ACCELDIALECT_H
#define ACCOPT_DIALECTS_ACCEL_ACCELDIALECT_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/Accel/AccelDialect.h.inc"
#include "dialects/Accel/AccelEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Accel/AccelAttributes.h.inc"

#endif // ACCOPT_DIALECTS_ACCEL_ACCELDIALECT_H
