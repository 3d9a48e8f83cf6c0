//===- Normalize.cpp - Bring equivalent forms of an op into one -----------===//
//
// The driver must not fold: `quant.dcast` folds away a `quant.qcast` before it,
// and with it the quantization that a QDQ model brings.
//
//===----------------------------------------------------------------------===//

#include "Normalize.h"

#include "ConstantData.h"
#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace accopt {
#define GEN_PASS_DEF_NORMALIZE
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Constant matrices
//===----------------------------------------------------------------------===//

/// The constant behind `value`, through a dequantization of it.
static nn::ConstantOp getConstant(Value value) {
  if (auto cast = value.getDefiningOp<quant::DequantizeCastOp>())
    value = cast.getInput();
  return value.getDefiningOp<nn::ConstantOp>();
}

/// Copies the transpose of a rows x columns matrix of `width`-byte elements,
/// tile by tile so that both sides stay in the cache.
static void transposeBytes(ArrayRef<char> in, int64_t rows, int64_t columns,
                           size_t width, MutableArrayRef<char> out) {
  constexpr int64_t tile = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += tile)
    for (int64_t c0 = 0; c0 < columns; c0 += tile)
      for (int64_t r = r0, re = std::min(r0 + tile, rows); r < re; ++r)
        for (int64_t c = c0, ce = std::min(c0 + tile, columns); c < ce; ++c)
          std::memcpy(out.data() + (c * rows + r) * width,
                      in.data() + (r * columns + c) * width, width);
}

/// The transposed type; a per-channel quantization turns with the data.
static RankedTensorType transposeType(RankedTensorType type) {
  Type element = type.getElementType();
  if (auto q = llvm::dyn_cast<quant::UniformQuantizedPerAxisType>(element))
    element = quant::UniformQuantizedPerAxisType::get(
        q.getFlags(), q.getStorageType(), q.getExpressedType(), q.getScales(),
        q.getZeroPoints(), 1 - q.getQuantizedDimension(), q.getStorageTypeMin(),
        q.getStorageTypeMax());
  return RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)},
                               element);
}

/// The transpose of a constant matrix, or of a dequantized one; null if the
/// constant's data is missing.
static Value createTransposed(OpBuilder &builder, Value matrix) {
  nn::ConstantOp constant = getConstant(matrix);
  std::optional<ConstantBytes> bytes = ConstantBytes::get(constant.getValue());
  if (!bytes)
    return {};
  RankedTensorType type = constant.getType();
  size_t width =
      constant.getValue().getElementType().getIntOrFloatBitWidth() / 8;
  Value result =
      createRawConstant(builder, constant.getLoc(), transposeType(type),
                        [&](MutableArrayRef<char> out) {
                          transposeBytes(bytes->data(), type.getDimSize(0),
                                         type.getDimSize(1), width, out);
                        });
  if (matrix == constant.getResult())
    return result;
  return quant::DequantizeCastOp::create(builder, matrix.getLoc(),
                                         transposeType(typeOf(matrix)), result);
}

static Value createScalar(OpBuilder &builder, Location loc, float value) {
  return createConstant<float>(builder, loc,
                               RankedTensorType::get({}, builder.getF32Type()),
                               ArrayRef<float>(value));
}

static Value scaleConstant(OpBuilder &builder, Value constant, float factor) {
  ConstantFloats in = *ConstantFloats::get(constant);
  return createConstant<float>(builder, constant.getLoc(), typeOf(constant),
                               [&](MutableArrayRef<float> out) {
                                 for (size_t i = 0; i < out.size(); ++i)
                                   out[i] = in.values()[i] * factor;
                               });
}

static Value createScaled(OpBuilder &builder, Location loc, Value value,
                          float factor) {
  if (factor == 1.0f)
    return value;
  if (isFloatConstant(value))
    return scaleConstant(builder, value, factor);
  return nn::MulOp::create(builder, loc, value.getType(), value,
                           createScalar(builder, loc, factor), FloatAttr(),
                           FloatAttr());
}

