//===- ChannelGroupsRules.cpp - What each op ties -------------------------===//
//
// Per op: which indices of operands and result go together, which cannot be
// removed at all, and whether the result is zero where its sources are set to
// zero. The last matters where two values are summed over a common dimension:
// one factor must be zero there, or the removed terms would be missed. Between
// such sums everything works index by index, so that a removed index never
// reaches one that stays.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroupsGraph.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt;

static bool holdsZero(std::optional<APFloat> low, std::optional<APFloat> high) {
  return (!low || low->convertToFloat() <= 0.0f) &&
         (!high || high->convertToFloat() >= 0.0f);
}

/// The dimension of `operand` that broadcasts to dimension `d` of `result`; -1
/// if the same elements serve every index of it.
static int alignedDimension(const ChannelTensor &operand,
                            const ChannelTensor &result, unsigned d) {
  int dimension = int(d) + int(operand.rank()) - int(result.rank());
  if (dimension < 0 || operand.shape[dimension] != result.shape[d])
    return -1;
  return dimension;
}

void ChannelGraph::visit(mlir::Operation *op) {
  llvm::TypeSwitch<mlir::Operation *>(op)
      // Every use of a constant is a tensor of its own.
      .Case<nn::ConstantOp>([](auto) {})
      .Case<nn::ConvOp>([&](auto) { visitConv(op); })
      .Case<nn::GemmOp>([&](auto) { visitGemm(op); })
      .Case<nn::MatMulOp>([&](auto) { visitMatMul(op); })
      .Case<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(
          [&](auto) { visitBinary(op); })
      .Case<nn::ReluOp, nn::LeakyReluOp, nn::HardSwishOp, nn::SiluOp>(
          [&](auto) { visitElementwise(op, true); })
      .Case<nn::SigmoidOp>([&](auto) { visitElementwise(op, false); })
      .Case<nn::ClipOp>([&](nn::ClipOp clip) {
        visitElementwise(op, holdsZero(clip.getMinimum(), clip.getMaximum()));
      })
      .Case<nn::HardSigmoidOp>([&](nn::HardSigmoidOp sigmoid) {
        visitElementwise(op, sigmoid.getBeta().convertToFloat() <= 0.0f);
      })
      .Case<nn::BatchNormOp>([&](auto) { visitBatchNorm(op); })
      .Case<nn::SoftmaxOp>([&](nn::SoftmaxOp softmax) {
        visitMixing(op, {int64_t(softmax.getAxis())}, false, "reaches softmax");
      })
      .Case<nn::LrnOp>([&](auto) { visitMixing(op, {1}, true, "reaches lrn"); })
      .Case<nn::MaxPoolOp, nn::AveragePoolOp>(
          [&](auto) { visitMixing(op, {2, 3}, true, "is spatial"); })
      .Case<nn::ResampleOp>([&](nn::ResampleOp resample) {
        visitMixing(op, {int64_t(resample.getAxis())}, true, "is resampled");
      })
      .Case<nn::ReduceMeanOp>([&](auto) { visitReduceMean(op); })
      .Case<nn::TransposeOp>([&](auto) { visitTranspose(op); })
      .Case<nn::ReshapeOp>([&](auto) { visitReshape(op); })
      .Case<nn::ConcatOp>([&](auto) { visitConcat(op); })
      .Case<nn::SliceOp>([&](auto) { visitSlice(op); })
      .Case<nn::PadOp>([&](auto) { visitPad(op); })
      .Case<func::ReturnOp>([&](auto) {
        for (OpOperand &use : op->getOpOperands())
          fixAll(operand(op, use.getOperandNumber()),
                 "reaches result " + std::to_string(use.getOperandNumber()));
      })
      .Default([&](auto) {
        visitOther(op, "reaches " + op->getName().getStringRef().str());
      });
}

void ChannelGraph::visitOther(mlir::Operation *op, const std::string &why) {
  auto isTensor = [](Value value) {
    return llvm::isa<RankedTensorType>(value.getType());
  };
  for (OpOperand &use : op->getOpOperands())
    if (isTensor(use.get()))
      fixAll(operand(op, use.getOperandNumber()), why);
  for (Value value : op->getResults())
    if (isTensor(value))
      fixAll(add(value, nullptr), why);
}

