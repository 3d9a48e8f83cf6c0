//===- Knapsack.cpp - Multiple-choice knapsack ----------------------------===//
//
// Part of AccOpt. A dynamic program over classes whose states are the Pareto
// front of (cost, value), as in Nemhauser and Ullmann (Management Science 15,
// 1969). States that cannot reach the value of a known solution, even if
// options of the remaining classes could be taken in part, are dropped: the
// bound is the linear relaxation of Dyer and Zemel (Kellerer, Pferschy,
// Pisinger: Knapsack Problems, 2004, chapter 11).
//
//===----------------------------------------------------------------------===//

#include "accopt/Search/Knapsack.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

namespace accopt {
namespace {

/// A step along the upper concave hull of a class's options: what more value
/// costs.
struct Increment {
  double cost = 0, value = 0;
  size_t group = 0, option = 0;
};

/// The best that the classes from one on can give, options taken in part.
struct Relaxation {
  double cost = 0, value = 0;        ///< of the cheapest options
  std::vector<double> costs, values; ///< sums of the best increments

  double bound(double budget) const {
    double left = budget - cost;
    auto at = size_t(std::upper_bound(costs.begin(), costs.end(), left) -
                     costs.begin());
    double reached = at ? values[at - 1] : 0, spent = at ? costs[at - 1] : 0;
    if (at < costs.size())
      reached += (values[at] - reached) * std::max(0.0, left - spent) /
                 (costs[at] - spent);
    return value + reached;
  }
};

struct State {
  double cost = 0, value = 0;
  uint32_t parent = 0, option = 0;
};

class Solver {
public:
  Solver(const std::vector<KnapsackClass> &classes, double budget,
         size_t maxStates)
      : classes(classes), budget(budget), maxStates(maxStates) {}

  std::optional<KnapsackSolution> run();

private:
  bool prepare();
  std::vector<Increment> hull(size_t group);
  void relax();
  double greedyValue() const;
  bool search(bool rounded);
  std::vector<State> extend(const std::vector<State> &states, size_t group,
                            bool rounded) const;
  KnapsackSolution trace() const;
  double roundedCost(size_t group, double cost) const {
    double more = cost - cheapest[group].cost;
    return cheapest[group].cost + std::ceil(more / quantum) * quantum;
  }

  const std::vector<KnapsackClass> &classes;
  double budget;
  size_t maxStates;
  std::vector<KnapsackOption> cheapest; ///< of each class, the best of equals
  std::vector<size_t> cheapestOption;
  std::vector<Increment> increments;   ///< of all classes, the best first
  std::vector<Relaxation> relaxations; ///< of classes [i, end)
  double leastValue = 0, quantum = 0, tolerance = 0;
  std::vector<std::vector<State>> stages;
  /// Place of each state of the last stage in the order of choices.
  std::vector<uint32_t> ranks;
};

bool isUsable(const KnapsackOption &option) {
  return std::isfinite(option.cost) && std::isfinite(option.value);
}

/// Fails where a class has no option.
bool Solver::prepare() {
  double largest = 0;
  for (const KnapsackClass &options : classes) {
    size_t best = options.size();
    for (size_t i = 0; i < options.size(); ++i) {
      if (!isUsable(options[i]))
        continue;
      largest = std::max(
          {largest, std::fabs(options[i].cost), std::fabs(options[i].value)});
      if (best == options.size() ||
          std::tuple(options[i].cost, -options[i].value) <
              std::tuple(options[best].cost, -options[best].value))
        best = i;
    }
    if (best == options.size())
      return false;
    cheapest.push_back(options[best]);
    cheapestOption.push_back(best);
  }
  // Sums in another order differ by roundings; bounds must not drop for those.
  tolerance = 1e-12 * largest * double(classes.size() + 1) * 8;
  return true;
}

std::vector<Increment> Solver::hull(size_t group) {
  const KnapsackClass &options = classes[group];
  std::vector<size_t> order;
  for (size_t i = 0; i < options.size(); ++i)
    if (isUsable(options[i]))
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple(options[a].cost, -options[a].value, a) <
           std::tuple(options[b].cost, -options[b].value, b);
  });
  std::vector<size_t> points;
  auto slope = [&](size_t from, size_t to) {
    return (options[to].value - options[from].value) /
           (options[to].cost - options[from].cost);
  };
  for (size_t i : order) {
    if (!points.empty() && options[i].value <= options[points.back()].value)
      continue;
    while (points.size() > 1 &&
           slope(points[points.size() - 2], i) >=
               slope(points[points.size() - 2], points.back()))
      points.pop_back();
    points.push_back(i);
  }
  std::vector<Increment> increments;
  for (size_t i = 1; i < points.size(); ++i)
    increments.push_back(
        {options[points[i]].cost - options[points[i - 1]].cost,
         options[points[i]].value - options[points[i - 1]].value, group,
         points[i]});
  return increments;
}

bool isBetter(const Increment &a, const Increment &b) {
  double left = a.value * b.cost, right = b.value * a.cost;
  return left != right ? left > right : a.group < b.group;
}

