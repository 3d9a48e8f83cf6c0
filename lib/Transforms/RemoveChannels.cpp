//===- RemoveChannels.cpp - Physically smaller functions ------------------===//
//
// First the attributes, while the types still say what was; then the constants,
// one use at a time; then the types of all results.
//
//===----------------------------------------------------------------------===//

#include "RemoveChannels.h"

#include "ConstantData.h"
#include "LinearOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt;

//===----------------------------------------------------------------------===//
// What goes
//===----------------------------------------------------------------------===//

static ArrayRef<int64_t> shapeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType()).getShape();
}

void RemovedIndices::add(const GroupMember &member, ArrayRef<int64_t> units,
                         const IRMapping &mapping) {
  auto copyOf = [&](OpOperand *use) {
    Operation *owner = mapping.lookupOrDefault(use->getOwner());
    return &owner->getOpOperand(use->getOperandNumber());
  };
  Dimensions &dimensions = member.use
                               ? uses[copyOf(member.use)]
                               : values[mapping.lookupOrDefault(member.value)];
  llvm::BitVector &bits = dimensions[member.dimension];
  bits.resize(shapeOf(member.value)[member.dimension]);
  for (int64_t unit : units)
    for (int64_t position : member.positions[unit])
      bits.set(position);
}

static LogicalResult checkKeep(func::FuncOp function, const ChannelGroup &group,
                               ArrayRef<int64_t> keep) {
  auto error = [&] {
    return function.emitError() << "channel group '" << group.name << "': ";
  };
  if (keep.empty())
    return error() << "expected at least one unit to keep, got none";
  for (auto [i, unit] : llvm::enumerate(keep))
    if (unit < 0 || unit >= group.units || (i > 0 && unit <= keep[i - 1]))
      return error() << "expected ascending units below " << group.units
                     << ", got " << unit;
  if (!group.isPrunable() && int64_t(keep.size()) != group.units)
    return error() << "expected all of its " << group.units
                   << " units to be kept, as it " << group.fixedBy << ", got "
                   << keep.size();
  return success();
}

FailureOr<RemovedIndices>
RemovedIndices::get(func::FuncOp function, const ChannelGroups &groups,
                    ArrayRef<SmallVector<int64_t>> keep,
                    const IRMapping &mapping) {
  if (keep.size() != groups.groups().size()) {
    function.emitError() << "expected the units to keep of "
                         << groups.groups().size() << " groups, got "
                         << keep.size();
    return failure();
  }
  RemovedIndices removed;
  for (auto [group, kept] : llvm::zip_equal(groups.groups(), keep)) {
    if (failed(checkKeep(function, group, kept)))
      return failure();
    llvm::BitVector goes(group.units, true);
    for (int64_t unit : kept)
      goes.reset(unit);
    SmallVector<int64_t> units(goes.set_bits());
    if (units.empty())
      continue;
    for (const GroupMember &member : group.activations)
      removed.add(member, units, mapping);
    for (const GroupMember &member : group.parameters)
      removed.add(member, units, mapping);
  }
  return removed;
}

const RemovedIndices::Dimensions *RemovedIndices::find(Value value) const {
  auto found = values.find(value);
  return found == values.end() ? nullptr : &found->second;
}

const RemovedIndices::Dimensions *RemovedIndices::find(OpOperand &use) const {
  if (!use.get().getDefiningOp<nn::ConstantOp>())
    return find(use.get());
  auto found = uses.find(&use);
  return found == uses.end() ? nullptr : &found->second;
}

static SmallVector<int64_t>
indicesKept(const RemovedIndices::Dimensions *dimensions, unsigned dimension,
            int64_t size) {
  const llvm::BitVector *bits = nullptr;
  if (dimensions) {
    auto found = dimensions->find(dimension);
    bits = found == dimensions->end() ? nullptr : &found->second;
  }
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < size; ++i)
    if (!bits || !bits->test(i))
      kept.push_back(i);
  return kept;
}

SmallVector<int64_t> RemovedIndices::kept(Value value,
                                          unsigned dimension) const {
  return indicesKept(find(value), dimension, shapeOf(value)[dimension]);
}

