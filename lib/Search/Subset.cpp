//===- Subset.cpp - The cheapest set that reaches a goal ------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Search/Subset.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <numeric>
#include <random>

using namespace accopt;

namespace {
using Order = std::vector<size_t>;

/// Experiments, each made once.
class Laboratory {
public:
  /// At most `limit` experiments.
  Laboratory(const SubsetProblem &problem, unsigned limit)
      : problem(problem), limit(limit) {}

  bool isSpent() const { return made >= limit; }
  unsigned count() const { return made; }
  size_t size() const { return problem.items.size(); }

  /// Whether `items` reach the goal, and whether that is known: not where all
  /// experiments are spent.
  llvm::Expected<bool> reaches(const llvm::BitVector &items, bool &isKnown);
  /// Keeps `items`, which reach the goal, if no cheaper ones are known.
  llvm::Error offer(const llvm::BitVector &items);
  /// Offers the fewest first items of `order` that reach the goal; false where
  /// not even all of them do.
  llvm::Expected<bool> take(const Order &order);
  /// Leaves out items, in `order`.
  llvm::Expected<llvm::BitVector> leaveOut(llvm::BitVector items,
                                           const Order &order, unsigned trials);

  std::optional<Subset> best;

private:
  llvm::Expected<std::optional<llvm::BitVector>> bisect(const Order &order);
  std::vector<bool> keyOf(const llvm::BitVector &items) const {
    std::vector<bool> key(size());
    for (unsigned item : items.set_bits())
      key[item] = true;
    return key;
  }

  const SubsetProblem &problem;
  unsigned limit, made = 0;
  std::map<std::vector<bool>, double> known;
};
} // namespace

llvm::Expected<bool> Laboratory::reaches(const llvm::BitVector &items,
                                         bool &isKnown) {
  auto key = keyOf(items);
  auto found = known.find(key);
  isKnown = found != known.end() || !isSpent();
  if (!isKnown)
    return false;
  if (found == known.end()) {
    llvm::Expected<double> quality = problem.measure(items);
    if (!quality)
      return quality.takeError();
    ++made;
    found = known.emplace(std::move(key), *quality).first;
  }
  return found->second >= problem.goal;
}

llvm::Error Laboratory::offer(const llvm::BitVector &items) {
  llvm::Expected<double> cost = problem.price(items);
  if (!cost)
    return cost.takeError();
  if (!best || *cost < best->cost)
    best = Subset{items, known.at(keyOf(items)), *cost};
  return llvm::Error::success();
}

llvm::Expected<std::optional<llvm::BitVector>>
Laboratory::bisect(const Order &order) {
  auto firstOf = [&](size_t count) {
    llvm::BitVector items(static_cast<unsigned>(size()));
    for (size_t item : llvm::ArrayRef(order).take_front(count))
      items.set(unsigned(item));
    return items;
  };
  bool isKnown = true;
  llvm::Expected<bool> all = reaches(firstOf(order.size()), isKnown);
  if (!all)
    return all.takeError();
  if (!*all)
    return std::nullopt;
  // Some sets cost more than all items do.
  if (llvm::Error error = offer(firstOf(order.size())))
    return std::move(error);
  llvm::Expected<bool> none = reaches(firstOf(0), isKnown);
  if (!none)
    return none.takeError();
  // `low` do not reach it, `high` do.
  size_t low = 0, high = *none ? 0 : order.size();
  while (low + 1 < high) {
    size_t middle = (low + high) / 2;
    llvm::Expected<bool> reached = reaches(firstOf(middle), isKnown);
    if (!reached)
      return reached.takeError();
    if (!isKnown)
      break;
    (*reached ? high : low) = middle;
  }
  return firstOf(high);
}

llvm::Expected<bool> Laboratory::take(const Order &order) {
  auto taken = bisect(order);
  if (!taken)
    return taken.takeError();
  if (!*taken)
    return false;
  if (llvm::Error error = offer(**taken))
    return std::move(error);
  return true;
}