//===----------------------------------------------------------------------===//
// Index by index
//===----------------------------------------------------------------------===//

void ChannelGraph::visitElementwise(mlir::Operation *op, bool keepsZero) {
  visitMixing(op, {}, keepsZero, "");
}

/// Result and input tied, but for the dimensions `mixed`.
void ChannelGraph::visitMixing(mlir::Operation *op, ArrayRef<int64_t> mixed,
                               bool keepsZero, const std::string &why) {
  ChannelTensor in = operand(op, 0), out = result(op);
  for (unsigned d = 0; d < in.rank(); ++d) {
    if (llvm::is_contained(mixed, int64_t(d))) {
      fix(in.slot(d), why);
      fix(out.slot(d), why);
      continue;
    }
    tie(in.slot(d), out.slot(d));
    setVanishes(out.slot(d), keepsZero && vanishes(in.slot(d)));
  }
}

void ChannelGraph::visitReduceMean(mlir::Operation *op) {
  auto mean = llvm::cast<nn::ReduceMeanOp>(op);
  ChannelTensor in = operand(op, 0), out = result(op);
  unsigned to = 0;
  for (unsigned d = 0; d < in.rank(); ++d) {
    if (llvm::is_contained(mean.getAxes(), int64_t(d))) {
      fix(in.slot(d), "reaches reduce_mean");
      to += mean.getKeepDims();
      continue;
    }
    tie(in.slot(d), out.slot(to));
    setVanishes(out.slot(to++), vanishes(in.slot(d)));
  }
}

void ChannelGraph::visitBinary(mlir::Operation *op) {
  ChannelTensor lhs = operand(op, 0), rhs = operand(op, 1), out = result(op);
  auto bound = [&](const char *name) -> std::optional<APFloat> {
    if (auto attr = op->getAttrOfType<FloatAttr>(name))
      return attr.getValue();
    return std::nullopt;
  };
  bool keepsZero = holdsZero(bound("clamp_min"), bound("clamp_max"));
  for (unsigned d = 0; d < out.rank(); ++d) {
    int l = alignedDimension(lhs, out, d), r = alignedDimension(rhs, out, d);
    if (l >= 0)
      tie(lhs.slot(l), out.slot(d));
    if (r >= 0)
      tie(rhs.slot(r), out.slot(d));
    bool left = l >= 0 && vanishes(lhs.slot(l));
    bool right = r >= 0 && vanishes(rhs.slot(r));
    bool isZero = left && right;
    if (llvm::isa<nn::MulOp>(op))
      isZero = left || right;
    if (llvm::isa<nn::DivOp>(op)) {
      isZero = left;
      if (right)
        fix(rhs.slot(r), "is a divisor");
    }
    setVanishes(out.slot(d), keepsZero && isZero);
  }
}

void ChannelGraph::visitBatchNorm(mlir::Operation *op) {
  ChannelTensor in = operand(op, 0), out = result(op);
  for (unsigned d = 0; d < in.rank(); ++d)
    tie(in.slot(d), out.slot(d));
  for (unsigned i = 1; i < op->getNumOperands(); ++i)
    tie(operand(op, i).slot(0), out.slot(1));
  setVanishes(out.slot(1), vanishes(operand(op, 1).slot(0)) &&
                               vanishes(operand(op, 2).slot(0)));
}

//===----------------------------------------------------------------------===//
// Sums over a dimension
//===----------------------------------------------------------------------===//

/// Dimensions that are summed over together.
void ChannelGraph::contract(mlir::Operation *op, unsigned slotA,
                            unsigned slotB) {
  tie(slotA, slotB);
  markChannel(slotA);
  if (!vanishes(slotA) && !vanishes(slotB))
    fix(slotA, "is summed over in " + op->getName().getStringRef().str() +
                   " of two activations");
}

void ChannelGraph::produce(mlir::Operation *op, unsigned dimension) {
  unsigned index = activationIndex.lookup(op->getResult(0));
  allTensors[index].producedDimension = int(dimension);
  markChannel(allTensors[index].slot(dimension));
}

