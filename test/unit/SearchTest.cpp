//===- SearchTest.cpp - Knapsacks and subsets against every choice --------===//

#include "accopt/Search/Knapsack.h"
#include "accopt/Search/Subset.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>

using namespace accopt;

namespace {

/// Tries every choice, in lexicographic order.
std::optional<KnapsackSolution>
bruteForce(const std::vector<KnapsackClass> &classes, double budget) {
  std::optional<KnapsackSolution> best;
  std::vector<size_t> choice(classes.size(), 0);
  for (const KnapsackClass &options : classes)
    if (options.empty())
      return std::nullopt;
  while (true) {
    KnapsackSolution solution;
    solution.choice = choice;
    for (size_t i = 0; i < classes.size(); ++i) {
      solution.value += classes[i][choice[i]].value;
      solution.cost += classes[i][choice[i]].cost;
    }
    if (solution.cost <= budget &&
        (!best || std::tuple(-solution.value, solution.cost) <
                      std::tuple(-best->value, best->cost)))
      best = solution;
    size_t at = classes.size();
    while (at > 0 && ++choice[at - 1] == classes[at - 1].size())
      choice[--at] = 0;
    if (at == 0)
      return best;
  }
}

void expectSame(const std::vector<KnapsackClass> &classes, double budget,
                size_t maxStates = 1 << 20) {
  auto expected = bruteForce(classes, budget);
  auto found = solveKnapsack(classes, budget, maxStates);
  ASSERT_EQ(found.has_value(), expected.has_value());
  if (!found)
    return;
  EXPECT_EQ(found->value, expected->value);
  EXPECT_EQ(found->cost, expected->cost);
  EXPECT_EQ(found->choice, expected->choice);
}

class Generator {
public:
  Generator() : seed(std::random_device()()), random(seed) {
    std::printf("seed %u\n", seed);
  }
  int below(int n) {
    return std::uniform_int_distribution<int>(0, n - 1)(random);
  }
  double real() { return std::uniform_real_distribution<double>(0, 1)(random); }
  /// Small whole numbers, with many ties, or real ones.
  std::vector<KnapsackClass> make(int groups, int options, bool whole) {
    std::vector<KnapsackClass> classes(groups);
    for (KnapsackClass &made : classes)
      for (int i = 0, count = 1 + below(options); i < count; ++i)
        made.push_back(
            whole ? KnapsackOption{double(below(7) - 2), double(below(6))}
                  : KnapsackOption{real() - 0.3, real()});
    return classes;
  }
  unsigned seed;
  std::mt19937 random;
};
} // namespace

TEST(Knapsack, AgreesWithBruteForceOnWholeNumbers) {
  Generator generator;
  for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i)
    expectSame(generator.make(1 + generator.below(6), 5, true),
               generator.below(25));
}

TEST(Knapsack, AgreesWithBruteForceOnRealNumbers) {
  Generator generator;
  for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
    int groups = 1 + generator.below(6);
    expectSame(generator.make(groups, 5, false), generator.real() * groups);
  }
}

TEST(Knapsack, TakesTheCheapestThenTheFirstOfEquals) {
  auto found = solveKnapsack({{{1, 2}, {1, 1}, {1, 1}}, {{0, 3}, {0, 3}}}, 10);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->choice, (std::vector<size_t>{1, 0}));
  // Two ways to value 1 at cost 1.
  found = solveKnapsack({{{0, 0}, {1, 1}}, {{0, 0}, {1, 1}}}, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->choice, (std::vector<size_t>{0, 1}));
}

TEST(Knapsack, KnowsWhatIsInfeasible) {
  EXPECT_FALSE(solveKnapsack({{{1, 2}}, {{5, 3}, {9, 4}}}, 4.999));
  EXPECT_TRUE(solveKnapsack({{{1, 2}}, {{5, 3}, {9, 4}}}, 5));
  EXPECT_FALSE(solveKnapsack({{{1, 1}}, {}}, 5));
  EXPECT_FALSE(solveKnapsack({{{1, 1}}}, std::nan("")));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(solveKnapsack({{{1, infinity}}}, 5));
  auto found = solveKnapsack({{{1, infinity}, {0, 1}}}, infinity);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->choice, std::vector<size_t>{1});
  found = solveKnapsack({}, 0);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->choice.empty());
}

