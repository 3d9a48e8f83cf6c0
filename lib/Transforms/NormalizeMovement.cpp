//===- NormalizeMovement.cpp - Pointwise ops before data movement ---------===//
//
// A transposed convolution is a convolution, a depth-to-space and a crop; what
// follows it, a normalization, a bias or an activation, would no longer be next
// to the convolution and could not be fused. Here such ops move up, over
// reshapes, transposes, slices and concatenations that have no other use, to
// the convolution:
//
//   relu(slice(transpose(conv x)))  ->  slice(transpose(relu(conv x)))
//
// An op on each element may go over any movement. One with a constant per
// channel may where each channel of the convolution ends up within one channel
// of the result; that is worked out digit by digit, in the mixed radix that
// reshapes make of an index.
//
//===----------------------------------------------------------------------===//

#include "ConstantData.h"
#include "LinearOps.h"
#include "Normalize.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace accopt;

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Where channels come from
//===----------------------------------------------------------------------===//

namespace {
/// `(index of dimension dim / stride) % extent`.
struct Digit {
  int64_t dim, stride, extent;
};
/// A number, its most significant digit first.
using Digits = SmallVector<Digit>;

/// Dimensions of two shapes with equal products, as short as possible.
struct Group {
  int64_t fromBegin, fromEnd, toBegin, toEnd;
};
} // namespace

static SmallVector<Group> groupDims(ArrayRef<int64_t> from,
                                    ArrayRef<int64_t> to) {
  SmallVector<Group> groups;
  int64_t i = 0, j = 0, m = from.size(), n = to.size();
  while (i < m || j < n) {
    Group group{i, i, j, j};
    int64_t left = i < m ? from[i++] : 1, right = j < n ? to[j++] : 1;
    while (left != right)
      if (left < right)
        left *= from[i++];
      else
        right *= to[j++];
    group.fromEnd = i;
    group.toEnd = j;
    groups.push_back(group);
  }
  return groups;
}

static int64_t product(ArrayRef<int64_t> shape, int64_t begin, int64_t end) {
  int64_t result = 1;
  for (int64_t d = begin; d < end; ++d)
    result *= shape[d];
  return result;
}

/// `digit` of the result of a reshape as digits of its input.
static std::optional<Digits> throughReshape(nn::ReshapeOp op, Digit digit) {
  ArrayRef<int64_t> from = typeOf(op.getInput()).getShape();
  ArrayRef<int64_t> to = op.getType().getShape();
  for (const Group &group : groupDims(from, to)) {
    if (digit.dim < group.toBegin || digit.dim >= group.toEnd)
      continue;
    // The digit of the index that all dimensions of the group make.
    int64_t stride = digit.stride * product(to, digit.dim + 1, group.toEnd);
    int64_t extent = digit.extent, inner = 1;
    Digits result;
    for (int64_t d = group.fromEnd; d-- > group.fromBegin && extent > 1;) {
      int64_t end = inner * from[d];
      if (stride < end) {
        if (stride % inner != 0 || end % stride != 0)
          return std::nullopt;
        int64_t taken = std::min(extent, end / stride);
        if (extent % taken != 0)
          return std::nullopt;
        result.insert(result.begin(), Digit{d, stride / inner, taken});
        stride *= taken;
        extent /= taken;
      }
      inner = end;
    }
    if (extent > 1)
      return std::nullopt;
    return result;
  }
  return std::nullopt;
}

