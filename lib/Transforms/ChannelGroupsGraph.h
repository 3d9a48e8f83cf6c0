//===- ChannelGroupsGraph.h - What is removed with what ---------*- C++ -*-===//
//
// Union-find over the indices of every dimension of every tensor. Two indices
// are in one class if they can only be removed together; a class with an index
// that cannot be removed is fixed. What an op ties is in
// ChannelGroupsRules.cpp, the choices that a reshape leaves are made in
// ChannelGroupsReshape.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_CHANNELGROUPSGRAPH_H
#define ACCOPT_LIB_TRANSFORMS_CHANNELGROUPSGRAPH_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt {

/// A tensor as the analysis sees it: an activation, or one use of a constant
/// (two ops that share a constant may keep different parts of it).
struct ChannelTensor {
  mlir::Value value;
  /// The use, if `value` is a constant; else null.
  mlir::OpOperand *use = nullptr;
  llvm::ArrayRef<int64_t> shape;
  /// The slot of dimension d is firstSlot + d.
  unsigned firstSlot = 0;
  /// The dimension, if any, that a conv, gemm or matmul computes from weights.
  int producedDimension = -1;

  unsigned rank() const { return shape.size(); }
  unsigned slot(unsigned dimension) const { return firstSlot + dimension; }
};

/// A segment of a reshape: dimensions of operand and result, all larger than
/// one, that have as many elements and cannot be split further.
struct ReshapeSegment {
  mlir::Operation *op = nullptr;
  llvm::SmallVector<unsigned, 4> inputs, outputs; ///< slots
};

/// Outputs of a grouped convolution; each group must keep as many.
struct GroupedOutputs {
  unsigned slot;
  int64_t groups;
};

class ChannelGraph {
public:
  /// One dimension of a tensor.
  struct Slot {
    unsigned tensor;
    unsigned dimension;
    unsigned firstNode;
    int64_t size;
    /// Whether what is removed from this dimension holds zeros once everything
    /// that is removed with it has been set to zero.
    bool vanishes = false;
  };

  /// Ties all ops of `function`.
  explicit ChannelGraph(mlir::func::FuncOp function);

  llvm::ArrayRef<ChannelTensor> tensors() const { return allTensors; }
  llvm::ArrayRef<Slot> slots() const { return allSlots; }
  size_t numNodes() const { return parents.size(); }

  /// The class of index `index` of `slot`.
  unsigned find(unsigned slot, int64_t index) const {
    return findRoot(allSlots[slot].firstNode + unsigned(index));
  }
  /// Why a class is fixed; empty if it is not.
  llvm::StringRef reason(unsigned root) const {
    return reasonOf[root] < 0 ? llvm::StringRef() : reasons[reasonOf[root]];
  }
  /// Whether a class holds inputs or outputs of a conv, gemm or matmul.
  bool isChannel(unsigned root) const { return channels[root]; }

private:
  const ChannelTensor &add(mlir::Value value, mlir::OpOperand *use);
  /// By copy: adding a tensor moves the others.
  ChannelTensor operand(mlir::Operation *op, unsigned index);
  ChannelTensor result(mlir::Operation *op);

  unsigned findRoot(unsigned node) const;
  void unite(unsigned a, unsigned b);
  void tieIndex(unsigned slotA, int64_t a, unsigned slotB, int64_t b);
  /// Index i of one with index i of the other; sizes are equal.
  void tie(unsigned slotA, unsigned slotB);
  /// Index i of `part` with index offset + i of `whole`.
  void tiePart(unsigned part, unsigned whole, int64_t offset);
  void fix(unsigned slot, const std::string &why);
  void fixAll(const ChannelTensor &tensor, const std::string &why);
  void fixClass(unsigned node, const std::string &why);
  void markChannel(unsigned slot);
  bool isFixed(unsigned slot) const;
  bool vanishes(unsigned slot) const { return allSlots[slot].vanishes; }
  void setVanishes(unsigned slot, bool value) {
    allSlots[slot].vanishes = value;
  }

  // ChannelGroupsRules.cpp
  void visit(mlir::Operation *op);
  void visitElementwise(mlir::Operation *op, bool keepsZero);
  void visitBinary(mlir::Operation *op);
  void visitBatchNorm(mlir::Operation *op);
  void visitMixing(mlir::Operation *op, llvm::ArrayRef<int64_t> mixed,
                   bool keepsZero, const std::string &why);
  void visitReduceMean(mlir::Operation *op);
  void visitConv(mlir::Operation *op);
  void tieConvGroups(mlir::Operation *op, int64_t groups);
  void visitGemm(mlir::Operation *op);
  void visitMatMul(mlir::Operation *op);
  void visitTranspose(mlir::Operation *op);
  void visitConcat(mlir::Operation *op);
  void visitSlice(mlir::Operation *op);
  void visitPad(mlir::Operation *op);
  void visitOther(mlir::Operation *op, const std::string &why);
  void contract(mlir::Operation *op, unsigned slotA, unsigned slotB);
  void produce(mlir::Operation *op, unsigned dimension);

  // ChannelGroupsReshape.cpp
  void visitReshape(mlir::Operation *op);
  void resolveReshapes();
  bool resolveIfForced(const ReshapeSegment &segment);
  void resolveBest(const ReshapeSegment &segment);
  void resolve(const ReshapeSegment &segment, int input, int output);

  // ChannelGroupsBalance.cpp
  void balance(const GroupedOutputs &outputs);

  std::vector<ChannelTensor> allTensors;
  std::vector<Slot> allSlots;
  mutable std::vector<unsigned> parents;
  std::vector<int> reasonOf;
  std::vector<bool> channels;
  std::vector<std::string> reasons;
  std::vector<ReshapeSegment> pending;
  std::vector<GroupedOutputs> grouped;
  llvm::DenseMap<mlir::Value, unsigned> activationIndex;
  llvm::DenseMap<mlir::OpOperand *, unsigned> useIndex;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_CHANNELGROUPSGRAPH_H
