//===- NNShapeOps.cpp - Constants and data movement -----------------------===//

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor adaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  ShapedType value = getValue().getShapedType();
  Type element = getType().getElementType();
  if (auto quantized = dyn_cast<quant::QuantizedType>(element))
    element = quantized.getStorageType();
  if (value.getShape() != getType().getShape())
    return emitOpError("expected a value of shape [")
           << getType().getShape() << "], got [" << value.getShape() << "]";
  if (value.getElementType() != element)
    return emitOpError("expected a value of element type ")
           << element << ", got " << value.getElementType();
  return success();
}

//===----------------------------------------------------------------------===//
// ReshapeOp
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  Type from = tensorOf(getInput()).getElementType();
  Type to = getType().getElementType();
  if (from != to && !isa<quant::QuantizedType>(from) &&
      !isa<quant::QuantizedType>(to))
    return emitOpError("expected equal element types, got ")
           << from << " and " << to;
  if (checkedElementCount(shapeOf(getInput())) !=
      checkedElementCount(getType().getShape()))
    return emitOpError("expected equal numbers of elements, got shapes [")
           << shapeOf(getInput()) << "] and [" << getType().getShape() << "]";
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // The result's type may name another scale: then it is not the same data.
  if (tensorOf(getInput()).getElementType() != getType().getElementType())
    return nullptr;
  if (auto value = dyn_cast_or_null<ElementsAttr>(adaptor.getInput()))
    return reshapeElements(value, getType().getShape());
  return nullptr;
}

namespace {
struct ReshapeOfReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ReshapeOp>();
    if (!inner || tensorOf(inner.getInput()).getElementType() !=
                      inner.getType().getElementType())
      return failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput());
    return success();
  }
};
} // namespace

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ReshapeOfReshape>(context);
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult
TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                              ValueRange operands, DictionaryAttr attributes,
                              OpaqueProperties properties, RegionRange regions,
                              SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput()), perm = op.getPerm();
  Shape sorted(perm), shape;
  llvm::sort(sorted);
  bool valid = perm.size() == input.size();
  for (size_t i = 0; valid && i < perm.size(); ++i)
    valid = sorted[i] == static_cast<int64_t>(i);
  if (!valid)
    return emitOptionalError(loc, "expected a permutation of ", input.size(),
                             " dimensions, got [", perm, "]");
  for (int64_t from : perm)
    shape.push_back(input[from]);
  return addResult(loc, op.getInput().getType(), shape, types);
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  ArrayRef<int64_t> perm = getPerm();
  if (getInput().getType() == getType() && llvm::is_sorted(perm))
    return getInput();
  std::optional<RawElements> raw = readElements(adaptor.getInput());
  if (!raw ||
      tensorOf(getInput()).getElementType() != getType().getElementType())
    return nullptr;
  ArrayRef<int64_t> shape = shapeOf(getInput());
  Shape from(shape.size());
  return gatherElements(cast<ElementsAttr>(adaptor.getInput()).getShapedType(),
                        getType().getShape(), [&](ArrayRef<int64_t> at) {
                          for (auto [to, dim] : llvm::enumerate(perm))
                            from[dim] = at[to];
                          return raw->element(linearIndex(shape, from));
                        });
}

namespace {
struct TransposeOfTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<TransposeOp>();
    if (!inner || tensorOf(inner.getInput()).getElementType() !=
                      inner.getType().getElementType())
      return failure();
    Shape perm;
    for (int64_t dim : op.getPerm())
      perm.push_back(inner.getPerm()[dim]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), inner.getInput(),
                                             perm);
    return success();
  }
};
} // namespace

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<TransposeOfTranspose>(context);
}

//===----------------------------------------------------------------------===//
// ConcatOp
//===----------------------------------------------------------------------===//

LogicalResult
ConcatOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                           ValueRange operands, DictionaryAttr attributes,
                           OpaqueProperties properties, RegionRange regions,
                           SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  if (operands.empty())
    return emitOptionalError(loc, "expected at least one input, got none");
  Shape shape(shapeOf(operands[0]));
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "expected axis in [0, ", shape.size(),
                             "), got ", axis);
  for (Value input : operands.drop_front()) {
    Shape other(shapeOf(input));
    if (other.size() != shape.size())
      return emitOptionalError(loc, "expected inputs of equal rank, got ",
                               shape.size(), " and ", other.size());
    int64_t sum = shape[axis] + other[axis];
    other[axis] = shape[axis];
    if (other != shape)
      return emitOptionalError(loc, "expected inputs that differ in axis ",
                               axis, " alone, got [", shapeOf(operands[0]),
                               "] and [", shapeOf(input), "]");
    shape[axis] = sum;
  }
  return addResult(loc, operands[0].getType(), shape, types);
}

OpFoldResult ConcatOp::fold(FoldAdaptor adaptor) {
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType())
    return getInputs()[0];
  if (!getType().getElementType().isF32())
    return nullptr;
  SmallVector<RawElements> parts;
  for (Attribute input : adaptor.getInputs()) {
    std::optional<RawElements> raw = readElements(input);
    if (!raw)
      return nullptr;
    parts.push_back(*raw);
  }
  int64_t axis = getAxis();
  return gatherElements(getType(), getType().getShape(),
                        [&](ArrayRef<int64_t> at) {
                          Shape from(at);
                          size_t part = 0;
                          while (from[axis] >= shapeOf(getInputs()[part])[axis])
                            from[axis] -= shapeOf(getInputs()[part++])[axis];
                          return parts[part].element(
                              linearIndex(shapeOf(getInputs()[part]), from));
                        });
}