void ChannelGraph::visitConv(mlir::Operation *op) {
  auto conv = llvm::cast<nn::ConvOp>(op);
  ChannelTensor in = operand(op, 0), weights = operand(op, 1);
  ChannelTensor out = result(op);
  tie(in.slot(0), out.slot(0));
  for (unsigned d = 2; d < in.rank(); ++d)
    for (const ChannelTensor *tensor : {&in, &weights, &out})
      fix(tensor->slot(d), "is spatial");
  tie(weights.slot(0), out.slot(1));
  tieConvGroups(op, conv.getGroups());
  produce(op, 1);

  bool isZero = vanishes(weights.slot(0)) &&
                holdsZero(conv.getClampMin(), conv.getClampMax());
  if (conv.getBias()) {
    ChannelTensor bias = operand(op, 2);
    tie(bias.slot(0), out.slot(1));
    isZero &= vanishes(bias.slot(0));
  }
  if (conv.getResidual()) {
    ChannelTensor residual = operand(op, op->getNumOperands() - 1);
    for (unsigned d = 0; d < out.rank(); ++d)
      tie(residual.slot(d), out.slot(d));
    isZero &= vanishes(residual.slot(1));
  }
  setVanishes(out.slot(1), isZero);
}

/// Inputs with the weights' inputs, and what keeps the groups of a grouped
/// convolution of one size: either whole groups are removed, or one position of
/// every group of inputs (the weights' inputs are the same for all) and one
/// output of every group, whichever leaves the finer choice.
void ChannelGraph::tieConvGroups(mlir::Operation *op, int64_t groups) {
  ChannelTensor in = operand(op, 0), weights = operand(op, 1);
  ChannelTensor out = result(op);
  unsigned from = in.slot(1), to = out.slot(1);
  int64_t inputs = in.shape[1] / groups, outputs = out.shape[1] / groups;
  if (groups == 1) {
    contract(op, from, weights.slot(1));
    return;
  }
  markChannel(from);
  bool isWhole =
      std::min(inputs, outputs) == 1 || groups >= std::max(inputs, outputs);
  if (isWhole) {
    fix(weights.slot(1), "belongs to whole groups of a conv");
    for (int64_t group = 0; group < groups; ++group) {
      for (int64_t i = 0; i < inputs; ++i)
        tieIndex(from, group * inputs + i, to, group * outputs);
      for (int64_t i = 1; i < outputs; ++i)
        tieIndex(to, group * outputs, to, group * outputs + i);
    }
    return;
  }
  grouped.push_back({to, groups});
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t i = 0; i < inputs; ++i)
      tieIndex(weights.slot(1), i, from, group * inputs + i);
  markChannel(weights.slot(1));
  if (!vanishes(weights.slot(1)) && !vanishes(from))
    fix(from, "is summed over in nn.conv of two activations");
}

void ChannelGraph::visitGemm(mlir::Operation *op) {
  auto gemm = llvm::cast<nn::GemmOp>(op);
  ChannelTensor a = operand(op, 0), b = operand(op, 1), out = result(op);
  unsigned rows = gemm.getTransA() ? 1 : 0, columns = gemm.getTransB() ? 0 : 1;
  tie(a.slot(rows), out.slot(0));
  tie(b.slot(columns), out.slot(1));
  contract(op, a.slot(1 - rows), b.slot(1 - columns));
  if (b.use)
    produce(op, 1);
  else if (a.use)
    produce(op, 0);

  bool keepsZero = holdsZero(gemm.getClampMin(), gemm.getClampMax());
  bool isZero[2] = {keepsZero && vanishes(a.slot(rows)),
                    keepsZero && vanishes(b.slot(columns))};
  for (unsigned i = 2; i < op->getNumOperands(); ++i) {
    ChannelTensor addend = operand(op, i);
    for (unsigned d = 0; d < 2; ++d) {
      int from = alignedDimension(addend, out, d);
      if (from >= 0)
        tie(addend.slot(from), out.slot(d));
      isZero[d] &= from >= 0 && vanishes(addend.slot(from));
    }
  }
  setVanishes(out.slot(0), isZero[0]);
  setVanishes(out.slot(1), isZero[1]);
}