SmallVector<int64_t> RemovedIndices::kept(OpOperand &use,
                                          unsigned dimension) const {
  return indicesKept(find(use), dimension, shapeOf(use.get())[dimension]);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

namespace {
/// Replaces constants at their uses. Uses of one constant that lose the same
/// share the replacement.
class ConstantReplacer {
public:
  explicit ConstantReplacer(const RemovedIndices &removed) : removed(removed) {}

  void shrink(OpOperand &use) {
    replace(use, [](nn::ConstantOp constant,
                    const RemovedIndices::Dimensions &dimensions) {
      return shrunk(constant, dimensions);
    });
  }
  void clear(OpOperand &use) {
    replace(use, [](nn::ConstantOp constant,
                    const RemovedIndices::Dimensions &dimensions) {
      return cleared(constant, dimensions);
    });
  }

private:
  using Make = llvm::function_ref<Value(nn::ConstantOp,
                                        const RemovedIndices::Dimensions &)>;

  void replace(OpOperand &use, Make make) {
    auto constant = use.get().getDefiningOp<nn::ConstantOp>();
    const RemovedIndices::Dimensions *dimensions = removed.find(use);
    if (!constant || !dimensions)
      return;
    auto &made = replacements[constant];
    for (auto &[what, value] : made)
      if (what == *dimensions) {
        use.set(value);
        return;
      }
    Value value = make(constant, *dimensions);
    made.emplace_back(*dimensions, value);
    use.set(value);
  }

  static Value shrunk(nn::ConstantOp constant,
                      const RemovedIndices::Dimensions &dimensions);
  static Value cleared(nn::ConstantOp constant,
                       const RemovedIndices::Dimensions &dimensions);

  const RemovedIndices &removed;
  llvm::DenseMap<mlir::Operation *,
                 SmallVector<std::pair<RemovedIndices::Dimensions, Value>, 1>>
      replacements;
};
} // namespace

/// Copies what is kept, from dimension `d` on; innermost runs at once.
static char *gather(ArrayRef<SmallVector<int64_t>> kept,
                    ArrayRef<int64_t> bytesPerIndex, const char *from, char *to,
                    unsigned d) {
  int64_t bytes = bytesPerIndex[d];
  bool isLast = d + 1 == kept.size();
  for (int64_t index : kept[d]) {
    const char *start = from + index * bytes;
    to = isLast ? std::copy(start, start + bytes, to)
                : gather(kept, bytesPerIndex, start, to, d + 1);
  }
  return to;
}

Value ConstantReplacer::shrunk(nn::ConstantOp constant,
                               const RemovedIndices::Dimensions &dimensions) {
  ArrayRef<int64_t> shape = constant.getType().getShape();
  OpBuilder builder(constant);
  // One value for all stays one.
  if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue())) {
    SmallVector<int64_t> newShape(shape);
    for (const auto &[dimension, bits] : dimensions)
      newShape[dimension] -= bits.count();
    return nn::ConstantOp::create(
        builder, constant.getLoc(), constant.getType().clone(newShape),
        splat.resizeSplat(splat.getType().clone(newShape)));
  }
  std::optional<ConstantBytes> data = ConstantBytes::get(constant.getValue());
  assert(data && "the analysis reads every constant");
  // Trailing dimensions that stay whole are copied as one.
  unsigned depth = dimensions.rbegin()->first + 1;
  SmallVector<SmallVector<int64_t>> kept(depth);
  SmallVector<int64_t> bytesPerIndex(depth), newShape(shape);
  auto bytes =
      int64_t(data->data().size()) / constant.getType().getNumElements();
  for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
    if (d < int64_t(depth)) {
      kept[d] = indicesKept(&dimensions, d, shape[d]);
      bytesPerIndex[d] = bytes;
      newShape[d] = int64_t(kept[d].size());
    }
    bytes *= shape[d];
  }
  return createRawConstant(
      builder, constant.getLoc(), constant.getType().clone(newShape),
      [&](MutableArrayRef<char> out) {
        gather(kept, bytesPerIndex, data->data().data(), out.data(), 0);
      });
}

