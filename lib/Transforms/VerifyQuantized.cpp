//===- VerifyQuantized.cpp - The boundary before the accelerator ----------===//

#include "LinearOps.h"
#include "NodeError.h"
#include "QuantizeAnalysis.h"

#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/QuantParams.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinOps.h"

namespace accopt {
#define GEN_PASS_DEF_VERIFYQUANTIZED
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct VerifyQuantized : accopt::impl::VerifyQuantizedBase<VerifyQuantized> {
  void runOnOperation() override {
    if (failed(verifyQuantized(getOperation())))
      signalPassFailure();
  }
};
} // namespace

static Type elementOf(Value value) {
  return llvm::cast<ShapedType>(value.getType()).getElementType();
}

static IntegerRange getIntegers(quant::QuantizedType type) {
  return {type.getStorageTypeMin(), type.getStorageTypeMax()};
}

/// The int8 type of an activation, of which it uses all or the two's complement
/// of 2 to 7 bits, or the int16 type of 9 to 16 bits, which has no zero point;
/// or null.
static quant::UniformQuantizedType getActivationType(Value value) {
  auto type = llvm::dyn_cast<quant::UniformQuantizedType>(elementOf(value));
  if (!type || !type.isSigned())
    return {};
  unsigned bits = countBits(getIntegers(type));
  unsigned width = bits > 8 ? 16 : 8;
  bool isGood = type.getStorageTypeIntegralWidth() == width &&
                getIntegers(type) == activationIntegers(bits) &&
                (width == 8 || type.getZeroPoint() == 0);
  return isGood ? type : quant::UniformQuantizedType();
}

static bool isWeightRange(quant::QuantizedType type) {
  IntegerRange integers = getIntegers(type);
  return integers == weightIntegers(countBits(integers));
}

/// The type of weights or bias with one scale per row and zero point 0, or
/// null.
static quant::UniformQuantizedPerAxisType getPerRowType(Value value,
                                                        unsigned width) {
  auto type =
      llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(elementOf(value));
  bool isGood = type && type.isSigned() &&
                type.getStorageTypeIntegralWidth() == width &&
                type.getQuantizedDimension() == 0 &&
                llvm::all_of(type.getZeroPoints(),
                             [](int64_t zero) { return zero == 0; });
  return isGood ? type : quant::UniformQuantizedPerAxisType();
}

static LogicalResult verifyLinear(LinearOp linear) {
  Operation *op = linear.getOperation();
  auto weights = getPerRowType(linear.getWeights(), 8);
  if (!weights || !isWeightRange(weights))
    return emitNodeError(op) << "expected int8 weights in [-127, 127] with one "
                                "scale per output, or of fewer bits, got "
                             << elementOf(linear.getWeights());
  if (!linear.getBias())
    return success();
  auto bias = getPerRowType(linear.getBias(), 32);
  if (!bias)
    return emitNodeError(op) << "expected an int32 bias with one scale per "
                                "output, got "
                             << elementOf(linear.getBias());
  double scale = getActivationType(linear.getInput()).getScale();
  for (auto [b, w] : llvm::zip_equal(bias.getScales(), weights.getScales()))
    if (b != scale * w)
      return emitNodeError(op)
             << "expected a bias of scale " << scale * w << ", got " << b;
  return success();
}

/// Host ops take and give floats and integers as well.
static bool isAsInModel(Value value) {
  return !llvm::isa<quant::QuantizedType>(elementOf(value));
}

static LogicalResult verifyOp(Operation *op) {
  if (llvm::isa<nn::ConstantOp, func::FuncOp>(op))
    return success();
  if (llvm::isa_and_nonnull<quant::QuantDialect>(op->getDialect()))
    return emitNodeError(op) << "expected no cast";
  std::optional<LinearOp> linear = LinearOp::get(op);
  if (!linear && llvm::isa<nn::GemmOp>(op))
    return emitNodeError(op) << "expected the form that nn-normalize makes";
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    bool isParameter = linear && (i == 1 || operand == linear->getBias());
    isParameter |= isHostParameter(op, i);
    bool mayBeFloat = !linear && isAsInModel(operand);
    if (!isParameter && !mayBeFloat && !getActivationType(operand))
      return emitNodeError(op) << "expected an int8 operand per tensor, got "
                               << elementOf(operand);
  }
  for (Value result : op->getResults())
    if (!getActivationType(result) && (linear || !isAsInModel(result)))
      return emitNodeError(op)
             << "expected an int8 result per tensor, got " << elementOf(result);
  if (linear)
    return verifyLinear(*linear);
  // These copy integers, so all of them must mean the same.
  if (movesData(op))
    for (Value operand : op->getOperands())
      if (!isAsInModel(operand) && !isAsInModel(op->getResult(0)) &&
          elementOf(operand) != elementOf(op->getResult(0)))
        return emitNodeError(op)
               << "expected operands of the result's scale "
               << elementOf(op->getResult(0)) << ", got " << elementOf(operand);
  return success();
}

LogicalResult accopt::verifyQuantized(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) -> WalkResult {
    return llvm::isa<ModuleOp>(op) ? success() : verifyOp(op);
  });
  return failure(result.wasInterrupted());
}
