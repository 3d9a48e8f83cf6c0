//===- ChannelGroupsGraph.cpp - Union-find over indices -------------------===//

#include "ChannelGroupsGraph.h"

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace accopt;

ChannelGraph::ChannelGraph(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    fixAll(add(argument, nullptr),
           "is argument " + std::to_string(argument.getArgNumber()));
  for (mlir::Operation &op : function.getBody().front())
    visit(&op);
  resolveReshapes();
  for (const GroupedOutputs &outputs : grouped)
    balance(outputs);
}

/// What a constant is set to zero for: f32, and no divisor.
static bool canBeZeroed(OpOperand &use) {
  if (!llvm::cast<ShapedType>(use.get().getType()).getElementType().isF32())
    return false;
  if (llvm::isa<nn::DivOp>(use.getOwner()))
    return use.getOperandNumber() == 0;
  if (auto norm = llvm::dyn_cast<nn::BatchNormOp>(use.getOwner()))
    return &use != &norm.getVarianceMutable();
  return true;
}

const ChannelTensor &ChannelGraph::add(Value value, OpOperand *use) {
  ChannelTensor tensor;
  tensor.value = value;
  tensor.use = use;
  auto type = llvm::cast<RankedTensorType>(value.getType());
  tensor.shape = type.getShape();
  tensor.firstSlot = allSlots.size();
  bool vanishes = use && canBeZeroed(*use);
  for (auto [dimension, size] : llvm::enumerate(tensor.shape)) {
    unsigned firstNode = parents.size();
    allSlots.push_back({unsigned(allTensors.size()), unsigned(dimension),
                        firstNode, size, vanishes});
    for (int64_t i = 0; i < size; ++i)
      parents.push_back(firstNode + unsigned(i));
  }
  reasonOf.resize(parents.size(), -1);
  channels.resize(parents.size(), false);
  allTensors.push_back(tensor);
  for (unsigned d = 0; d < tensor.rank(); ++d)
    if (tensor.shape[d] == 1)
      fix(tensor.slot(d), "has one channel");
  if (!type.getElementType().isF32())
    fixAll(tensor, "is not f32");
  if (use &&
      !nn::readElements(value.getDefiningOp<nn::ConstantOp>().getValue()))
    fixAll(tensor, "is a constant without data");
  if (use)
    useIndex[use] = allTensors.size() - 1;
  else
    activationIndex[value] = allTensors.size() - 1;
  return allTensors.back();
}

ChannelTensor ChannelGraph::operand(mlir::Operation *op, unsigned index) {
  OpOperand &use = op->getOpOperand(index);
  if (!use.get().getDefiningOp<nn::ConstantOp>())
    return allTensors[activationIndex.lookup(use.get())];
  auto found = useIndex.find(&use);
  return found == useIndex.end() ? add(use.get(), &use)
                                 : allTensors[found->second];
}

ChannelTensor ChannelGraph::result(mlir::Operation *op) {
  auto found = activationIndex.find(op->getResult(0));
  return found == activationIndex.end() ? add(op->getResult(0), nullptr)
                                        : allTensors[found->second];
}

unsigned ChannelGraph::findRoot(unsigned node) const {
  while (parents[node] != node) {
    parents[node] = parents[parents[node]];
    node = parents[node];
  }
  return node;
}

/// The smaller node becomes the root, the earlier reason stays.
void ChannelGraph::unite(unsigned a, unsigned b) {
  a = findRoot(a), b = findRoot(b);
  if (a == b)
    return;
  if (b < a)
    std::swap(a, b);
  parents[b] = a;
  if (reasonOf[a] < 0 || (reasonOf[b] >= 0 && reasonOf[b] < reasonOf[a]))
    reasonOf[a] = reasonOf[b];
  channels[a] = channels[a] || channels[b];
}

void ChannelGraph::tieIndex(unsigned slotA, int64_t a, unsigned slotB,
                            int64_t b) {
  unite(allSlots[slotA].firstNode + unsigned(a),
        allSlots[slotB].firstNode + unsigned(b));
}

void ChannelGraph::tie(unsigned slotA, unsigned slotB) {
  assert(allSlots[slotA].size == allSlots[slotB].size && "sizes differ");
  tiePart(slotA, slotB, 0);
}

void ChannelGraph::tiePart(unsigned part, unsigned whole, int64_t offset) {
  for (int64_t i = 0; i < allSlots[part].size; ++i)
    tieIndex(part, i, whole, offset + i);
}

void ChannelGraph::fixClass(unsigned node, const std::string &why) {
  int &reason = reasonOf[findRoot(node)];
  if (reason >= 0)
    return;
  if (reasons.empty() || reasons.back() != why)
    reasons.push_back(why);
  reason = int(reasons.size() - 1);
}

void ChannelGraph::fix(unsigned slot, const std::string &why) {
  const Slot &s = allSlots[slot];
  for (int64_t i = 0; i < s.size; ++i)
    fixClass(s.firstNode + unsigned(i), why);
}

void ChannelGraph::fixAll(const ChannelTensor &tensor, const std::string &why) {
  for (unsigned d = 0, rank = tensor.rank(), first = tensor.firstSlot; d < rank;
       ++d)
    fix(first + d, why);
}

void ChannelGraph::markChannel(unsigned slot) {
  const Slot &s = allSlots[slot];
  for (int64_t i = 0; i < s.size; ++i)
    channels[findRoot(s.firstNode + unsigned(i))] = true;
}

bool ChannelGraph::isFixed(unsigned slot) const {
  const Slot &s = allSlots[slot];
  for (int64_t i = 0; i < s.size; ++i)
    if (reasonOf[findRoot(s.firstNode + unsigned(i))] < 0)
      return false;
  return true;
}
