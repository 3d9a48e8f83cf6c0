//===- Subset.h - The cheapest set that reaches a goal ----------*- C++ -*-===//
//
// Part of AccOpt. Items are taken until a quality that only an experiment shows
// reaches a goal: tensors that get more bits until the network is accurate
// enough. Experiments are slow and few; what an item does alone is known.
// docs/Design/Quantization.md has the algorithm.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SEARCH_SUBSET_H
#define ACCOPT_SEARCH_SUBSET_H

#include "llvm/ADT/BitVector.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>
#include <vector>

namespace accopt {

struct SubsetItem {
  double harm = 0; ///< what leaving it out of the full set takes away
  double cost = 0; ///< what adding it to the empty set costs; may be below 0
};

struct SubsetProblem {
  std::vector<SubsetItem> items;
  /// Sets of items that may do without the others, such as items of one kind:
  /// what items do alone says little about how kinds go together.
  std::vector<llvm::BitVector> scopes;
  double goal = 0;
  /// The quality of a set, which should grow with it; an experiment.
  std::function<llvm::Expected<double>(const llvm::BitVector &)> measure;
  /// What a set costs.
  std::function<llvm::Expected<double>(const llvm::BitVector &)> price;
};

struct Subset {
  llvm::BitVector items;
  double quality = 0, cost = 0;
};

/// At most this many experiments are spent on items that may be left out again.
inline constexpr unsigned kLeaveOutTrials = 24;

/// Takes items by harm per cost, and apart from that by harm alone, as many as
/// the goal needs (by bisection), of all items and of those of each scope, and
/// leaves out of the cheapest one what is not needed. Nothing where not even
/// all items reach the goal. At most 2 + 2 log2(n) experiments, 1 + 2 log2(n)
/// for each scope and kLeaveOutTrials, none of them twice. `trials` becomes
/// their number.
llvm::Expected<std::optional<Subset>> chooseByHarm(const SubsetProblem &problem,
                                                   unsigned &trials);

/// The control: random orders, each bisected in the same way, until `trials`
/// experiments are spent; the cheapest set that reached the goal.
llvm::Expected<std::optional<Subset>>
chooseAtRandom(const SubsetProblem &problem, unsigned trials, uint64_t seed);

} // namespace accopt

#endif // ACCOPT_SEARCH_SUBSET_H
