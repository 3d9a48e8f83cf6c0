//===- PruneSelect.cpp - The choice of widths -----------------------------===//
//
// Part of AccOpt. Each group of channels is a class of a multiple-choice
// knapsack: its options are widths, an option's value the importance that it
// keeps, its cost the compiler's estimate for the network with this group alone
// at that width (HALP, Shen et al., arXiv 2110.10811, with the compiler in
// place of a table of latencies). Costs of layers couple two groups, so that
// the sum over classes is only near the truth; the knapsack's own budget is
// therefore searched by bisection until the network that it gives, compiled
// exactly, meets the real one.
//
// The controls search in the same way: one fraction for all groups, or random
// fractions raised to one power.
//
//===----------------------------------------------------------------------===//

#include "PruneStep.h"

#include "accopt/Data/Random.h"
#include "accopt/Search/Knapsack.h"
#include "dialects/NN/NNOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace mlir;
using namespace accopt;
using Keep = std::vector<llvm::SmallVector<int64_t>>;

/// How many widths of a group are priced.
static constexpr int64_t maxOptions = 32;
static constexpr unsigned bisections = 14;
/// Branches whose removal is tried in one round, the least important first.
static constexpr size_t maxBranches = 6;

namespace {

/// The network without some branches, and its groups.
struct Problem {
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<ChannelGroups> groups;
  std::vector<std::string> branches;
  /// Importance of units, by group; empty for groups that stay as they are.
  std::vector<std::vector<double>> units;
  double base = 0; ///< the measure of the network as it is
};

/// A selection and what it loses.
struct Found {
  Selection selection;
  double lost = 0;
};

class Selector {
public:
  Selector(Session &session, ModuleOp module, const Importance &importance,
           const PruneOptions &options, double budget)
      : session(session), importance(importance), options(options),
        budget(budget), skeleton(session.clone(module)) {
    splatConstants();
    ChannelGroups analysis(Session::functionOf(module));
    for (auto [g, group] : llvm::enumerate(analysis.groups()))
      byName[group.name].push_back(g);
  }

  llvm::Expected<Selection> run();

private:
  void splatConstants();
  Problem makeProblem(const std::vector<std::string> &branches);
  /// Widths to choose from, in units, ascending; the last is the group's own.
  std::vector<int64_t> widthsOf(const ChannelGroup &group) const;
  /// The `count` most important units.
  static llvm::SmallVector<int64_t> top(const std::vector<double> &units,
                                        int64_t count);
  Keep keepAll(const ChannelGroups &groups) const;

  /// What the knapsack adds up, for the network with `keep`.
  llvm::Expected<double> measure(const Problem &problem, const Keep &keep);
  llvm::Expected<double> exact(const Problem &problem, const Keep &keep);
  /// The largest parameter in [0, 1] whose widths meet the budget.
  llvm::Expected<std::optional<Found>>
  search(const Problem &problem,
         llvm::function_ref<std::optional<Keep>(double)> choose);
  double lostBy(const Problem &problem, const Keep &keep) const;

  llvm::Expected<std::optional<Found>> byKnapsack(const Problem &problem);
  llvm::Expected<std::optional<Found>> byFraction(const Problem &problem);
  llvm::Expected<std::optional<Found>> solve(const Problem &problem) {
    return options.method == PruneMethod::Cost ||
                   options.method == PruneMethod::Flops
               ? byKnapsack(problem)
               : byFraction(problem);
  }
  llvm::Error tryBranches(std::optional<Found> &best);
  /// The loss of the network at hand after the selection, before any training.
  llvm::Expected<double> lossAfter(const Selection &selection) const;
  /// Progress over knapsacks for `solutions` problems like this one; shown once
  /// they take long.
  void beginPass(const Problem &problem, size_t solutions);
  void countVariant();
  void endPass();