//===----------------------------------------------------------------------===//
// SliceOp
//===----------------------------------------------------------------------===//

LogicalResult
SliceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                          ValueRange operands, DictionaryAttr attributes,
                          OpaqueProperties properties, RegionRange regions,
                          SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> starts = op.getStarts(), sizes = op.getSizes();
  ArrayRef<int64_t> steps = op.getSteps();
  if (starts.size() != input.size() || sizes.size() != input.size() ||
      steps.size() != input.size())
    return emitOptionalError(loc, "expected ", input.size(),
                             " starts, sizes and steps, got ", starts.size(),
                             ", ", sizes.size(), " and ", steps.size());
  for (size_t d = 0; d < input.size(); ++d) {
    // |step| <= size keeps the last index inside 64 bits.
    bool inside = starts[d] >= 0 && starts[d] < input[d] && sizes[d] >= 1 &&
                  sizes[d] <= input[d] && steps[d] != 0;
    if (inside && sizes[d] > 1) {
      inside = steps[d] <= input[d] && steps[d] >= -input[d];
      int64_t last = inside ? starts[d] + (sizes[d] - 1) * steps[d] : 0;
      inside = inside && last >= 0 && last < input[d];
    }
    if (!inside)
      return emitOptionalError(loc, "expected a slice inside dimension ", d,
                               " of size ", input[d], ", got start ", starts[d],
                               ", size ", sizes[d], ", step ", steps[d]);
  }
  return addResult(loc, op.getInput().getType(), sizes, types);
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  auto isOne = [](int64_t step) { return step == 1; };
  if (getInput().getType() == getType() && llvm::all_of(getSteps(), isOne))
    return getInput();
  std::optional<RawElements> raw = readElements(adaptor.getInput());
  if (!raw || !getType().getElementType().isF32())
    return nullptr;
  ArrayRef<int64_t> shape = shapeOf(getInput());
  return gatherElements(getType(), getType().getShape(),
                        [&](ArrayRef<int64_t> at) {
                          Shape from;
                          for (auto [d, i] : llvm::enumerate(at))
                            from.push_back(getStarts()[d] + i * getSteps()[d]);
                          return raw->element(linearIndex(shape, from));
                        });
}

//===----------------------------------------------------------------------===//
// PadOp
//===----------------------------------------------------------------------===//

LogicalResult
PadOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                        ValueRange operands, DictionaryAttr attributes,
                        OpaqueProperties properties, RegionRange regions,
                        SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput()), pads = op.getPads();
  size_t rank = input.size();
  if (pads.size() != 2 * rank)
    return emitOptionalError(loc, "expected ", 2 * rank, " pads, got ",
                             pads.size());
  Shape shape;
  constexpr int64_t limit = int64_t(1) << 31;
  for (size_t d = 0; d < rank; ++d) {
    int64_t begin = pads[d], end = pads[rank + d];
    bool inRange =
        std::max(begin, end) < limit && std::min(begin, end) > -limit;
    if (!inRange || input[d] + begin + end < 1)
      return emitOptionalError(loc, "expected pads that leave dimension ", d,
                               " of size ", input[d], " non-empty, got ", begin,
                               " and ", end);
    shape.push_back(input[d] + begin + end);
  }
  return addResult(loc, op.getInput().getType(), shape, types);
}

LogicalResult PadOp::verify() {
  StringRef mode = getMode();
  if (mode != "constant" && mode != "edge" && mode != "reflect" &&
      mode != "wrap")
    return emitOpError("expected mode constant, edge, reflect or wrap, got '")
           << mode << "'";
  ArrayRef<int64_t> input = shapeOf(getInput());
  for (size_t d = 0; d < input.size(); ++d) {
    int64_t widest = std::max(getPads()[d], getPads()[input.size() + d]);
    if (mode == "reflect" && widest >= input[d])
      return emitOpError("expected pads smaller than dimension ")
             << d << " of size " << input[d] << " to reflect, got " << widest;
    if (mode == "wrap" && widest > input[d])
      return emitOpError("expected pads of at most dimension ")
             << d << " of size " << input[d] << " to wrap, got " << widest;
  }
  return success();
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  auto isZero = [](int64_t pad) { return pad == 0; };
  if (getInput().getType() == getType() && llvm::all_of(getPads(), isZero))
    return getInput();
  return nullptr;
}

namespace {
/// Zero padding of the spatial dimensions is what a convolution does itself.
struct PadIntoConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp conv,
                                PatternRewriter &rewriter) const override {
    auto pad = conv.getInput().getDefiningOp<PadOp>();
    if (!pad || pad.getMode() != "constant" || !pad.getValue().isZero() ||
        pad.getInput().getType().getElementType() !=
            pad.getType().getElementType())
      return failure();
    ArrayRef<int64_t> pads = pad.getPads();
    size_t rank = pads.size() / 2, spatial = rank - 2;
    if (llvm::any_of(pads, [](int64_t size) { return size < 0; }) || pads[0] ||
        pads[1] || pads[rank] || pads[rank + 1])
      return failure();
    SmallVector<int64_t> sum(conv.getPads());
    for (size_t i = 0; i < spatial; ++i) {
      sum[i] += pads[2 + i];
      sum[spatial + i] += pads[rank + 2 + i];
    }
    rewriter.modifyOpInPlace(conv, [&] {
      conv.getInputMutable().assign(pad.getInput());
      conv.setPads(sum);
    });
    return success();
  }
};
} // namespace

void PadOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<PadIntoConv>(context);
}