Value ConstantReplacer::cleared(nn::ConstantOp constant,
                                const RemovedIndices::Dimensions &dimensions) {
  ArrayRef<int64_t> shape = constant.getType().getShape();
  std::optional<ConstantBytes> data = ConstantBytes::get(constant.getValue());
  assert(data && "the analysis reads every constant");
  auto width =
      int64_t(data->data().size()) / constant.getType().getNumElements();
  OpBuilder builder(constant);
  return createRawConstant(builder, constant.getLoc(), constant.getType(),
                           [&](MutableArrayRef<char> out) {
                             llvm::copy(data->data(), out.begin());
                             for (const auto &[dimension, bits] : dimensions) {
                               int64_t inner = width;
                               for (int64_t size :
                                    shape.drop_front(dimension + 1))
                                 inner *= size;
                               int64_t rows = int64_t(out.size()) / inner;
                               for (int64_t row = 0; row < rows; ++row)
                                 if (bits.test(row % shape[dimension]))
                                   llvm::fill(out.slice(row * inner, inner), 0);
                             }
                           });
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static void updateConv(nn::ConvOp conv, const RemovedIndices &removed) {
  auto inputs = removed.kept(conv.getInputMutable(), 1).size();
  auto perGroup = removed.kept(conv.getWeightsMutable(), 1).size();
  conv.setGroups(inputs / perGroup);
}

static void updateSlice(nn::SliceOp slice, const RemovedIndices &removed) {
  SmallVector<int64_t> starts(slice.getStarts()), sizes(slice.getSizes()),
      steps(slice.getSteps());
  for (unsigned d = 0; d < starts.size(); ++d) {
    SmallVector<int64_t> left = removed.kept(slice.getInputMutable(), d);
    SmallVector<int64_t> taken = removed.kept(slice.getResult(), d);
    sizes[d] = int64_t(taken.size());
    if (taken.empty())
      continue;
    // Where the elements taken are among those that are left.
    auto rank = [&](int64_t i) {
      int64_t old = slice.getStarts()[d] + i * slice.getSteps()[d];
      return llvm::lower_bound(left, old) - left.begin();
    };
    starts[d] = rank(taken[0]);
    if (taken.size() > 1)
      steps[d] = rank(taken[1]) - rank(taken[0]);
    else
      steps[d] = steps[d] < 0 ? -1 : 1;
  }
  slice.setStarts(starts);
  slice.setSizes(sizes);
  slice.setSteps(steps);
}

static void updatePad(nn::PadOp pad, const RemovedIndices &removed) {
  SmallVector<int64_t> pads(pad.getPads());
  auto rank = unsigned(pads.size() / 2);
  for (unsigned d = 0; d < rank; ++d) {
    if (pads[d] < 0 || pads[rank + d] < 0)
      continue;
    SmallVector<int64_t> left = removed.kept(pad.getResult(), d);
    int64_t end = shapeOf(pad.getResult())[d] - pads[rank + d];
    pads[rank + d] = left.end() - llvm::lower_bound(left, end);
    pads[d] = llvm::lower_bound(left, pads[d]) - left.begin();
  }
  pad.setPads(pads);
}

/// What a folded normalization left about every channel.
static void updateStatistics(mlir::Operation *op,
                             const RemovedIndices &removed) {
  for (StringRef name : {outputMeanAttr, outputStdAttr}) {
    auto attr = op->getAttrOfType<DenseF32ArrayAttr>(name);
    if (!attr)
      continue;
    Value value = op->getResult(0);
    if (shapeOf(value).size() < 2 || shapeOf(value)[1] != attr.size()) {
      op->removeAttr(name);
      continue;
    }
    SmallVector<float> left;
    for (int64_t i : removed.kept(value, 1))
      left.push_back(attr[i]);
    op->setAttr(name, DenseF32ArrayAttr::get(op->getContext(), left));
  }
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

LogicalResult accopt::removeChannels(func::FuncOp function,
                                     const ChannelGroups &groups,
                                     ArrayRef<SmallVector<int64_t>> keep) {
  return removeChannels(function, groups, keep, IRMapping());
}

LogicalResult accopt::removeChannels(func::FuncOp function,
                                     const ChannelGroups &groups,
                                     ArrayRef<SmallVector<int64_t>> keep,
                                     const IRMapping &mapping) {
  FailureOr<RemovedIndices> removed =
      RemovedIndices::get(function, groups, keep, mapping);
  if (failed(removed))
    return failure();
  SmallVector<mlir::Operation *> ops;
  for (mlir::Operation &op : function.getBody().front())
    if (!llvm::isa<nn::ConstantOp>(op))
      ops.push_back(&op);
  for (mlir::Operation *op : ops) {
    llvm::TypeSwitch<mlir::Operation *>(op)
        .Case<nn::ConvOp>([&](auto conv) { updateConv(conv, *removed); })
        .Case<nn::SliceOp>([&](auto slice) { updateSlice(slice, *removed); })
        .Case<nn::PadOp>([&](auto pad) { updatePad(pad, *removed); });
    updateStatistics(op, *removed);
  }
  ConstantReplacer constants(*removed);
  for (mlir::Operation *op : ops)
    for (OpOperand &use : op->getOpOperands())
      constants.shrink(use);
  for (mlir::Operation *op : ops)
    for (Value value : op->getResults())
      if (const auto *dimensions = removed->find(value)) {
        auto type = llvm::cast<RankedTensorType>(value.getType());
        SmallVector<int64_t> shape(type.getShape());
        for (const auto &[dimension, bits] : *dimensions)
          shape[dimension] -= bits.count();
        value.setType(type.clone(shape));
      }
  eraseDeadConstants(function);
  return success();
}

/// Divisors keep their values: 0 / 0 is no zero.
static bool isDivisor(OpOperand &use) {
  if (llvm::isa<nn::DivOp>(use.getOwner()))
    return use.getOperandNumber() == 1;
  auto norm = llvm::dyn_cast<nn::BatchNormOp>(use.getOwner());
  return norm && &use == &norm.getVarianceMutable();
}

LogicalResult accopt::zeroChannels(func::FuncOp function,
                                   const ChannelGroups &groups,
                                   ArrayRef<SmallVector<int64_t>> keep) {
  FailureOr<RemovedIndices> removed =
      RemovedIndices::get(function, groups, keep);
  if (failed(removed))
    return failure();
  ConstantReplacer constants(*removed);
  SmallVector<OpOperand *> uses;
  function.walk([&](mlir::Operation *op) {
    for (OpOperand &use : op->getOpOperands())
      if (!isDivisor(use))
        uses.push_back(&use);
  });
  for (OpOperand *use : uses)
    constants.clear(*use);
  eraseDeadConstants(function);
  return success();
}
