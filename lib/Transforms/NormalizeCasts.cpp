//===- NormalizeCasts.cpp - One scale for each activation -----------------===//
//
// Quantizers give the input of a depthwise convolution a scale for each
// channel. A tensor has one type on the machine: it gets the one that reaches
// as far as all channels together.
//
//===----------------------------------------------------------------------===//

#include "Normalize.h"

#include "ConstantData.h"

#include "accopt/Transforms/QuantParams.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace accopt;

/// The type per tensor that holds whatever `type` holds in some channel.
static quant::UniformQuantizedType
coverChannels(quant::UniformQuantizedPerAxisType type) {
  Range range{0.0, 0.0};
  for (auto [scale, zeroPoint] :
       llvm::zip_equal(type.getScales(), type.getZeroPoints())) {
    range.min = std::min(range.min,
                         scale * double(type.getStorageTypeMin() - zeroPoint));
    range.max = std::max(range.max,
                         scale * double(type.getStorageTypeMax() - zeroPoint));
  }
  unsigned bits = type.getStorageTypeIntegralWidth();
  QuantParams params =
      bits <= 8 ? chooseParams(range) : chooseSymmetricParams(range, bits);
  return quant::UniformQuantizedType::get(
      quant::QuantizationFlags::Signed, type.getStorageType(),
      type.getExpressedType(), params.scale, params.zeroPoint,
      type.getStorageTypeMin(), type.getStorageTypeMax());
}

namespace {
/// dcast(qcast(x)) with a scale per channel -> the same with one scale
struct OneScalePerActivation : OpRewritePattern<quant::QuantizeCastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(quant::QuantizeCastOp op,
                                PatternRewriter &rewriter) const override {
    auto type = llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(
        getElementTypeOrSelf(op.getType()));
    if (!type || isConstantLike(op.getInput()) ||
        !llvm::all_of(op->getUsers(), llvm::IsaPred<quant::DequantizeCastOp>))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      auto tensor = llvm::cast<RankedTensorType>(op.getType());
      op.getResult().setType(tensor.clone(coverChannels(type)));
    });
    return success();
  }
};
} // namespace

void accopt::populateNormalizeCastPatterns(RewritePatternSet &patterns) {
  patterns.add<OneScalePerActivation>(patterns.getContext());
}