  Session &session;
  const Importance &importance;
  const PruneOptions &options;
  double budget;
  OwningOpRef<ModuleOp> skeleton;
  std::map<std::string, std::vector<size_t>> byName;
  double least = INFINITY; ///< the least exact cost seen
  std::chrono::steady_clock::time_point started;
  int64_t expected = 0, priced = 0;
  bool isShown = false;
};

/// Prices do not depend on weights: one value stands for all, so that variants
/// are made without copying any.
void Selector::splatConstants() {
  skeleton->walk([](nn::ConstantOp op) {
    auto type = cast<RankedTensorType>(op.getType());
    if (type.getElementType().isF32() && type.getNumElements() > 1)
      op.setValueAttr(DenseElementsAttr::get(type, 0.5f));
  });
}

Problem Selector::makeProblem(const std::vector<std::string> &branches) {
  Problem problem;
  problem.module = session.clone(*skeleton);
  problem.branches = branches;
  func::FuncOp function = Session::functionOf(*problem.module);
  for (const std::string &name : branches)
    for (const ResidualBranch &branch : findResidualBranches(function))
      if (branch.name == name) {
        removeBranch(branch);
        break;
      }
  std::map<std::string, size_t> seen;
  problem.groups = std::make_unique<ChannelGroups>(function);
  for (const ChannelGroup &group : problem.groups->groups()) {
    auto known = byName.find(group.name);
    size_t occurrence = seen[group.name]++;
    std::vector<double> &units = problem.units.emplace_back();
    if (!group.isPrunable() || known == byName.end() ||
        occurrence >= known->second.size())
      continue;
    const auto &values = importance.units[known->second[occurrence]];
    if (int64_t(values.size()) == group.units)
      units = values;
  }
  return problem;
}

std::vector<int64_t> Selector::widthsOf(const ChannelGroup &group) const {
  int64_t step = (group.units + maxOptions - 1) / maxOptions;
  if (options.granularity) {
    int64_t channels =
        group.activations.empty()
            ? 1
            : int64_t(group.activations.front().positions.front().size());
    step = std::max<int64_t>(1, options.granularity /
                                    std::max<int64_t>(1, channels));
  }
  std::vector<int64_t> widths;
  for (int64_t width = step; width < group.units; width += step)
    widths.push_back(width);
  widths.push_back(group.units);
  return widths;
}

llvm::SmallVector<int64_t> Selector::top(const std::vector<double> &units,
                                         int64_t count) {
  llvm::SmallVector<int64_t> order(units.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = int64_t(i);
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::make_pair(-units[a], a) < std::make_pair(-units[b], b);
  });
  order.resize(count);
  llvm::sort(order);
  return order;
}

Keep Selector::keepAll(const ChannelGroups &groups) const {
  Keep keep;
  for (const ChannelGroup &group : groups.groups()) {
    keep.emplace_back();
    for (int64_t u = 0; u < group.units; ++u)
      keep.back().push_back(u);
  }
  return keep;
}

static llvm::Expected<OwningOpRef<ModuleOp>> shrink(const Problem &problem,
                                                    const Keep &keep) {
  IRMapping mapping;
  OwningOpRef<ModuleOp> variant(
      cast<ModuleOp>(problem.module.get()->clone(mapping)));
  if (failed(removeChannels(Session::functionOf(*variant), *problem.groups,
                            keep, mapping)))
    return llvm::createStringError(std::errc::invalid_argument,
                                   "removing channels failed");
  return variant;
}

void Selector::beginPass(const Problem &problem, size_t solutions) {
  expected = priced = 0;
  for (auto [g, group] : llvm::enumerate(problem.groups->groups()))
    if (!problem.units[g].empty())
      expected += int64_t(solutions * widthsOf(group).size());
  started = std::chrono::steady_clock::now();
  isShown = false;
}

void Selector::countVariant() {
  ++priced;
  using namespace std::chrono_literals;
  if (!isShown && std::chrono::steady_clock::now() - started < 1s)
    return;
  if (!isShown)
    session.progress->begin("choosing channels", expected);
  isShown = true;
  session.progress->update(double(std::min(priced, expected)));
}

void Selector::endPass() {
  if (isShown)
    session.progress->end();
}

llvm::Expected<double> Selector::measure(const Problem &problem,
                                         const Keep &keep) {
  countVariant();
  auto variant = shrink(problem, keep);
  if (!variant)
    return variant.takeError();
  // Estimates do not know which layers run strip by strip; of that, cycles
  // depend little, energy much.
  bool needsEnergy = options.method != PruneMethod::Flops &&
                     options.objective != Objective::Cycles;
  mlir::func::FuncOp function = Session::functionOf(**variant);
  auto cost = needsEnergy ? session.costs.exact(function)
                          : session.costs.estimate(function);
  if (!cost)
    return cost.takeError();
  if (options.method == PruneMethod::Flops)
    return double(cost->macs);
  if (options.objective != Objective::EnergyDelay)
    return cost->get(options.objective);
  // A product does not add up over layers; its differential does.
  const NetworkCost &at = session.baseline;
  return at.energyPj * cost->cycles + at.cycles * cost->energyPj;
}

