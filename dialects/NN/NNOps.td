//===- NNOps.td - All ops of the nn dialect ----------------*- tablegen -*-===//
//
// Part of AccOpt. Includes the families.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_NN_OPS
#define ACCOPT_NN_OPS

include "dialects/NN/NNLinearOps.td"
include "dialects/NN/NNElementwiseOps.td"
include "dialects/NN/NNWindowOps.td"
include "dialects/NN/NNShapeOps.td"
include "dialects/NN/NNSequenceOps.td"
include "dialects/NN/NNMathOps.td"
include "dialects/NN/NNIndexOps.td"

#endif // ACCOPT_NN_OPS
