//===- ChannelGroups.h - Channels that must be removed together -*- C++ -*-===//
//
// Part of AccOpt. The dependency analysis of structured pruning (DepGraph, Fang
// et al., CVPR 2023, arXiv 2301.12900): which slices of which constants and
// values disappear together when a channel is removed. It works on float nn
// functions, before or after the float pipeline.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_CHANNELGROUPS_H
#define ACCOPT_TRANSFORMS_CHANNELGROUPS_H

#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace mlir {
class IRMapping;
} // namespace mlir
namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt {

/// A dimension of a value (an activation or a constant) that shrinks with a
/// group: removing unit u removes the indices positions[u].
struct GroupMember {
  mlir::Value value;
  /// The use of a constant that shrinks: another use of the same constant may
  /// keep other parts. Null for activations.
  mlir::OpOperand *use = nullptr;
  unsigned dimension = 1;
  std::vector<llvm::SmallVector<int64_t, 1>> positions;
};

struct ChannelGroup {
  /// The name of the first op that produces channels of the group, as
  /// nameValues() has it; where several groups begin at one op, "#1", "#2", ...
  /// is appended to all but the first.
  std::string name;
  /// How many units there are; a unit is the least that can be removed.
  int64_t units = 0;
  /// Activations of the group. Those that a conv, gemm or matmul computes from
  /// weights come first, in program order: `producers` many.
  std::vector<GroupMember> activations;
  size_t producers = 0;
  /// Constants that shrink: weights (outputs and inputs), biases,
  /// normalizations.
  std::vector<GroupMember> parameters;
  /// Empty if units can be removed; else why not ("reaches result 0", ...).
  std::string fixedBy;

  bool isPrunable() const { return fixedBy.empty(); }
};

class ChannelGroups {
public:
  /// Never changes the IR. What it does not understand (an op that mixes
  /// channels in another way) fixes the groups that reach it.
  explicit ChannelGroups(mlir::func::FuncOp function);

  llvm::ArrayRef<ChannelGroup> groups() const { return all; }
  /// As nn-print-channel-groups shows them.
  void print(llvm::raw_ostream &os) const;

private:
  std::vector<ChannelGroup> all;
};

/// Sum over the group's parameters of the squares of what unit u removes; what
/// two parameters of the list share counts for both.
std::vector<double> magnitudes(const ChannelGroup &group);

/// Rewrites `function` so that of group g (of an analysis of this function as
/// it is) only the units keep[g] (ascending, not empty) remain. Constants,
/// attributes and types shrink; the analysis is void afterwards. Emits an error
/// and fails, changing nothing, where a fixed group would shrink or `keep` is
/// not as described.
mlir::LogicalResult
removeChannels(mlir::func::FuncOp function, const ChannelGroups &groups,
               llvm::ArrayRef<llvm::SmallVector<int64_t>> keep);

/// The same in `copy`, which was cloned with `mapping` from the function that
/// the analysis is of: one analysis serves many copies.
mlir::LogicalResult
removeChannels(mlir::func::FuncOp copy, const ChannelGroups &groups,
               llvm::ArrayRef<llvm::SmallVector<int64_t>> keep,
               const mlir::IRMapping &mapping);

/// Sets the parameters that removal would take away to zero instead, with all
/// shapes as they are: the definition that removal is tested against. Divisors
/// and variances stay, as nothing can be divided by zero; what they divide is
/// zero. Fails as removeChannels does.
mlir::LogicalResult
zeroChannels(mlir::func::FuncOp function, const ChannelGroups &groups,
             llvm::ArrayRef<llvm::SmallVector<int64_t>> keep);

/// A branch that can be taken out whole: `sum` adds `skip` and the end of the
/// branch, whose ops have no other use. The branch starts from `skip`, or from
/// values that `skip` is computed from with fewer convolutions (a projection
/// shortcut). `sum` is an nn.add, or a conv or gemm with `skip` as its
/// residual; then it is the last op of the branch.
struct ResidualBranch {
  std::string name; ///< of the addition
  mlir::Operation *sum = nullptr;
  mlir::Value skip;
  std::vector<mlir::Operation *> ops; ///< of the branch, in program order
};
std::vector<ResidualBranch> findResidualBranches(mlir::func::FuncOp function);

/// Replaces the sum by its skip connection (keeping a clamp) and erases the
/// branch.
void removeBranch(const ResidualBranch &branch);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_CHANNELGROUPS_H