static Value createTranspose(OpBuilder &builder, Location loc, Value matrix) {
  if (getConstant(matrix))
    if (Value transposed = createTransposed(builder, matrix))
      return transposed;
  return nn::TransposeOp::create(builder, loc, transposeType(typeOf(matrix)),
                                 matrix, ArrayRef<int64_t>{1, 0});
}

/// A bias of shape N from one that broadcasts along M with constant values;
/// null if it does not have that form.
static Value createVectorBias(OpBuilder &builder, Value bias, int64_t outputs,
                              float beta) {
  RankedTensorType type = typeOf(bias);
  if (type.getShape() == ArrayRef<int64_t>(outputs) && beta == 1.0f)
    return bias;
  int64_t rank = type.getRank();
  std::optional<ConstantFloats> constant = ConstantFloats::get(bias);
  if (!constant || (rank > 1 && type.getDimSize(0) != 1))
    return {};
  ArrayRef<float> values = *constant;
  return createConstant<float>(
      builder, bias.getLoc(),
      RankedTensorType::get({outputs}, type.getElementType()),
      [&](MutableArrayRef<float> out) {
        for (int64_t i = 0; i < outputs; ++i)
          out[i] = beta * values[values.size() == 1 ? 0 : i];
      });
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
/// y = alpha A' B' + beta C with constant B -> a b^T + bias [+ C]
struct NormalizeGemm : OpRewritePattern<nn::GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::GemmOp op,
                                PatternRewriter &rewriter) const override {
    if (LinearOp::get(op) || op.getResidual() || op.getClampMin() ||
        op.getClampMax() || !getConstant(op.getB()))
      return failure();
    Location loc = op.getLoc();
    float alpha = op.getAlpha().convertToFloat();
    float beta = op.getBeta().convertToFloat();
    Value a = op.getA(), b = op.getB();
    if (!op.getTransB() && !(b = createTransposed(rewriter, b)))
      return failure();
    if (op.getTransA())
      a = createTranspose(rewriter, loc, a);

    // The factor on A B' and the sum with a bias that is no vector come after.
    bool scalesWeights = alpha != 1.0f && isFloatConstant(b);
    if (scalesWeights)
      b = scaleConstant(rewriter, b, alpha);
    bool scalesResult = alpha != 1.0f && !scalesWeights;
    Value bias = op.getBias(), vector;
    if (bias && !scalesResult)
      vector = createVectorBias(rewriter, bias, typeOf(b).getDimSize(0), beta);
    Value result = nn::GemmOp::create(
        rewriter, loc, op.getType(), a, b, vector, /*residual=*/Value(),
        rewriter.getF32FloatAttr(1.0f), rewriter.getF32FloatAttr(1.0f),
        rewriter.getBoolAttr(false), rewriter.getBoolAttr(true), FloatAttr(),
        FloatAttr());
    if (scalesResult)
      result = createScaled(rewriter, loc, result, alpha);
    if (bias && !vector)
      result = nn::AddOp::create(rewriter, loc, op.getType(), result,
                                 createScaled(rewriter, loc, bias, beta),
                                 FloatAttr(), FloatAttr());
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// The machine adds constants to accumulators. A bias that the network computes
/// is a sum, of one shape where that can be, so that it may become a residual.
template <typename OpTy> struct ComputedBias : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Value bias = op.getBias();
    if (!bias || isConstantLike(bias) || !LinearOp::get(op) ||
        op.getResidual() || op.getClampMin() || op.getClampMax())
      return failure();
    RankedTensorType type = op.getType();
    SmallVector<int64_t> shape(type.getRank(), 1);
    shape[1] = type.getDimSize(1);
    if (typeOf(bias).getShape() != ArrayRef<int64_t>(shape))
      bias =
          nn::ReshapeOp::create(rewriter, op.getLoc(), type.clone(shape), bias);
    rewriter.setInsertionPointAfter(op);
    auto sum = nn::AddOp::create(rewriter, op.getLoc(), type, op.getResult(),
                                 bias, FloatAttr(), FloatAttr());
    rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
    rewriter.replaceAllUsesExcept(op.getResult(), sum, sum);
    return success();
  }
};

