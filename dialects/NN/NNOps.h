//===- NNOps.h - Ops of the nn dialect --------------------------*- C++ -*-===//

#ifndef ACCOPT_DIALECTS_NN_NNOPS_H
#define ACCOPT_DIALECTS_NN_NNOPS_H

#include "dialects/NN/NNDialect.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/NN/NNEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/NN/NNAttributes.h.inc"

#define GET_OP_CLASSES
#include "dialects/NN/NNOps.h.inc"

#endif // ACCOPT_DIALECTS_NN_NNOPS_H
