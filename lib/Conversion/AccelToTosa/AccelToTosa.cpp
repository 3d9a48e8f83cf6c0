//===- AccelToTosa.cpp - Lowering of accel layers to TOSA -----------------===//
//
// Op by op, in place: types do not change.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/AccelToTosa.h"

#include "lib/Conversion/AccelToTosa/LayerConverter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {

#define GEN_PASS_DEF_ACCELTOTOSAPASS
#include "accopt/Conversion/AccelToTosa.h.inc"

static LogicalResult convertOp(TosaBuilder &builder, Operation *op) {
  LayerConverter converter(builder);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<accel::ConstantOp, accel::Conv2DOp, accel::DepthwiseConv2DOp,
            accel::MaxPoolOp, accel::AvgPoolOp, accel::BinaryOp,
            accel::LookupOp, accel::InterpolateOp, accel::ReshapeOp,
            accel::TransposeOp, accel::ConcatOp, accel::SliceOp, accel::PadOp>(
          [&](auto layer) {
            layer.getResult().replaceAllUsesWith(converter.convert(layer));
            return success();
          })
      .Case([&](accel::HostOp host) {
        auto call = func::CallOp::create(
            builder, host.getCallee(), host.getResultTypes(), host.getInputs());
        host->replaceAllUsesWith(call);
        return success();
      })
      .Default([](Operation *unknown) {
        return unknown->emitOpError("has no conversion to TOSA");
      });
}

LogicalResult convertAccelToTosa(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  context->loadDialect<arith::ArithDialect, func::FuncDialect,
                       linalg::LinalgDialect, tensor::TensorDialect,
                       tosa::TosaDialect>();
  TosaBuilder builder(function.getLoc(), context);
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (!isa<accel::AccelDialect>(op.getDialect()))
      continue;
    builder.setLoc(op.getLoc());
    builder.setInsertionPoint(&op);
    if (failed(convertOp(builder, &op)))
      return failure();
    op.erase();
  }
  return success();
}

namespace {
struct AccelToTosaPass : impl::AccelToTosaPassBase<AccelToTosaPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && failed(convertAccelToTosa(function)))
        return signalPassFailure();
  }
};
} // namespace

} // namespace accopt
