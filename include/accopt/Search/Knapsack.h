//===- Knapsack.h - Multiple-choice knapsack --------------------*- C++ -*-===//
//
// Part of AccOpt. One option out of each class, the most value within a budget:
// widths of channel groups (HALP, arXiv 2110.10811; SMCP), bits of layers
// (HAWQ-V3, arXiv 2011.10680).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SEARCH_KNAPSACK_H
#define ACCOPT_SEARCH_KNAPSACK_H

#include <optional>
#include <vector>

namespace accopt {

struct KnapsackOption {
  double value = 0, cost = 0;
};
using KnapsackClass = std::vector<KnapsackOption>;

struct KnapsackSolution {
  std::vector<size_t> choice; ///< one option of each class
  double value = 0, cost = 0;
};

/// The choice of the largest total value whose total cost is at most `budget`;
/// the cheaper one, then the lexicographically first, of equal values. Exact,
/// for real values and costs: a dynamic program over the Pareto front of
/// (cost, value). Nothing if even the cheapest choice costs more.
/// `maxStates` bounds the front; where it is exceeded, costs are rounded up to
/// budget / maxStates, so that the result still keeps the budget.
std::optional<KnapsackSolution>
solveKnapsack(const std::vector<KnapsackClass> &classes, double budget,
              size_t maxStates = 1 << 20);

} // namespace accopt

#endif // ACCOPT_SEARCH_KNAPSACK_H