void ChannelGraph::visitMatMul(mlir::Operation *op) {
  ChannelTensor a = operand(op, 0), b = operand(op, 1), out = result(op);
  unsigned innerB = b.rank() == 1 ? 0 : b.rank() - 2;
  contract(op, a.slot(a.rank() - 1), b.slot(innerB));
  auto pass = [&](unsigned from, unsigned to) {
    tie(from, to);
    setVanishes(to, vanishes(to) || vanishes(from));
  };
  unsigned batch = out.rank() - (a.rank() > 1) - (b.rank() > 1);
  if (a.rank() > 1)
    pass(a.slot(a.rank() - 2), out.slot(batch));
  if (b.rank() > 1)
    pass(b.slot(b.rank() - 1), out.slot(out.rank() - 1));
  for (const ChannelTensor *tensor : {&a, &b})
    for (unsigned d = 0; d + 2 < tensor->rank(); ++d) {
      unsigned to = batch + d + 2 - tensor->rank();
      if (tensor->shape[d] == out.shape[to])
        pass(tensor->slot(d), out.slot(to));
    }
  if (b.use && b.rank() > 1)
    produce(op, out.rank() - 1);
  else if (a.use && a.rank() > 1)
    produce(op, batch);
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

void ChannelGraph::visitTranspose(mlir::Operation *op) {
  auto transpose = llvm::cast<nn::TransposeOp>(op);
  ChannelTensor in = operand(op, 0), out = result(op);
  for (auto [to, from] : llvm::enumerate(transpose.getPerm())) {
    tie(in.slot(from), out.slot(to));
    setVanishes(out.slot(to), vanishes(in.slot(from)));
  }
}

void ChannelGraph::visitConcat(mlir::Operation *op) {
  auto axis = unsigned(llvm::cast<nn::ConcatOp>(op).getAxis());
  // The operands first: adding one moves the others.
  SmallVector<ChannelTensor> inputs;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    inputs.push_back(operand(op, i));
  ChannelTensor out = result(op);
  int64_t offset = 0;
  for (unsigned d = 0; d < out.rank(); ++d)
    setVanishes(out.slot(d), llvm::all_of(inputs, [&](const auto &in) {
                  return vanishes(in.slot(d));
                }));
  for (const ChannelTensor &in : inputs) {
    for (unsigned d = 0; d < out.rank(); ++d)
      tiePart(in.slot(d), out.slot(d), d == axis ? offset : 0);
    offset += in.shape[axis];
  }
}

void ChannelGraph::visitSlice(mlir::Operation *op) {
  auto slice = llvm::cast<nn::SliceOp>(op);
  ChannelTensor in = operand(op, 0), out = result(op);
  for (unsigned d = 0; d < in.rank(); ++d) {
    unsigned from = in.slot(d), to = out.slot(d);
    setVanishes(to, vanishes(from));
    int64_t start = slice.getStarts()[d], step = slice.getSteps()[d];
    int64_t direction = step < 0 ? -1 : 1;
    for (int64_t i = 0; i < out.shape[d]; ++i) {
      tieIndex(from, start + i * step, to, i);
      // What is left must be at equal distances: what a step passes over goes
      // with where it started.
      for (int64_t j = 1; j < std::abs(step) && i + 1 < out.shape[d]; ++j)
        tieIndex(from, start + i * step + j * direction, to, i);
    }
  }
}

void ChannelGraph::visitPad(mlir::Operation *op) {
  auto pad = llvm::cast<nn::PadOp>(op);
  ChannelTensor in = operand(op, 0), out = result(op);
  bool isConstant = pad.getMode() == "constant";
  bool keepsZero = !isConstant || pad.getValue().isZero();
  for (unsigned d = 0; d < in.rank(); ++d) {
    int64_t before = pad.getPads()[d], after = pad.getPads()[in.rank() + d];
    if (before < 0 || after < 0 || (!isConstant && (before || after))) {
      fix(in.slot(d), "reaches pad");
      fix(out.slot(d), "reaches pad");
      continue;
    }
    tiePart(in.slot(d), out.slot(d), before);
    setVanishes(out.slot(d), keepsZero && vanishes(in.slot(d)));
  }
}