/// A gemm of two activations is a matmul, which knows no transposition.
struct GemmOfActivations : OpRewritePattern<nn::GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::GemmOp op,
                                PatternRewriter &rewriter) const override {
    if (getConstant(op.getB()) || op.getResidual() || op.getClampMin() ||
        op.getClampMax())
      return failure();
    Location loc = op.getLoc();
    Value a = op.getA(), b = op.getB();
    if (op.getTransA())
      a = createTranspose(rewriter, loc, a);
    if (op.getTransB())
      b = createTranspose(rewriter, loc, b);
    Value result = nn::MatMulOp::create(rewriter, loc, op.getType(), a, b);
    result =
        createScaled(rewriter, loc, result, op.getAlpha().convertToFloat());
    if (Value bias = op.getBias())
      result = nn::AddOp::create(
          rewriter, loc, op.getType(), result,
          createScaled(rewriter, loc, bias, op.getBeta().convertToFloat()),
          FloatAttr(), FloatAttr());
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// x W with a constant matrix W -> reshape, gemm, reshape
struct MatMulByConstant : OpRewritePattern<nn::MatMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::MatMulOp op,
                                PatternRewriter &rewriter) const override {
    if (!getConstant(op.getB()) || typeOf(op.getB()).getRank() != 2)
      return failure();
    Location loc = op.getLoc();
    RankedTensorType type = typeOf(op.getA()), result = op.getType();
    int64_t depth = typeOf(op.getB()).getDimSize(0);
    int64_t outputs = typeOf(op.getB()).getDimSize(1);
    if (depth == 0 || type.getNumElements() == 0)
      return failure();
    int64_t rows = type.getNumElements() / depth;
    Value b = createTransposed(rewriter, op.getB());
    if (!b)
      return failure();
    Value a = op.getA();
    if (type.getRank() != 2)
      a = nn::ReshapeOp::create(rewriter, loc, type.clone({rows, depth}), a);
    Value product = nn::GemmOp::create(
        rewriter, loc, result.clone({rows, outputs}), a, b, /*bias=*/Value(),
        /*residual=*/Value(), rewriter.getF32FloatAttr(1.0f),
        rewriter.getF32FloatAttr(1.0f), rewriter.getBoolAttr(false),
        rewriter.getBoolAttr(true), FloatAttr(), FloatAttr());
    if (product.getType() != result)
      product = nn::ReshapeOp::create(rewriter, loc, result, product);
    rewriter.replaceOp(op, product);
    return success();
  }
};

/// reshape(y) + c with c along the last dimension, where y is the gemm that a
/// matmul became -> the sum before the reshape, so that it becomes the bias.
struct AddAfterReshape : OpRewritePattern<nn::AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::AddOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      auto reshape = op->getOperand(i).getDefiningOp<nn::ReshapeOp>();
      Value constant = op->getOperand(1 - i);
      if (!reshape || !reshape->hasOneUse() ||
          reshape.getType() != op.getType())
        continue;
      auto gemm = reshape.getInput().getDefiningOp<nn::GemmOp>();
      if (!gemm || !gemm->hasOneUse() || !isFloatConstant(constant))
        continue;
      int64_t outputs = gemm.getType().getDimSize(1);
      if (op.getType().getShape().empty() ||
          op.getType().getShape().back() != outputs ||
          typeOf(constant).getRank() > 2 ||
          typeOf(constant).getNumElements() != outputs ||
          typeOf(constant).getShape().back() != outputs)
        continue;
      Value sum = nn::AddOp::create(rewriter, op.getLoc(), gemm.getType(),
                                    gemm.getResult(), constant,
                                    op.getClampMinAttr(), op.getClampMaxAttr());
      rewriter.replaceOpWithNewOp<nn::ReshapeOp>(op, op.getType(), sum);
      return success();
    }
    return failure();
  }
};