llvm::Expected<double> Selector::exact(const Problem &problem,
                                       const Keep &keep) {
  auto variant = shrink(problem, keep);
  if (!variant)
    return variant.takeError();
  auto cost = session.costs.exact(Session::functionOf(**variant));
  if (!cost)
    return cost.takeError();
  least = std::min(least, cost->get(options.objective));
  return cost->get(options.objective);
}

/// What a group's channels that stay are worth: the logarithm of the share of
/// importance that they hold. Layers act one after another, so shares multiply;
/// a group that is cut to next to nothing is worth less than any saving.
static double worthOf(const std::vector<double> &units,
                      llvm::ArrayRef<int64_t> kept) {
  double all = 0, held = 0;
  for (double value : units)
    all += value;
  for (int64_t u : kept)
    held += units[u];
  // Where nothing is known, all units are alike.
  if (!(all > 0))
    return std::log(double(kept.size()) / double(units.size()));
  return std::log(std::max(held / all, 1e-9));
}

double Selector::lostBy(const Problem &problem, const Keep &keep) const {
  double lost = 0;
  for (auto [units, kept] : llvm::zip_equal(problem.units, keep))
    if (!units.empty())
      lost -= worthOf(units, kept);
  for (const std::string &name : problem.branches)
    lost -= std::log(std::max(1 - importance.branches.at(name), 1e-9));
  return lost;
}

llvm::Expected<std::optional<Found>>
Selector::search(const Problem &problem,
                 llvm::function_ref<std::optional<Keep>(double)> choose) {
  std::optional<Found> best;
  auto attempt = [&](double at) -> llvm::Expected<bool> {
    std::optional<Keep> keep = choose(at);
    if (!keep)
      return false;
    auto cost = exact(problem, *keep);
    if (!cost)
      return cost.takeError();
    if (*cost > budget)
      return false;
    double lost = lostBy(problem, *keep);
    bool isControl = options.method == PruneMethod::Random;
    if (!best || (isControl ? *cost > best->selection.cost : lost < best->lost))
      best = Found{{problem.branches, std::move(*keep), *cost}, lost};
    return true;
  };
  auto whole = attempt(1);
  if (!whole)
    return whole.takeError();
  if (*whole)
    return best;
  auto none = attempt(0);
  if (!none)
    return none.takeError();
  double low = 0, high = 1;
  for (unsigned i = 0; i < bisections; ++i) {
    double middle = (low + high) / 2;
    auto fits = attempt(middle);
    if (!fits)
      return fits.takeError();
    (*fits ? low : high) = middle;
  }
  return best;
}

llvm::Expected<std::optional<Found>>
Selector::byKnapsack(const Problem &problem) {
  const ChannelGroups &groups = *problem.groups;
  Keep all = keepAll(groups);
  auto base = measure(problem, all);
  if (!base)
    return base.takeError();
  std::vector<KnapsackClass> classes;
  std::vector<size_t> groupOf;
  std::vector<std::vector<int64_t>> widths;
  double floor = *base;
  for (auto [g, group] : llvm::enumerate(groups.groups())) {
    const std::vector<double> &units = problem.units[g];
    if (units.empty())
      continue;
    widths.push_back(widthsOf(group));
    groupOf.push_back(g);
    KnapsackClass options;
    double least = INFINITY;
    for (int64_t width : widths.back()) {
      Keep keep = all;
      keep[g] = top(units, width);
      auto cost = measure(problem, keep);
      if (!cost)
        return cost.takeError();
      KnapsackOption option{worthOf(units, keep[g]), *cost};
      least = std::min(least, *cost);
      options.push_back(option);
    }
    for (KnapsackOption &option : options)
      option.cost -= least;
    floor += least - *base;
    classes.push_back(std::move(options));
  }
  // The knapsack's budget above the cheapest choice, as a share.
  double room = *base - floor;
  return search(problem, [&](double share) -> std::optional<Keep> {
    auto solution = solveKnapsack(classes, share * room * (1 + 1e-12), 1 << 15);
    if (!solution)
      return std::nullopt;
    Keep keep = all;
    for (auto [i, g] : llvm::enumerate(groupOf))
      keep[g] = top(problem.units[g], widths[i][solution->choice[i]]);
    return keep;
  });
}