TEST(Knapsack, MeetsABudgetToTheLastBit) {
  // 0.1 + 0.2 is not 0.3.
  EXPECT_TRUE(solveKnapsack({{{1, 0.1}}, {{1, 0.2}}}, 0.1 + 0.2));
  EXPECT_FALSE(solveKnapsack({{{1, 0.1}}, {{1, 0.2}}}, 0.3));
}

TEST(Knapsack, RoundingKeepsTheBudget) {
  Generator generator;
  for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
    int groups = 2 + generator.below(5);
    auto classes = generator.make(groups, 6, false);
    double budget = generator.real() * groups;
    auto exact = bruteForce(classes, budget);
    for (size_t maxStates : {1, 4, 1000}) {
      auto found = solveKnapsack(classes, budget, maxStates);
      ASSERT_EQ(found.has_value(), exact.has_value());
      if (!found)
        continue;
      EXPECT_LE(found->cost, budget);
      EXPECT_LE(found->value, exact->value);
    }
  }
}

TEST(Knapsack, SolvesNetworksOfManyLayers) {
  Generator generator;
  for (bool staircase : {false, true}) {
    // Value grows with the width and falls off, as importance does; cost is
    // linear, or steps as columns of an array do.
    std::vector<KnapsackClass> classes(60);
    double all = 0;
    for (KnapsackClass &made : classes) {
      double weight = 0.1 + generator.real(),
             price = 1 + 1e4 * generator.real();
      double value = 0;
      for (int width = 1; width <= 32; ++width) {
        value += weight * generator.real() / width;
        double cost = price * (staircase ? (width + 7) / 8 : width);
        made.push_back({value, cost + generator.real()});
      }
      all += made.back().cost;
    }
    auto start = std::chrono::steady_clock::now();
    auto found = solveKnapsack(classes, all / 2);
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    std::printf("%.3f s\n", time.count());
    ASSERT_TRUE(found);
    EXPECT_LE(found->cost, all / 2);
    EXPECT_LT(time.count(), 20) << "a hang, not a slow machine";
    // Rounding loses little, and never gains.
    auto rounded = solveKnapsack(classes, all / 2, 500);
    ASSERT_TRUE(rounded);
    EXPECT_LE(rounded->cost, all / 2);
    EXPECT_LE(rounded->value, found->value * (1 + 1e-12));
    EXPECT_GE(rounded->value, found->value * 0.9);
  }
}

//===----------------------------------------------------------------------===//
// Subsets
//===----------------------------------------------------------------------===//

namespace {
/// Items whose harms add up, to be kept below a limit.
struct NoisyItems {
  std::vector<double> noise, cost;
  double limit = 0;
  unsigned measured = 0;

  double harmOf(const llvm::BitVector &taken) const {
    double left = 0;
    for (unsigned i = 0; i < noise.size(); ++i)
      left += taken.test(i) ? 0 : noise[i];
    return left;
  }
  double costOf(const llvm::BitVector &taken) const {
    double total = 0;
    for (unsigned i : taken.set_bits())
      total += cost[i];
    return total;
  }
  SubsetProblem problem() {
    SubsetProblem result;
    for (size_t i = 0; i < noise.size(); ++i)
      result.items.push_back({noise[i], cost[i]});
    result.goal = -limit;
    result.measure = [this](const llvm::BitVector &taken) {
      ++measured;
      return llvm::Expected<double>(-harmOf(taken));
    };
    result.price = [this](const llvm::BitVector &taken) {
      return llvm::Expected<double>(costOf(taken));
    };
    return result;
  }
};
} // namespace

