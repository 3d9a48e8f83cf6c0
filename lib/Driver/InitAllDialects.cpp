//===- InitAllDialects.cpp - Our dialects and those they lower to ---------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/InitAllDialects.h"

#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Conversion/NNToTosa.h"
#include "accopt/Transforms/Passes.h"
#include "dialects/Accel/AccelDialect.h"
#include "dialects/NN/NNDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void accopt::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<accel::AccelDialect, nn::NNDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                  mlir::math::MathDialect, mlir::quant::QuantDialect,
                  mlir::scf::SCFDialect, mlir::tensor::TensorDialect,
                  mlir::tosa::TosaDialect>();
}

void accopt::registerAllPasses() {
  registerTransformsPasses();
  registerNNToTosaPasses();
  registerNNToAccelPasses();
  registerAccelToTosaPasses();
  mlir::registerTransformsPasses();
}
