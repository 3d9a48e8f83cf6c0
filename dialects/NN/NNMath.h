//===- NNMath.h - Functions of one value, in numbers ------------*- C++ -*-===//
//
// Part of AccOpt. What `nn.unary` computes, for those who need numbers instead
// of ops: tables of the vector unit, ranges, folding.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNMATH_H
#define ACCOPT_DIALECTS_NN_NNMATH_H

#include "dialects/NN/NNOps.h"

namespace accopt::nn {

/// The function of `kind`; of its parameters those count that it has (see
/// UnaryMathOp). Questions answer 0 or 1. NaN outside the function's domain.
double evaluate(UnaryKind kind, double x, double alpha = 0, double beta = 0);

/// The function of an op on real numbers.
double evaluate(UnaryMathOp op, double x);

/// Whether the result is i1 whatever the operand is.
bool isQuestion(UnaryKind kind);
bool isComparison(BinaryKind kind);

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNMATH_H