struct DivByConstant : OpRewritePattern<nn::DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::DivOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<ConstantFloats> divisor = ConstantFloats::get(op.getRhs());
    if (!divisor || llvm::is_contained(divisor->values(), 0.0f))
      return failure();
    Value inverse = createConstant<float>(
        rewriter, op.getRhs().getLoc(), typeOf(op.getRhs()),
        [&](MutableArrayRef<float> out) {
          for (size_t i = 0; i < out.size(); ++i)
            out[i] = 1.0f / divisor->values()[i];
        });
    rewriter.replaceOpWithNewOp<nn::MulOp>(op, op.getType(), op.getLhs(),
                                           inverse, op.getClampMinAttr(),
                                           op.getClampMaxAttr());
    return success();
  }
};

/// Pads that `pad` adds in the spatial dimensions, begins then ends, if it does
/// nothing but fill zeros around them.
std::optional<SmallVector<int64_t>> getSpatialZeroPads(nn::PadOp pad) {
  if (!pad || pad.getMode() != "constant" || !pad.getValue().isZero())
    return std::nullopt;
  ArrayRef<int64_t> pads = pad.getPads();
  size_t rank = pads.size() / 2;
  if (rank < 3 || llvm::any_of(pads, [](int64_t p) { return p < 0; }))
    return std::nullopt;
  SmallVector<int64_t> spatial;
  for (size_t i = 0; i < pads.size(); ++i)
    if (i % rank >= 2)
      spatial.push_back(pads[i]);
    else if (pads[i] != 0)
      return std::nullopt;
  return spatial;
}

struct PadIntoConv : OpRewritePattern<nn::ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::ConvOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<nn::PadOp>();
    std::optional<SmallVector<int64_t>> pads = getSpatialZeroPads(pad);
    if (!pads)
      return failure();
    for (size_t i = 0; i < pads->size(); ++i)
      (*pads)[i] += op.getPads()[i];
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(pad.getInput());
      op.setPads(*pads);
      op->setLoc(fuseLocations(pad, op));
    });
    return success();
  }
};

/// The zeros count in the divisor, before and after. With `ceil_mode` a window
/// may start in a pad op's zeros but not in the pool's own padding.
struct PadIntoAveragePool : OpRewritePattern<nn::AveragePoolOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::AveragePoolOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<nn::PadOp>();
    std::optional<SmallVector<int64_t>> pads = getSpatialZeroPads(pad);
    bool hasPads = llvm::any_of(op.getPads(), [](int64_t p) { return p != 0; });
    if (!pads || op.getCeilMode() || (hasPads && !op.getCountIncludePad()))
      return failure();
    for (size_t i = 0; i < pads->size(); ++i)
      (*pads)[i] += op.getPads()[i];
    // A pool may not be padded by a whole window.
    size_t spatial = op.getKernel().size();
    for (size_t i = 0; i < pads->size(); ++i)
      if ((*pads)[i] >= op.getKernel()[i % spatial])
        return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(pad.getInput());
      op.setPads(*pads);
      op.setCountIncludePad(true);
      op->setLoc(fuseLocations(pad, op));
    });
    return success();
  }
};

struct Normalize : accopt::impl::NormalizeBase<Normalize> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateNormalizeLinearPatterns(patterns);
    populateNormalizeCastPatterns(patterns);
    populateNormalizeActivationPatterns(patterns);
    populateNormalizeMovementPatterns(patterns);
    GreedyRewriteConfig config;
    config.enableFolding(false)
        .enableConstantCSE(false)
        .setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace

void accopt::populateNormalizeLinearPatterns(RewritePatternSet &patterns) {
  patterns.add<NormalizeGemm, ComputedBias<nn::GemmOp>,
               ComputedBias<nn::ConvOp>, GemmOfActivations, MatMulByConstant,
               AddAfterReshape, DivByConstant, PadIntoConv, PadIntoAveragePool>(
      patterns.getContext());
}
