//===- FoldBatchNorm.cpp - Fold batch normalization -----------------------===//
//
// batch_norm is y = s x + t per channel with s = scale / sqrt(variance +
// epsilon) and t = shift - mean s.
//
// After a convolution: W' = s W, b' = s b + t. The normalized output had mean
// `shift` and standard deviation |scale| over the training data, which is what
// data-free range estimation needs (Nagel et al., Data-Free Quantization
// through Weight Equalization and Bias Correction, ICCV 2019, section 4.2.1).
//
// Before a convolution: W'[m, c, k] = W[m, c, k] s[c] and b'[m] = b[m] +
// sum over c, k of W[m, c, k] t[c]. Padding would have to be t / s instead of
// 0, so this is exact only without padding or where t is 0.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "LinearOps.h"

#include "accopt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <cmath>

namespace accopt {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
/// A batch_norm with constant parameters as y = scale x + offset.
struct Affine {
  SmallVector<double> scale, offset;
  /// Mean and standard deviation of the result over the training data.
  SmallVector<float> mean, deviation;

  static std::optional<Affine> get(nn::BatchNormOp op);
};

struct FoldBatchNorm : accopt::impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override;
};
} // namespace

std::optional<Affine> Affine::get(nn::BatchNormOp op) {
  // A QDQ model quantizes the parameters too.
  auto scale = readDequantized(op.getScale());
  auto shift = readDequantized(op.getShift());
  auto mean = readDequantized(op.getMean());
  auto variance = readDequantized(op.getVariance());
  if (!scale || !shift || !mean || !variance)
    return std::nullopt;
  double epsilon = op.getEpsilon().convertToDouble();
  Affine result;
  for (size_t i = 0, count = scale->values().size(); i < count; ++i) {
    double factor =
        scale->values()[i] / std::sqrt(double(variance->values()[i]) + epsilon);
    result.scale.push_back(factor);
    result.offset.push_back(shift->values()[i] - mean->values()[i] * factor);
    result.mean.push_back(shift->values()[i]);
    result.deviation.push_back(std::fabs(scale->values()[i]));
  }
  return result;
}

static bool foldIntoProducer(nn::BatchNormOp op, const Affine &affine) {
  std::optional<LinearOp> linear = LinearOp::get(op.getInput().getDefiningOp());
  if (!linear || !op.getInput().hasOneUse() || !linear->canScale())
    return false;
  linear->applyAffine(affine.scale, affine.offset);
  MLIRContext *context = op.getContext();
  Operation *producer = linear->getOperation();
  producer->setAttr(outputMeanAttr,
                    DenseF32ArrayAttr::get(context, affine.mean));
  producer->setAttr(outputStdAttr,
                    DenseF32ArrayAttr::get(context, affine.deviation));
  absorb(op, producer);
  return true;
}

/// The conv that alone reads `op` and can take it up exactly.
static nn::ConvOp getExactConsumer(nn::BatchNormOp op, const Affine &affine) {
  if (!op.getResult().hasOneUse())
    return {};
  auto conv = llvm::dyn_cast<nn::ConvOp>(*op.getResult().user_begin());
  if (!conv || conv.getInput() != op.getResult() ||
      !isFloatConstant(conv.getWeights()) ||
      (conv.getBias() && !isFloatConstant(conv.getBias())))
    return {};
  bool isPadded =
      llvm::any_of(conv.getPads(), [](int64_t p) { return p != 0; });
  bool hasOffset = llvm::any_of(affine.offset, [](double t) { return t != 0; });
  return isPadded && hasOffset ? nn::ConvOp() : conv;
}

