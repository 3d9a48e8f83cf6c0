//===- NNDialect.h - Dialect of neural networks -----------------*- C++ -*-===//

#ifndef ACCOPT_DIALECTS_NN_NNDIALECT_H
#define ACCOPT_DIALECTS_NN_NNDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/NN/NNDialect.h.inc"

#endif // ACCOPT_DIALECTS_NN_NNDIALECT_H