TEST(Subset, ReachesTheGoalNearTheCheapest) {
  Generator generate;
  double found = 0, least = 0, control = 0;
  for (int round = 0; round < 60; ++round) {
    NoisyItems items;
    unsigned count = 4 + unsigned(generate.below(9));
    double total = 0;
    for (unsigned i = 0; i < count; ++i) {
      items.noise.push_back(std::pow(10, -4 * generate.real()));
      items.cost.push_back(1 + 9 * generate.real());
      total += items.noise.back();
    }
    items.limit = total * std::pow(10, -3 * generate.real()) * 0.9;
    double best = std::numeric_limits<double>::infinity();
    for (unsigned mask = 0; mask < 1u << count; ++mask) {
      llvm::BitVector taken(count);
      for (unsigned i = 0; i < count; ++i)
        if (mask >> i & 1)
          taken.set(i);
      if (items.harmOf(taken) <= items.limit)
        best = std::min(best, items.costOf(taken));
    }
    unsigned trials = 0;
    auto chosen = chooseByHarm(items.problem(), trials);
    ASSERT_TRUE(bool(chosen));
    ASSERT_TRUE(chosen->has_value());
    EXPECT_LE(items.harmOf((*chosen)->items), items.limit);
    EXPECT_EQ((*chosen)->cost, items.costOf((*chosen)->items));
    EXPECT_GE((*chosen)->cost, best * (1 - 1e-12));
    EXPECT_EQ(items.measured, trials);
    EXPECT_LE(trials, 2 + 2 * std::ceil(std::log2(count)) + kLeaveOutTrials);
    auto random = chooseAtRandom(items.problem(), trials, 5 + round);
    ASSERT_TRUE(bool(random));
    EXPECT_LE(items.measured, 2 * trials);
    found += (*chosen)->cost;
    least += best;
    control += random->has_value() ? (*random)->cost
                                   : items.costOf(llvm::BitVector(count, true));
  }
  std::printf("cost %.1f, least possible %.1f, by chance %.1f\n", found, least,
              control);
  EXPECT_LT(found, 1.1 * least);
  EXPECT_LT(found, 0.8 * control);
}

TEST(Subset, TriesScopesOnTheirOwn) {
  Generator generate;
  for (int round = 0; round < 40; ++round) {
    // The second half looks harmful and cheap, but leaving all of it out at
    // once takes away nothing.
    NoisyItems items;
    unsigned half = 8;
    for (unsigned i = 0; i < 2 * half; ++i) {
      items.noise.push_back(i < half ? 1 + generate.real() : 0);
      items.cost.push_back(i < half ? 10 : 1);
    }
    items.limit = 4 * generate.real();
    SubsetProblem problem = items.problem();
    for (unsigned i = half; i < 2 * half; ++i)
      problem.items[i].harm = 100;
    auto measure = problem.measure;
    problem.measure = [&](const llvm::BitVector &taken) {
      bool some = taken.find_first_in(half, 2 * half) >= 0;
      bool all = taken.find_first_unset_in(half, 2 * half) < 0;
      llvm::Expected<double> quality = measure(taken);
      return llvm::Expected<double>(*quality - (some && !all ? 100 : 0));
    };
    auto costWith = [&](std::vector<llvm::BitVector> scopes) {
      problem.scopes = std::move(scopes);
      items.measured = 0;
      unsigned trials = 0;
      auto chosen = chooseByHarm(problem, trials);
      EXPECT_TRUE(bool(chosen) && chosen->has_value());
      EXPECT_EQ(items.measured, trials);
      EXPECT_LE(trials, 2 + 2 * 4 + problem.scopes.size() * (1 + 2 * 3) +
                            kLeaveOutTrials);
      return (*chosen)->cost;
    };
    llvm::BitVector first(2 * half);
    first.set(0, half);
    double alone = costWith({first}), together = costWith({});
    EXPECT_LE(alone, together);
    EXPECT_LE(alone, 10 * half);
    // The items of one kind by falling noise: no fewer reach it.
    llvm::sort(items.noise, std::greater<>());
    double left = 0;
    unsigned needed = half;
    while (needed > 0 && left + items.noise[needed - 1] <= items.limit)
      left += items.noise[--needed];
    EXPECT_EQ(alone, 10 * needed);
  }
}

TEST(Subset, SaysWhereNothingReachesTheGoal) {
  NoisyItems items{{1, 2}, {1, 1}, -1};
  unsigned trials = 0;
  auto chosen = chooseByHarm(items.problem(), trials);
  ASSERT_TRUE(bool(chosen));
  EXPECT_FALSE(chosen->has_value());
  auto random = chooseAtRandom(items.problem(), 9, 1);
  ASSERT_TRUE(bool(random));
  EXPECT_FALSE(random->has_value());
}

TEST(Subset, TakesNothingWhereNothingIsNeeded) {
  NoisyItems items{{1, 2}, {1, 1}, 3};
  unsigned trials = 0;
  auto chosen = chooseByHarm(items.problem(), trials);
  ASSERT_TRUE(bool(chosen) && chosen->has_value());
  EXPECT_TRUE((*chosen)->items.none());
  EXPECT_EQ(trials, 2u);
}