llvm::Expected<llvm::BitVector> Laboratory::leaveOut(llvm::BitVector items,
                                                     const Order &order,
                                                     unsigned trials) {
  Order taken;
  llvm::copy_if(order, std::back_inserter(taken),
                [&](size_t item) { return items.test(unsigned(item)); });
  // Several at once, twice as many where that went well, half where it did not.
  size_t count = std::max<size_t>(1, taken.size() / 8);
  for (size_t next = 0; next < taken.size() && trials > 0; --trials) {
    auto tried = llvm::ArrayRef(taken).drop_front(next).take_front(count);
    llvm::BitVector fewer = items;
    for (size_t item : tried)
      fewer.reset(unsigned(item));
    bool isKnown = true;
    llvm::Expected<bool> reached = reaches(fewer, isKnown);
    if (!reached)
      return reached.takeError();
    if (*reached)
      items = fewer;
    if (*reached || tried.size() == 1)
      next += tried.size();
    count = *reached ? 2 * count : std::max<size_t>(1, tried.size() / 2);
  }
  return items;
}

/// Items by falling `value`; the first of equal ones first.
static Order orderBy(size_t size, llvm::function_ref<double(size_t)> value) {
  Order order(size);
  std::iota(order.begin(), order.end(), size_t(0));
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(-value(a), a) < std::pair(-value(b), b);
  });
  return order;
}

/// All items, and those that are tried on their own.
static std::vector<llvm::BitVector> scopesOf(const SubsetProblem &problem) {
  std::vector<llvm::BitVector> scopes = {
      llvm::BitVector(unsigned(problem.items.size()), true)};
  llvm::copy_if(
      problem.scopes, std::back_inserter(scopes),
      [](const llvm::BitVector &scope) { return scope.any() && !scope.all(); });
  return scopes;
}

llvm::Expected<std::optional<Subset>>
accopt::chooseByHarm(const SubsetProblem &problem, unsigned &trials) {
  auto harm = [&](size_t i) { return problem.items[i].harm; };
  auto ratio = [&](size_t i) {
    // What costs nothing comes first, the more harmful before.
    double cost = problem.items[i].cost;
    return harm(i) / std::max(cost, 1e-9);
  };
  size_t size = problem.items.size();
  Laboratory laboratory(problem, ~0u);
  for (const llvm::BitVector &scope : scopesOf(problem))
    for (Order order : {orderBy(size, ratio), orderBy(size, harm)}) {
      llvm::erase_if(order,
                     [&](size_t item) { return !scope.test(unsigned(item)); });
      llvm::Expected<bool> reached = laboratory.take(order);
      if (!reached)
        return reached.takeError();
      if (!*reached)
        break;
    }
  if (laboratory.best) {
    // The dearest for what they bring go first.
    Order order = orderBy(size, ratio);
    std::reverse(order.begin(), order.end());
    auto left =
        laboratory.leaveOut(laboratory.best->items, order, kLeaveOutTrials);
    if (!left)
      return left.takeError();
    if (llvm::Error error = laboratory.offer(*left))
      return std::move(error);
  }
  trials = laboratory.count();
  return laboratory.best;
}

llvm::Expected<std::optional<Subset>>
accopt::chooseAtRandom(const SubsetProblem &problem, unsigned trials,
                       uint64_t seed) {
  std::mt19937_64 random(seed);
  Laboratory laboratory(problem, trials);
  unsigned before = 0;
  do {
    before = laboratory.count();
    std::vector<uint64_t> keys(problem.items.size());
    for (uint64_t &key : keys)
      key = random();
    llvm::Expected<bool> reached = laboratory.take(
        orderBy(keys.size(), [&](size_t i) { return double(keys[i]); }));
    if (!reached)
      return reached.takeError();
    if (!*reached)
      break;
    // A small problem has no new sets at some point.
  } while (!laboratory.isSpent() && laboratory.count() > before);
  return laboratory.best;
}