static bool foldIntoConsumer(nn::BatchNormOp op, const Affine &affine) {
  nn::ConvOp conv = getExactConsumer(op, affine);
  if (!conv)
    return false;
  LinearOp linear = *LinearOp::get(conv);
  ConstantFloats weights = *ConstantFloats::get(conv.getWeights());
  ArrayRef<float> in = weights;
  auto type = llvm::cast<RankedTensorType>(conv.getWeights().getType());
  int64_t outputs = type.getDimSize(0), channels = type.getDimSize(1);
  int64_t taps = int64_t(in.size()) / (outputs * channels);
  int64_t outputsPerGroup = outputs / int64_t(conv.getGroups());

  SmallVector<double> offsets(outputs, 0.0);
  OpBuilder builder(conv);
  Value scaled = createConstant<float>(
      builder, conv.getWeights().getLoc(), type,
      [&](MutableArrayRef<float> out) {
        int64_t at = 0;
        for (int64_t m = 0; m < outputs; ++m) {
          int64_t firstChannel = m / outputsPerGroup * channels;
          for (int64_t c = firstChannel; c < firstChannel + channels; ++c)
            for (int64_t k = 0; k < taps; ++k, ++at) {
              out[at] = float(in[at] * affine.scale[c]);
              offsets[m] += in[at] * affine.offset[c];
            }
        }
      });
  // The bias alone moves; the clamp stays behind it, where it was.
  std::optional<ConstantFloats> bias = ConstantFloats::get(conv.getBias());
  Value moved = createConstant<float>(
      builder, bias ? conv.getBias().getLoc() : conv.getLoc(),
      RankedTensorType::get({outputs}, builder.getF32Type()),
      [&](MutableArrayRef<float> out) {
        for (int64_t m = 0; m < outputs; ++m)
          out[m] = float((bias ? bias->values()[m] : 0.0) + offsets[m]);
      });
  linear.setWeights(scaled);
  linear.setBias(moved);
  conv.getInputMutable().assign(op.getInput());
  conv->setLoc(fuseLocations(op, conv));
  op.erase();
  return true;
}

/// A depthwise 1x1 convolution carries bias and clamp; two elementwise ops
/// would read and write the tensor twice.
static void replaceByConv(nn::BatchNormOp op, const Affine &affine) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto type = llvm::cast<RankedTensorType>(op.getType());
  int64_t channels = type.getDimSize(1), spatial = type.getRank() - 2;
  SmallVector<int64_t> shape(type.getRank(), 1);
  shape[0] = channels;
  SmallVector<float> scale(affine.scale.begin(), affine.scale.end());
  SmallVector<float> offset(affine.offset.begin(), affine.offset.end());
  Value weights = createConstant<float>(
      builder, loc, RankedTensorType::get(shape, type.getElementType()),
      ArrayRef<float>(scale));
  Value bias = createConstant<float>(
      builder, loc, RankedTensorType::get({channels}, type.getElementType()),
      ArrayRef<float>(offset));
  SmallVector<int64_t> ones(spatial, 1), zeros(2 * spatial, 0);
  auto conv = nn::ConvOp::create(builder, loc, type, op.getInput(), weights,
                                 bias, /*residual=*/Value(), ones, zeros, ones,
                                 uint64_t(channels), FloatAttr(), FloatAttr());
  conv->setAttr(outputMeanAttr, builder.getDenseF32ArrayAttr(affine.mean));
  conv->setAttr(outputStdAttr, builder.getDenseF32ArrayAttr(affine.deviation));
  op.getResult().replaceAllUsesWith(conv.getResult());
  op.erase();
}

static void replaceByMulAdd(nn::BatchNormOp op, const Affine &affine) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto type = llvm::cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> shape(type.getRank() - 1, 1);
  shape[0] = type.getDimSize(1);
  auto makeConstant = [&](ArrayRef<double> values) {
    SmallVector<float> floats(values.begin(), values.end());
    return createConstant<float>(
        builder, loc, RankedTensorType::get(shape, type.getElementType()),
        ArrayRef<float>(floats));
  };
  Value product =
      nn::MulOp::create(builder, loc, type, op.getInput(),
                        makeConstant(affine.scale), FloatAttr(), FloatAttr());
  Value sum =
      nn::AddOp::create(builder, loc, type, product,
                        makeConstant(affine.offset), FloatAttr(), FloatAttr());
  op.getResult().replaceAllUsesWith(sum);
  op.erase();
}

void FoldBatchNorm::runOnOperation() {
  SmallVector<nn::BatchNormOp> ops;
  getOperation().walk([&](nn::BatchNormOp op) { ops.push_back(op); });
  for (nn::BatchNormOp op : ops) {
    auto type = llvm::cast<RankedTensorType>(op.getType());
    std::optional<Affine> affine = Affine::get(op);
    if (!affine || !type.getElementType().isF32())
      continue;
    if (foldIntoProducer(op, *affine) || foldIntoConsumer(op, *affine)) {
      ++numFolded;
      continue;
    }
    ++numReplaced;
    if (type.getRank() == 3 || type.getRank() == 4)
      replaceByConv(op, *affine);
    else
      replaceByMulAdd(op, *affine);
  }
  eraseDeadConstants(getOperation());
}