llvm::Expected<std::optional<Found>>
Selector::byFraction(const Problem &problem) {
  const ChannelGroups &groups = *problem.groups;
  bool isRandom = options.method == PruneMethod::Random;
  SplitMix64 random({options.seed});
  std::vector<double> draws;
  std::vector<std::vector<double>> order = problem.units;
  for (std::vector<double> &units : order) {
    draws.push_back(0.05 + 0.95 * random.uniform());
    if (isRandom)
      for (double &unit : units)
        unit = random.uniform();
  }
  return search(problem, [&](double share) -> std::optional<Keep> {
    Keep keep = keepAll(groups);
    for (auto [g, group] : llvm::enumerate(groups.groups())) {
      if (order[g].empty())
        continue;
      // Shares of 1 and 0 are all and next to nothing for both controls.
      double fraction =
          isRandom ? std::pow(draws[g], (1 - share) / std::max(share, 1e-3))
                   : share;
      std::vector<int64_t> widths = widthsOf(group);
      auto at = llvm::lower_bound(widths, fraction * double(group.units));
      keep[g] = top(order[g], at == widths.end() ? widths.back() : *at);
    }
    return keep;
  });
}

/// Takes out the branch whose loss buys the most, again and again.
llvm::Error Selector::tryBranches(std::optional<Found> &best) {
  std::vector<std::string> removed;
  for (;;) {
    Problem now = makeProblem(removed);
    std::vector<std::string> names;
    for (const ResidualBranch &branch :
         findResidualBranches(Session::functionOf(*now.module)))
      if (importance.branches.count(branch.name))
        names.push_back(branch.name);
    llvm::sort(names, [&](const std::string &a, const std::string &b) {
      return std::make_pair(importance.branches.at(a), a) <
             std::make_pair(importance.branches.at(b), b);
    });
    names.resize(std::min(names.size(), maxBranches));
    bool improved = false;
    beginPass(now, names.size());
    for (const std::string &name : names) {
      std::vector<std::string> more = removed;
      more.push_back(name);
      auto found = solve(makeProblem(more));
      if (!found)
        return found.takeError();
      if (*found && (!best || (*found)->lost < best->lost)) {
        best = std::move(*found);
        improved = true;
      }
    }
    endPass();
    if (!improved)
      return llvm::Error::success();
    removed = best->selection.branches;
  }
}

llvm::Expected<double> Selector::lossAfter(const Selection &selection) const {
  OwningOpRef<ModuleOp> variant = session.clone(*session.network);
  if (llvm::Error error =
          applySelection(Session::functionOf(*variant), selection))
    return std::move(error);
  auto network = session.makeNetwork(*variant);
  if (!network)
    return network.takeError();
  auto evaluation = (*network)->evaluate(
      session.data.train.spread(options.samples), training::Mode::Float);
  if (!evaluation)
    return evaluation.takeError();
  return evaluation->loss;
}

llvm::Expected<Selection> Selector::run() {
  Problem whole = makeProblem({});
  beginPass(whole, 1);
  auto best = solve(whole);
  endPass();
  if (!best)
    return best.takeError();
  bool isKnapsack = options.method == PruneMethod::Cost ||
                    options.method == PruneMethod::Flops;
  if (options.removeBlocks && isKnapsack) {
    std::optional<Found> narrower = *best;
    if (llvm::Error error = tryBranches(*best))
      return std::move(error);
    // What a block is worth is known less well than what channels are: the
    // network without it must do better than the narrower one.
    if (narrower && !(*best)->selection.branches.empty()) {
      auto without = lossAfter((*best)->selection);
      auto with = lossAfter(narrower->selection);
      if (!without || !with)
        return llvm::joinErrors(without.takeError(), with.takeError());
      if (*with < *without)
        best = std::move(narrower);
    }
  }
  if (!*best)
    return session.outOfReach(options.title, budget, least);
  return std::move((*best)->selection);
}

} // namespace

llvm::Expected<Selection> accopt::selectChannels(Session &session,
                                                 ModuleOp module,
                                                 const Importance &importance,
                                                 const PruneOptions &options,
                                                 double budget) {
  return Selector(session, module, importance, options, budget).run();
}
