//===- NNToAccel.cpp - From quantized networks to layers ------------------===//
//
// Part of AccOpt. Takes a function of nn ops on quantized types and builds one
// of accel layer ops on tensors of int8 or int16, channels last. What neither
// the array nor the vector unit computes goes to the host, with the reason.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/NNToAccel.h"

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {

#define GEN_PASS_DEF_NNTOACCEL
#include "accopt/Conversion/NNToAccel.h.inc"

Lowering::Lowering(func::FuncOp source, func::FuncOp target,
                   nn::ConstantUses *uses)
    : uses(uses), source(source), target(target),
      builder(source.getLoc(), source.getContext()) {}

LogicalResult Lowering::refuse(const Twine &why) {
  reason = why.str();
  return failure();
}

DictionaryAttr Lowering::describe(Value value, StringRef name,
                                  ArrayRef<int64_t> order) {
  std::optional<ActivationQuant> quantized = activationQuant(value);
  ActivationQuant quant = quantized.value_or(ActivationQuant());
  // permutation[i]: where the model's dimension i is stored.
  Shape permutation(order.size());
  for (auto [i, dimension] : llvm::enumerate(order))
    permutation[dimension] = i;
  SmallVector<NamedAttribute> attributes = {
      builder.getNamedAttr("accel.name", builder.getStringAttr(name)),
      builder.getNamedAttr("accel.scale", builder.getF64FloatAttr(quant.scale)),
      builder.getNamedAttr("accel.zero_point",
                           builder.getI32IntegerAttr(quant.zeroPoint)),
      builder.getNamedAttr("accel.permutation",
                           builder.getDenseI64ArrayAttr(permutation)),
      builder.getNamedAttr("accel.model_shape",
                           builder.getDenseI64ArrayAttr(shapeOf(value))),
  };
  if (!quantized)
    attributes.push_back(builder.getNamedAttr(
        "accel.type",
        TypeAttr::get(
            cast<RankedTensorType>(value.getType()).getElementType())));
  if (int32_t bits = bitsOfRange(quant.low, quant.high); bits != 8)
    attributes.push_back(
        builder.getNamedAttr("accel.bits", builder.getI32IntegerAttr(bits)));
  return builder.getDictionaryAttr(attributes);
}

/// How an argument is best stored: such that its channels are last where a
/// model with channels last transposes it, otherwise as if axis 1 were them.
static Shape argumentOrder(BlockArgument argument) {
  Shape order = channelsLast(shapeOf(argument).size());
  Value value = argument;
  while (!value.use_empty()) {
    Operation *user = *value.user_begin();
    if (auto transpose = dyn_cast<nn::TransposeOp>(user)) {
      // Channels first from channels last: as the argument is.
      Shape perm = identityOrder(order.size());
      if (perm.size() > 2)
        std::rotate(perm.begin() + 1, perm.end() - 1, perm.end());
      return transpose.getPerm() == ArrayRef<int64_t>(perm)
                 ? identityOrder(order.size())
                 : order;
    }
    bool keepsShape =
        isa<nn::PadOp, nn::SliceOp, nn::ReluOp, nn::ClipOp>(user) ||
        (isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(user) &&
         user->getResult(0).getType() == value.getType());
    if (!keepsShape)
      break;
    value = user->getResult(0);
  }
  return order;
}

LogicalResult Lowering::convertArguments() {
  Block *block = target.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  for (BlockArgument argument : source.getArguments()) {
    bool quantized = activationQuant(argument).has_value();
    size_t rank = shapeOf(argument).size();
    Shape order = quantized ? argumentOrder(argument) : identityOrder(rank);
    Shape shape;
    for (int64_t dimension : order)
      shape.push_back(shapeOf(argument)[dimension]);
    Type element = quantized ? elementType(argument)
                             : storedType(argument).getElementType();
    Value converted = block->addArgument(RankedTensorType::get(shape, element),
                                         argument.getLoc());
    auto name =
        source.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "nn.name");
    set(argument, converted, order);
    argumentAttributes.push_back(describe(
        argument,
        name ? name.getValue()
             : StringRef("input_" + std::to_string(argument.getArgNumber())),
        order));
  }
  return success();
}