/// Digits of the result of a movement as digits of its input.
static std::optional<Digits> through(Operation *op, const Digits &digits) {
  Digits result;
  for (Digit digit : digits) {
    if (auto reshape = llvm::dyn_cast<nn::ReshapeOp>(op)) {
      std::optional<Digits> more = throughReshape(reshape, digit);
      if (!more)
        return std::nullopt;
      result.append(*more);
      continue;
    }
    if (auto slice = llvm::dyn_cast<nn::SliceOp>(op)) {
      int64_t size = typeOf(slice.getInput()).getDimSize(digit.dim);
      if (slice.getSizes()[digit.dim] != size ||
          slice.getSteps()[digit.dim] != 1)
        return std::nullopt;
    } else {
      digit.dim = llvm::cast<nn::TransposeOp>(op).getPerm()[digit.dim];
    }
    result.push_back(digit);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Chains
//===----------------------------------------------------------------------===//

namespace {
/// Movements between a convolution or gemm, or a concatenation of such along
/// the channels, and a value.
struct Chain {
  Value root;
  /// From the value to the root.
  SmallVector<Operation *> movements;

  /// For each channel of the root the index of dimension `axis` of the value,
  /// a tensor of `type`, that it ends up in; nothing where there is no such
  /// one.
  std::optional<SmallVector<int64_t>> channels(RankedTensorType type,
                                               int64_t axis) const;
};
} // namespace

/// Whether `value` is what a convolution or gemm makes, or a pointwise op after
/// it that has moved up already.
static bool isLinear(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse())
    return false;
  if (LinearOp::get(op))
    return true;
  return llvm::isa<nn::ReluOp, nn::ClipOp, nn::LeakyReluOp, nn::SigmoidOp,
                   nn::HardSigmoidOp, nn::HardSwishOp, nn::SiluOp,
                   nn::BatchNormOp, nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(
             op) &&
         llvm::any_of(op->getOperands(), isLinear);
}

/// Whether `value` is a concatenation along the channels that can be split.
static bool isSplittable(Value value) {
  auto concat = value.getDefiningOp<nn::ConcatOp>();
  return concat && concat->hasOneUse() && concat.getAxis() == 1 &&
         llvm::all_of(concat.getInputs(), isLinear);
}

static std::optional<Chain> getChain(Value value) {
  Chain chain;
  while (value.hasOneUse() && typeOf(value).getElementType().isF32()) {
    Operation *op = value.getDefiningOp();
    if (!op || !llvm::isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp>(op))
      break;
    chain.movements.push_back(op);
    value = op->getOperand(0);
  }
  chain.root = value;
  bool isEnd =
      isSplittable(value) || (isLinear(value) && !chain.movements.empty());
  if (!isEnd || !typeOf(value).getElementType().isF32())
    return std::nullopt;
  return chain;
}

std::optional<SmallVector<int64_t>> Chain::channels(RankedTensorType type,
                                                    int64_t axis) const {
  RankedTensorType from = typeOf(root);
  if (from.getRank() < 2)
    return std::nullopt;
  Digits digits = {{axis, 1, type.getDimSize(axis)}};
  for (Operation *op : movements) {
    std::optional<Digits> before = through(op, digits);
    if (!before)
      return std::nullopt;
    digits = std::move(*before);
  }
  SmallVector<int64_t> result;
  for (const Digit &digit : digits)
    if (digit.dim != 1)
      return std::nullopt;
  for (int64_t c = 0; c < from.getDimSize(1); ++c) {
    int64_t channel = 0;
    for (const Digit &digit : digits)
      channel = channel * digit.extent + c / digit.stride % digit.extent;
    result.push_back(channel);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
/// Makes the op of a part of the root: its channels [first, first + count).
using MakePart =
    llvm::function_ref<Value(Value part, int64_t first, int64_t count)>;
} // namespace

/// Replaces `op`, which reads the end of `chain`, by the end of a new chain
/// whose root has gone through `make`.
static void moveUp(PatternRewriter &rewriter, Operation *op, const Chain &chain,
                   MakePart make) {
  rewriter.setInsertionPoint(op);
  Value value = chain.root;
  if (auto concat = value.getDefiningOp<nn::ConcatOp>()) {
    SmallVector<Value> parts;
    int64_t first = 0;
    for (Value input : concat.getInputs()) {
      int64_t count = typeOf(input).getDimSize(1);
      parts.push_back(make(input, first, count));
      first += count;
    }
    value = nn::ConcatOp::create(rewriter, concat.getLoc(), concat.getType(),
                                 parts, concat.getAxisAttr());
  } else {
    value = make(value, 0,
                 typeOf(value).getRank() > 1 ? typeOf(value).getDimSize(1) : 1);
  }
  for (Operation *movement : llvm::reverse(chain.movements)) {
    Operation *copy = rewriter.clone(*movement);
    copy->setOperand(0, value);
    value = copy->getResult(0);
  }
  rewriter.replaceOp(op, value);
}

namespace {
/// An activation of its own.
template <typename OpT> struct HoistUnary : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    std::optional<Chain> chain = getChain(op.getInput());
    if (!chain || op.getType() != op.getInput().getType())
      return failure();
    moveUp(rewriter, op, *chain, [&](Value part, int64_t, int64_t) {
      Operation *copy = rewriter.clone(*op);
      copy->setOperand(0, part);
      copy->getResult(0).setType(part.getType());
      return copy->getResult(0);
    });
    return success();
  }
};

struct HoistBatchNorm : OpRewritePattern<nn::BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Chain> chain = getChain(op.getInput());
    if (!chain || !op.getType().getElementType().isF32())
      return failure();
    std::optional<SmallVector<int64_t>> channels =
        chain->channels(op.getType(), /*axis=*/1);
    SmallVector<ConstantFloats> parameters;
    for (Value operand : op->getOperands().drop_front()) {
      std::optional<ConstantFloats> floats = ConstantFloats::get(operand);
      if (!floats)
        return failure();
      parameters.push_back(*floats);
    }
    if (!channels)
      return failure();
    moveUp(rewriter, op, *chain,
           [&](Value part, int64_t first, int64_t count) -> Value {
             SmallVector<Value> operands = {part};
             for (const ConstantFloats &floats : parameters)
               operands.push_back(createConstant<float>(
                   rewriter, op.getLoc(),
                   RankedTensorType::get({count}, rewriter.getF32Type()),
                   [&](MutableArrayRef<float> out) {
                     for (int64_t c = 0; c < count; ++c)
                       out[c] = floats.values()[(*channels)[first + c]];
                   }));
             return nn::BatchNormOp::create(
                 rewriter, op.getLoc(), part.getType(), operands[0],
                 operands[1], operands[2], operands[3], operands[4],
                 op.getEpsilonAttr());
           });
    return success();
  }
};

