//===- NNMath.h - Functions of one value, in numbers ------------*- C++ -*-===//
//
// Part of AccOpt. What `nn.unary` computes, for those who need numbers instead
// of ops: tables of the vector unit, ranges, folding.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNMATH_H
#define ACCOPT_DIALECTS_NN_NNMATH_H

#include "dialects/NN/NNOps.h"

#include "mlir/IR/Builders.h"

#include <functional>

namespace accopt::nn {

/// The function of `kind`; of its parameters those count that it has (see
/// UnaryMathOp). Questions answer 0 or 1. NaN outside the function's domain.
double evaluate(UnaryKind kind, double x, double alpha = 0, double beta = 0);

/// A function of one value with its parameters.
struct FunctionStep {
  UnaryKind kind;
  float alpha = 0, beta = 0;

  double operator()(double x) const { return evaluate(kind, x, alpha, beta); }
};

/// What `op` computes of one f32 or quantized tensor, each element from the one
/// at its place: an op that is such a function, or an add, sub, mul, div, min,
/// max or prelu with a constant whose elements are all the same. Empty for all
/// other ops.
llvm::SmallVector<FunctionStep> stepsOf(mlir::Operation *op);
/// The operand that stepsOf() is a function of.
mlir::Value functionOperand(mlir::Operation *op);
/// The steps of `op` as one function; null where there are none.
std::function<double(double)> functionOf(mlir::Operation *op);

/// Ops that compute `steps` of `x`, each as the op that it is outside a chain.
mlir::Value createSteps(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value x, llvm::ArrayRef<FunctionStep> steps);
ChainOp createChain(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x,
                    llvm::ArrayRef<FunctionStep> steps);

/// `[hard_swish, affine(0.5, 2.0)]`
mlir::ParseResult parseSteps(mlir::OpAsmParser &parser,
                             mlir::DenseI32ArrayAttr &kinds,
                             mlir::DenseF32ArrayAttr &alphas,
                             mlir::DenseF32ArrayAttr &betas);
void printSteps(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                mlir::DenseI32ArrayAttr kinds, mlir::DenseF32ArrayAttr alphas,
                mlir::DenseF32ArrayAttr betas);

/// How many parameters `kind` has: alpha, alpha and beta.
unsigned numParameters(UnaryKind kind);
/// Whether `kind` is a step of chains alone: its op has another name.
bool isStepOnly(UnaryKind kind);
/// Whether the result is i1 whatever the operand is.
bool isQuestion(UnaryKind kind);
bool isComparison(BinaryKind kind);

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNMATH_H