LogicalResult Lowering::convertReturn(Operation *op) {
  SmallVector<Value> results;
  for (auto [i, value] : llvm::enumerate(op->getOperands())) {
    // A constant that is not int8 is made by the host.
    if (!values.contains(value)) {
      reason = "the output is a constant";
      if (failed(convertToHost(value.getDefiningOp())))
        return failure();
    }
    Stored from = stored(value);
    results.push_back(from.value);
    auto name = source.getResultAttrOfType<StringAttr>(i, "nn.name");
    resultAttributes.push_back(describe(
        value,
        name ? name.getValue() : StringRef("output_" + std::to_string(i)),
        from.order));
  }
  func::ReturnOp::create(builder, results);
  target.setType(
      builder.getFunctionType(target.getBody().front().getArgumentTypes(),
                              ValueRange(results).getTypes()));
  target.setAllArgAttrs(argumentAttributes);
  target.setAllResultAttrs(resultAttributes);
  return success();
}

LogicalResult Lowering::convert(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<nn::ConvOp, nn::GemmOp, nn::MaxPoolOp, nn::AveragePoolOp,
            nn::ReduceMeanOp, nn::ConstantOp, nn::ReshapeOp, nn::TransposeOp,
            nn::ConcatOp, nn::SliceOp, nn::PadOp, nn::ResampleOp>(
          [&](auto known) { return convertOp(known); })
      .Case<nn::AddOp, nn::SubOp, nn::MulOp>(
          [&](Operation *binary) { return convertBinary(binary); })
      .Case<nn::ReluOp, nn::ClipOp, nn::LeakyReluOp, nn::SigmoidOp,
            nn::HardSigmoidOp, nn::HardSwishOp, nn::SiluOp, nn::UnaryMathOp,
            nn::ChainOp>([&](Operation *unary) { return convertUnary(unary); })
      .Case([&](nn::SoftmaxOp) {
        return refuse("the vector unit has no exponential");
      })
      .Case([&](nn::LrnOp) { return refuse("the vector unit has no power"); })
      .Case([&](nn::RecurrentOp) {
        return refuse("the array keeps no state from step to step");
      })
      .Case([&](nn::DivOp) {
        return refuse("the vector unit does not divide by what it computed");
      })
      .Case([&](nn::MatMulOp) {
        return refuse("the array takes constant weights only");
      })
      .Default([&](Operation *) {
        return refuse("neither the array nor the vector unit has this op");
      });
}

/// Whether `op` takes or gives something other than the machine's integers.
static bool isUnquantized(Operation *op) {
  auto isOther = [](Value value) { return !activationQuant(value); };
  if (isa<nn::ConstantOp>(op))
    return false;
  return llvm::any_of(op->getResults(), isOther) ||
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return isOther(operand) && !operand.getDefiningOp<nn::ConstantOp>();
         });
}

LogicalResult Lowering::convertUnquantized(Operation *op) {
  Value result = op->getResult(0);
  if (auto reshape = dyn_cast<nn::ReshapeOp>(op))
    if (!activationQuant(reshape.getInput()) && !activationQuant(result) &&
        values.contains(reshape.getInput())) {
      set(result,
          Lowering::reshape(stored(reshape.getInput()).value, shapeOf(result)),
          identityOrder(shapeOf(result).size()));
      return success();
    }
  // The reason why the machine would not run it, or that it could.
  auto isFloatOrInt8 = [](Value value) {
    Type type = cast<RankedTensorType>(value.getType()).getElementType();
    return type.isF32() || isa<quant::QuantizedType>(type);
  };
  auto clip = dyn_cast<nn::ClipOp>(op);
  if (clip && activationQuant(result) && !clip.getMinimum() &&
      !clip.getMaximum())
    reason = "quantizes what the host computed";
  else if (!llvm::all_of(op->getOperands(), isFloatOrInt8) ||
           !llvm::all_of(op->getResults(), isFloatOrInt8))
    reason = "the machine computes int8 and int16 alone";
  else if (isa<nn::SoftmaxOp, nn::LrnOp, nn::DivOp, nn::MatMulOp, nn::ConvOp>(
               op))
    (void)convert(op);
  else if (isa<nn::ReduceOp, nn::GatherOp, nn::GatherNDOp, nn::ScatterNDOp,
               nn::RoiAlignOp, nn::TopKOp, nn::CumSumOp, nn::SelectOp,
               nn::BinaryMathOp, nn::ExpandOp>(op))
    reason = "neither the array nor the vector unit has this op";
  else
    reason = "computes in floats beside other ops of the host";
  return convertToHost(op);
}