/// Values of a constant that broadcasts along all dimensions but `axis`.
struct AlongAxis {
  ConstantFloats constant;
  int64_t axis;

  float operator[](int64_t i) const {
    ArrayRef<float> values = constant.values();
    return values[values.size() == 1 ? 0 : i];
  }
};

std::optional<AlongAxis> getAlongAxis(Value value, RankedTensorType type) {
  std::optional<ConstantFloats> constant = ConstantFloats::get(value);
  if (!constant || type.getRank() == 0)
    return std::nullopt;
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  int64_t leading = type.getRank() - int64_t(shape.size());
  std::optional<int64_t> axis;
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size == 1)
      continue;
    if (axis || leading < 0)
      return std::nullopt;
    axis = leading + int64_t(i);
  }
  return AlongAxis{*constant, axis.value_or(0)};
}

/// Addition and so on of a constant along one dimension.
template <typename OpT> struct HoistBinary : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value value = op->getOperand(i);
      std::optional<AlongAxis> constant = getAlongAxis(
          op->getOperand(1 - i), llvm::cast<RankedTensorType>(op.getType()));
      if (!constant || value.getType() != op.getType())
        continue;
      std::optional<Chain> chain = getChain(value);
      if (!chain)
        continue;
      std::optional<SmallVector<int64_t>> channels;
      if (constant->constant.values().size() == 1)
        channels.emplace(typeOf(chain->root).getDimSize(1), 0);
      else
        channels = chain->channels(typeOf(value), constant->axis);
      if (!channels)
        continue;
      moveUp(rewriter, op, *chain,
             [&](Value part, int64_t first, int64_t count) -> Value {
               SmallVector<int64_t> shape(typeOf(part).getRank(), 1);
               shape[1] = count;
               Value moved = createConstant<float>(
                   rewriter, op->getOperand(1 - i).getLoc(),
                   RankedTensorType::get(shape, rewriter.getF32Type()),
                   [&](MutableArrayRef<float> out) {
                     for (int64_t c = 0; c < count; ++c)
                       out[c] = (*constant)[(*channels)[first + c]];
                   });
               return OpT::create(rewriter, op.getLoc(), part.getType(),
                                  i == 0 ? part : moved, i == 0 ? moved : part,
                                  op.getClampMinAttr(), op.getClampMaxAttr());
             });
      return success();
    }
    return failure();
  }
};

