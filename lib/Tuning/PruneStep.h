//===- PruneStep.h - Which channels to remove -------------------*- C++ -*-===//
//
// Part of AccOpt. Selection is apart from training: PruneSelect.cpp decides,
// given importance and the cost service; PruneStep.cpp runs the rounds.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_PRUNESTEP_H
#define ACCOPT_LIB_TUNING_PRUNESTEP_H

#include "Session.h"

#include "accopt/Transforms/ChannelGroups.h"

namespace accopt {

enum class PruneMethod { Cost, Flops, Uniform, Random };

struct PruneOptions {
  PruneMethod method = PruneMethod::Cost;
  std::string importance = "taylor";
  /// Channels by which widths differ; 0: every width may be chosen.
  int64_t granularity = 0;
  Objective objective = Objective::Cycles;
  bool removeBlocks = true;
  int64_t samples = 1024;
  uint64_t seed = 0;
  std::string title = "pruning"; ///< what cannot reach a budget
};

/// What a round takes away, in terms of an analysis of the network at hand.
struct Selection {
  std::vector<std::string> branches; ///< names of sums, removed first
  /// Kept units of every group of the network without those branches.
  std::vector<llvm::SmallVector<int64_t>> keep;
  double cost = 0; ///< exact, of what remains
};

/// How much the loss depends on each unit of each group, and which share of
/// its sum's importance a residual branch has.
struct Importance {
  std::vector<std::vector<double>> units; ///< by group, by unit
  std::map<std::string, double> branches; ///< by the sum's name, 0 to 1
};

/// The selection that loses the least importance (or that the control method
/// makes) with an exact cost of at most `budget`. `module` is a copy whose
/// weights are of no interest. Fails, naming the least cost that can be had,
/// where the budget is below it.
llvm::Expected<Selection> selectChannels(Session &session,
                                         mlir::ModuleOp module,
                                         const Importance &importance,
                                         const PruneOptions &options,
                                         double budget);

/// Applies a selection.
llvm::Error applySelection(mlir::func::FuncOp function,
                           const Selection &selection);

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_PRUNESTEP_H
