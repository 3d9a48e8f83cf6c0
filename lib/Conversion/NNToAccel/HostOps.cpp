//===- HostOps.cpp - What the host runs -----------------------------------===//
//
// Part of AccOpt. Each op becomes a function of TOSA: on int8 tensors where the
// machine makes or reads them, on the model's own types elsewhere.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "accopt/Conversion/NNToTosa.h"

using namespace mlir;

namespace accopt {
namespace {

/// Samples of one bin; where data decides, those of a region as large as the
/// image.
int64_t countSamples(nn::RoiAlignOp op) {
  auto ratio = int64_t(op.getSamplingRatio());
  if (ratio > 0)
    return ratio * ratio;
  ArrayRef<int64_t> image = shapeOf(op.getInput());
  return int64_t(llvm::divideCeil(image[2], op.getHeight()) *
                 llvm::divideCeil(image[3], op.getWidth()));
}

/// Arithmetic operations of the float computation, counted by the op's
/// definition: one per element and elementary function, two per multiply-add.
int64_t countOperations(Operation *op) {
  auto elements = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getNumElements();
  };
  int64_t results = elements(op->getResult(0));
  if (auto softmax = dyn_cast<nn::SoftmaxOp>(op))
    return 5 * results; // maximum, subtraction, exponential, sum, division
  if (auto lrn = dyn_cast<nn::LrnOp>(op))
    return (2 * lrn.getSize() + 5) * results;
  if (auto resample = dyn_cast<nn::ResampleOp>(op))
    return (2 * int64_t(resample.getTaps()) + 3) * results;
  if (auto recurrent = dyn_cast<nn::RecurrentOp>(op)) {
    // Products of the gates, and about ten operations in each.
    ArrayRef<int64_t> input = shapeOf(recurrent.getInput());
    ArrayRef<int64_t> weights = shapeOf(recurrent.getRecurrence());
    return input[0] * input[1] * weights[0] *
           (2 * (input[2] + weights[1]) + 10);
  }
  if (auto matmul = dyn_cast<nn::MatMulOp>(op))
    return 2 * results * shapeOf(matmul.getA()).back();
  if (auto gemm = dyn_cast<nn::GemmOp>(op))
    return 2 * results * shapeOf(gemm.getA())[gemm.getTransA() ? 0 : 1];
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    int64_t perOutput = 1;
    for (int64_t size : shapeOf(conv.getWeights()).drop_front())
      perOutput *= size;
    return 2 * results * perOutput;
  }
  if (auto align = dyn_cast<nn::RoiAlignOp>(op))
    return results * countSamples(align) * 16; // four weights, places, products
  int64_t inputs = 0;
  for (Value operand : op->getOperands())
    inputs = std::max(inputs, elements(operand));
  if (auto cumulative = dyn_cast<nn::CumSumOp>(op))
    return results * shapeOf(cumulative.getInput())[cumulative.getAxis()];
  if (auto top = dyn_cast<nn::TopKOp>(op))
    return 2 * inputs * shapeOf(top.getInput())[top.getAxis()];
  auto isQuantized = [](Value value) { return bool(activationQuant(value)); };
  int64_t conversions = llvm::any_of(op->getOperands(), isQuantized) +
                        llvm::any_of(op->getResults(), isQuantized);
  int64_t operations = 1;
  if (auto chain = dyn_cast<nn::ChainOp>(op))
    operations = int64_t(chain.getKinds().size());
  return (operations + conversions) * std::max(inputs, results);
}

/// Images of int8 have their channels last; everything else of the host is in
/// the model's order (buildHostFunction).
Shape hostOrder(Value value) {
  size_t rank = shapeOf(value).size();
  bool isImage = activationQuant(value) && (rank == 3 || rank == 4);
  return isImage ? channelsLast(rank) : identityOrder(rank);
}
} // namespace

LogicalResult Lowering::convertToHost(Operation *op) {
  std::string name = "host_" + std::to_string(hostFunctions++);
  OpBuilder before(target);
  FailureOr<func::FuncOp> function =
      buildHostFunction(before, op, name, /*channelsLast=*/true);
  if (failed(function))
    return failure();
  function->setPrivate();

  SmallVector<Value> inputs;
  llvm::SmallDenseSet<Value> seen;
  for (Value operand : op->getOperands())
    if (!operand.getDefiningOp<nn::ConstantOp>() && seen.insert(operand).second)
      inputs.push_back(get(operand, hostOrder(operand)));
  auto host =
      accel::HostOp::create(builder, TypeRange(function->getResultTypes()),
                            FlatSymbolRefAttr::get(op->getContext(), name),
                            ValueRange(inputs), builder.getStringAttr(reason),
                            builder.getI64IntegerAttr(countOperations(op)));
  for (auto [result, converted] :
       llvm::zip_equal(op->getResults(), host.getResults()))
    set(result, converted, hostOrder(result));
  return success();
}

} // namespace accopt