/// transpose(pad x) -> pad(transpose x) before a window that can take up the
/// padding: exporters of channels-last models pad first.
struct PadAfterTranspose : OpRewritePattern<nn::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(nn::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().getDefiningOp<nn::PadOp>();
    if (!pad || !pad->hasOneUse() || pad.getType() != op.getInput().getType() ||
        llvm::none_of(op->getUsers(),
                      llvm::IsaPred<nn::ConvOp, nn::AveragePoolOp>))
      return failure();
    RankedTensorType from = typeOf(pad.getInput());
    size_t rank = op.getPerm().size();
    SmallVector<int64_t> pads(2 * rank), shape;
    for (auto [to, source] : llvm::enumerate(op.getPerm())) {
      pads[to] = pad.getPads()[source];
      pads[to + rank] = pad.getPads()[source + rank];
      shape.push_back(from.getDimSize(source));
    }
    Value moved = nn::TransposeOp::create(
        rewriter, op.getLoc(), from.clone(shape), pad.getInput(), op.getPerm());
    rewriter.replaceOpWithNewOp<nn::PadOp>(
        op, op.getType(), moved, rewriter.getDenseI64ArrayAttr(pads),
        pad.getModeAttr(), pad.getValueAttr());
    return success();
  }
};

/// transpose a + transpose b -> transpose(a + b), so that a sum of two
/// convolutions of a channels-last model is next to them.
template <typename OpT> struct BinaryOfTransposes : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    auto lhs = op.getLhs().template getDefiningOp<nn::TransposeOp>();
    auto rhs = op.getRhs().template getDefiningOp<nn::TransposeOp>();
    if (!lhs || !rhs || lhs.getPerm() != rhs.getPerm() ||
        lhs.getType() != rhs.getType() || op.getType() != lhs.getType() ||
        lhs.getInput().getType() != rhs.getInput().getType() ||
        (!lhs->hasOneUse() && !rhs->hasOneUse()))
      return failure();
    Value result = OpT::create(rewriter, op.getLoc(), lhs.getInput().getType(),
                               lhs.getInput(), rhs.getInput(),
                               op.getClampMinAttr(), op.getClampMaxAttr());
    rewriter.replaceOpWithNewOp<nn::TransposeOp>(op, op.getType(), result,
                                                 lhs.getPerm());
    return success();
  }
};
} // namespace

void accopt::populateNormalizeMovementPatterns(RewritePatternSet &patterns) {
  patterns.add<HoistUnary<nn::ReluOp>, HoistUnary<nn::ClipOp>,
               HoistUnary<nn::LeakyReluOp>, HoistUnary<nn::SigmoidOp>,
               HoistUnary<nn::HardSigmoidOp>, HoistUnary<nn::HardSwishOp>,
               HoistUnary<nn::SiluOp>, HoistBatchNorm, HoistBinary<nn::AddOp>,
               HoistBinary<nn::SubOp>, HoistBinary<nn::MulOp>,
               HoistBinary<nn::DivOp>, PadAfterTranspose,
               BinaryOfTransposes<nn::AddOp>, BinaryOfTransposes<nn::SubOp>,
               BinaryOfTransposes<nn::MulOp>>(patterns.getContext());
}