void Solver::relax() {
  relaxations.resize(classes.size() + 1);
  for (size_t i = classes.size(); i-- > 0;) {
    std::vector<Increment> own = hull(i), merged;
    // Slopes fall along a hull, so that both are in order.
    std::merge(increments.begin(), increments.end(), own.begin(), own.end(),
               std::back_inserter(merged), isBetter);
    increments = std::move(merged);
    Relaxation &relaxation = relaxations[i];
    relaxation.cost = relaxations[i + 1].cost + cheapest[i].cost;
    relaxation.value = relaxations[i + 1].value + cheapest[i].value;
    double cost = 0, value = 0;
    for (const Increment &increment : increments) {
      relaxation.costs.push_back(cost += increment.cost);
      relaxation.values.push_back(value += increment.value);
    }
  }
}

/// The value of a solution: increments from the best on, while they fit.
double Solver::greedyValue() const {
  double left = budget - relaxations[0].cost, value = relaxations[0].value;
  std::vector<bool> closed(classes.size(), false);
  for (const Increment &increment : increments) {
    if (closed[increment.group] || increment.cost > left) {
      closed[increment.group] = true;
      continue;
    }
    left -= increment.cost;
    value += increment.value;
  }
  return value;
}

/// All that one more class makes of `states`, where it can still lead to the
/// best solution; not yet without what others dominate.
std::vector<State> Solver::extend(const std::vector<State> &states,
                                  size_t group, bool rounded) const {
  const KnapsackClass &options = classes[group];
  const Relaxation &rest = relaxations[group + 1];
  std::vector<State> result;
  for (size_t parent = 0; parent < states.size(); ++parent)
    for (size_t i = 0; i < options.size(); ++i) {
      if (!isUsable(options[i]))
        continue;
      State state;
      state.cost =
          states[parent].cost +
          (rounded ? roundedCost(group, options[i].cost) : options[i].cost);
      state.value = states[parent].value + options[i].value;
      state.parent = uint32_t(parent);
      state.option = uint32_t(i);
      if (state.cost + rest.cost > budget + tolerance)
        continue;
      if (state.value + rest.bound(budget + tolerance - state.cost) <
          leastValue - tolerance)
        continue;
      result.push_back(state);
    }
  return result;
}

/// Fills `stages`. Gives up, where that is allowed, when a front gets too long.
bool Solver::search(bool rounded) {
  stages.assign(1, {State()});
  ranks.assign(1, 0);
  for (size_t group = 0; group < classes.size(); ++group) {
    std::vector<State> states = extend(stages.back(), group, rounded);
    auto place = [&](const State &state) {
      return std::tuple(ranks[state.parent], state.option);
    };
    std::sort(states.begin(), states.end(),
              [&](const State &a, const State &b) {
                return std::tuple(a.cost, -a.value, place(a)) <
                       std::tuple(b.cost, -b.value, place(b));
              });
    double best = -std::numeric_limits<double>::infinity();
    std::erase_if(states, [&](const State &state) {
      if (state.value <= best)
        return true;
      best = state.value;
      return false;
    });
    if (!rounded && states.size() > maxStates)
      return false;
    std::vector<uint32_t> order(states.size());
    for (uint32_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return place(states[a]) < place(states[b]);
    });
    std::vector<uint32_t> next(states.size());
    for (uint32_t i = 0; i < order.size(); ++i)
      next[order[i]] = i;
    ranks = std::move(next);
    stages.push_back(std::move(states));
  }
  return true;
}

/// Of a front, the last state that the budget allows is the best.
KnapsackSolution Solver::trace() const {
  KnapsackSolution solution;
  solution.choice = cheapestOption;
  const std::vector<State> &front = stages.back();
  size_t at = front.size();
  while (at > 0 && front[at - 1].cost > budget)
    --at;
  if (at > 0)
    for (size_t group = classes.size(), state = at - 1; group-- > 0;) {
      solution.choice[group] = stages[group + 1][state].option;
      state = stages[group + 1][state].parent;
    }
  for (size_t group = 0; group < classes.size(); ++group) {
    solution.value += classes[group][solution.choice[group]].value;
    solution.cost += classes[group][solution.choice[group]].cost;
  }
  return solution;
}

std::optional<KnapsackSolution> Solver::run() {
  if (!prepare())
    return std::nullopt;
  double least = 0, most = 0;
  for (size_t group = 0; group < classes.size(); ++group) {
    least += cheapest[group].cost;
    double largest = cheapest[group].cost;
    for (const KnapsackOption &option : classes[group])
      if (isUsable(option))
        largest = std::max(largest, option.cost);
    most += largest;
  }
  if (!(least <= budget))
    return std::nullopt;
  relax();
  leastValue = greedyValue();
  if (!search(/*rounded=*/false)) {
    quantum = (std::min(budget, most) - least) / double(maxStates);
    leastValue = -std::numeric_limits<double>::infinity();
    search(/*rounded=*/true);
  }
  return trace();
}
} // namespace

std::optional<KnapsackSolution>
solveKnapsack(const std::vector<KnapsackClass> &classes, double budget,
              size_t maxStates) {
  return Solver(classes, budget, std::max<size_t>(maxStates, 1)).run();
}

} // namespace accopt