LogicalResult Lowering::run() {
  if (failed(convertArguments()))
    return failure();
  for (Operation &op : source.getBody().front()) {
    builder.setLoc(op.getLoc());
    if (isa<func::ReturnOp>(op))
      return convertReturn(&op);
    if (!isa_and_nonnull<nn::NNDialect>(op.getDialect()))
      return op.emitError("expected an op of the nn dialect");
    reason.clear();
    if (isUnquantized(&op)) {
      if (failed(convertUnquantized(&op)))
        return failure();
      continue;
    }
    if (succeeded(convert(&op))) {
      if (uses && isa<nn::ConvOp, nn::GemmOp>(op))
        uses->release(&op);
      continue;
    }
    if (failed(convertToHost(&op)))
      return failure();
  }
  return source.emitError("expected a return");
}

namespace {

/// The op that now computes what `from` computed describes its tensor.
void keepDescription(mlir::Operation *from, mlir::Operation *to) {
  if (Attribute description = from->getDiscardableAttr("accel.tensor"))
    to->setDiscardableAttr("accel.tensor", description);
  else
    to->removeDiscardableAttr("accel.tensor");
}

/// A table behind a convolution becomes part of its epilogue.
template <typename ConvT>
struct FuseLookup : public OpRewritePattern<accel::LookupOp> {
  using OpRewritePattern<accel::LookupOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(accel::LookupOp op,
                                PatternRewriter &rewriter) const override {
    auto conv = op.getInput().getDefiningOp<ConvT>();
    if (!conv || !conv->hasOneUse())
      return failure();
    accel::RequantAttr old = conv.getRequant();
    SmallVector<int8_t> table(op.getTable());
    if (!old.getTable().empty())
      for (auto [entry, inner] : llvm::zip_equal(table, old.getTable()))
        entry = op.getTable()[int(inner) + 128];
    auto fused = accel::RequantAttr::get(
        op.getContext(), old.getMultiplier(), old.getShift(),
        old.getZeroPoint(), old.getClampMin(), old.getClampMax(),
        old.getResidual(), old.getResidualZeroPoint(), old.getSum(), table);
    rewriter.modifyOpInPlace(conv, [&] {
      conv.setRequantAttr(fused);
      keepDescription(op, conv);
      conv->setLoc(rewriter.getFusedLoc({conv.getLoc(), op.getLoc()}));
    });
    rewriter.replaceOp(op, conv.getResult());
    return success();
  }
};

/// Two tables in a row are one.
struct ComposeLookups : public OpRewritePattern<accel::LookupOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(accel::LookupOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<accel::LookupOp>();
    if (!inner || !inner->hasOneUse())
      return failure();
    SmallVector<int8_t> table;
    for (int8_t entry : inner.getTable())
      table.push_back(op.getTable()[int(entry) + 128]);
    auto fused = accel::LookupOp::create(
        rewriter, rewriter.getFusedLoc({inner.getLoc(), op.getLoc()}),
        op.getType(), inner.getInput(), rewriter.getDenseI8ArrayAttr(table));
    keepDescription(op, fused);
    rewriter.replaceOp(op, fused.getResult());
    return success();
  }
};

struct NNToAccelPass : public impl::NNToAccelBase<NNToAccelPass> {
  void runOnOperation() override {
    if (failed(convertNNToAccel(getOperation())))
      signalPassFailure();
  }
};
} // namespace

LogicalResult convertNNToAccel(ModuleOp module, bool releaseConstants) {
  module.getContext()->loadDialect<accel::AccelDialect>();
  auto source = module.lookupSymbol<func::FuncOp>("main");
  if (!source || !source.getBody().hasOneBlock())
    return module.emitError("expected a function @main of one block");
  OpBuilder builder(source);
  auto target = func::FuncOp::create(builder, source.getLoc(), "main",
                                     builder.getFunctionType({}, {}));
  std::optional<nn::ConstantUses> uses;
  if (releaseConstants)
    uses.emplace(module);
  if (failed(Lowering(source, target, uses ? &*uses : nullptr).run()))
    return failure();
  source.erase();
  RewritePatternSet patterns(module.getContext());
  patterns.add<ComposeLookups, FuseLookup<accel::Conv2DOp>,
               FuseLookup<accel::DepthwiseConv2DOp>>(module.getContext());
  return applyPatternsGreedily(target, std::move(patterns));
}

} // namespace accopt
