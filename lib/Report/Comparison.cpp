//===- Comparison.cpp - What changed between two cost reports -------------===//

#include "accopt/Report/Comparison.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <tuple>

using namespace llvm;
using namespace accopt;

//===----------------------------------------------------------------------===//
// Deltas
//===----------------------------------------------------------------------===//

bool accopt::isSameEnergy(double a, double b) {
  return std::fabs(a - b) <= 1e-9 * std::max(a, b);
}

static double energyDelta(double before, double after) {
  return isSameEnergy(before, after) ? 0 : after - before;
}

double OpComparison::energyDeltaPj() const {
  return energyDelta(energyBeforePj(), energyAfterPj());
}

bool OpComparison::isChanged() const {
  return !before || !after || cyclesDelta() != 0 || energyDeltaPj() != 0;
}

double CostComparison::energyDeltaPj() const {
  return energyDelta(before.total.energyPj, after.total.energyPj);
}

size_t CostComparison::countUnchanged() const {
  return count_if(ops, [](const OpComparison &op) { return !op.isChanged(); });
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

namespace {

/// Ops of the earlier report that have no partner yet, by a key.
class Unmatched {
public:
  void add(StringRef name, const OpCost &op) {
    waiting[key(name, op)].push_back(&op);
  }

  /// The first of that name and type that `isTaken` does not refuse.
  template <typename Predicate>
  const OpCost *take(StringRef name, const OpCost &op, Predicate isTaken) {
    std::deque<const OpCost *> &list = waiting[key(name, op)];
    while (!list.empty()) {
      const OpCost *first = list.front();
      list.pop_front();
      if (!isTaken(first))
        return first;
    }
    return nullptr;
  }

private:
  static std::string key(StringRef name, const OpCost &op) {
    return (Twine(op.op) + Twine('\0') + name).str();
  }

  StringMap<std::deque<const OpCost *>> waiting;
};

} // namespace

/// The names of the nodes that an op was fused from.
static SmallVector<StringRef> nodesOf(const OpCost &op) {
  SmallVector<StringRef> nodes;
  StringRef(op.name).split(nodes, '+', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return nodes;
}

CostComparison accopt::compareReports(const CostReport &before,
                                      const CostReport &after) {
  CostComparison comparison = {before, after, {}};
  std::set<const OpCost *> taken;
  auto isTaken = [&](const OpCost *op) { return taken.count(op) != 0; };

  Unmatched byName;
  for (const OpCost &op : before.ops)
    byName.add(op.name, op);
  for (const OpCost &op : after.ops) {
    const OpCost *partner = byName.take(op.name, op, isTaken);
    if (partner)
      taken.insert(partner);
    comparison.ops.push_back({partner, &op});
  }

  Unmatched byNode;
  for (const OpCost &op : before.ops)
    if (!isTaken(&op))
      for (StringRef node : nodesOf(op))
        byNode.add(node, op);
  for (OpComparison &op : comparison.ops) {
    if (op.before)
      continue;
    for (StringRef node : nodesOf(*op.after))
      if ((op.before = byNode.take(node, *op.after, isTaken)))
        break;
    if (op.before)
      taken.insert(op.before);
  }

  for (const OpCost &op : before.ops)
    if (!isTaken(&op))
      comparison.ops.push_back({&op, nullptr});
  return comparison;
}

std::vector<OpComparison> accopt::rankChanges(const CostComparison &comparison,
                                              CostMetric metric) {
  std::vector<std::tuple<double, double, size_t>> ranks;
  for (auto [index, op] : enumerate(comparison.ops)) {
    if (!op.isChanged())
      continue;
    double cycles = -std::fabs(double(op.cyclesDelta()));
    double energy = -std::fabs(op.energyDeltaPj());
    if (metric == CostMetric::Energy)
      std::swap(cycles, energy);
    ranks.emplace_back(cycles, energy, index);
  }
  llvm::sort(ranks);
  std::vector<OpComparison> changed;
  changed.reserve(ranks.size());
  for (auto [first, second, index] : ranks)
    changed.push_back(comparison.ops[index]);
  return changed;
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

std::string accopt::describeChange(const OpComparison &op) {
  if (!op.before)
    return "added";
  if (!op.after)
    return "removed";
  SmallVector<std::string> parts;
  auto bits = [](const OpCost &op) {
    return std::to_string(op.weightBits) + "/" + std::to_string(op.inputBits);
  };
  const auto &[before, after] = op;
  if (before->placement != after->placement)
    parts.push_back(
        (getName(before->placement) + " -> " + getName(after->placement))
            .str());
  if (bits(*before) != bits(*after))
    parts.push_back("bits " + bits(*before) + " -> " + bits(*after));
  if (before->name != after->name)
    parts.push_back("was " + before->name);
  return join(parts, ", ");
}

static std::string print(const json::Value &value) {
  std::string text;
  raw_string_ostream(text) << value;
  return text;
}

/// ": rows 16 -> 32, columns 16 -> 32, 1 new", at most three by name.
static std::string describeParameters(const CostReport &before,
                                      const CostReport &after) {
  const json::Object *old = before.targetParameters.getAsObject();
  const json::Object *now = after.targetParameters.getAsObject();
  if (!old || !now)
    return "";
  std::set<std::string> changed;
  unsigned added = 0, removed = 0;
  for (const auto &[key, value] : *now) {
    const json::Value *earlier = old->get(key);
    added += !earlier;
    if (earlier && *earlier != value)
      changed.insert(key.str() + " " + print(*earlier) + " -> " + print(value));
  }
  for (const auto &[key, value] : *old)
    removed += !now->get(key);

  SmallVector<std::string> parts;
  constexpr size_t maxNamed = 3;
  for (const std::string &text : changed)
    if (parts.size() < maxNamed)
      parts.push_back(text);
  if (changed.size() > maxNamed)
    parts.push_back(std::to_string(changed.size() - maxNamed) + " more");
  if (added)
    parts.push_back(std::to_string(added) + " new");
  if (removed)
    parts.push_back(std::to_string(removed) + " removed");
  return parts.empty() ? "" : ": " + join(parts, ", ");
}

/// A model made from MLIR has no hash.
static bool differs(StringRef before, StringRef after) {
  return !before.empty() && !after.empty() && before != after;
}

std::vector<std::string>
accopt::describeDifferences(const CostComparison &comparison) {
  const auto &[before, after, ops] = comparison;
  std::vector<std::string> lines;
  if (before.modelName != after.modelName)
    lines.push_back("the baseline is of another model: '" + before.modelName +
                    "', now '" + after.modelName + "'");
  else if (differs(before.modelSha256, after.modelSha256))
    lines.push_back("the model file has changed since the baseline");
  if (before.targetName != after.targetName)
    lines.push_back("the baseline is for another target: '" +
                    before.targetName + "', now '" + after.targetName + "'");
  else if (differs(before.targetSha256, after.targetSha256))
    lines.push_back("the target '" + after.targetName +
                    "' has other parameters than in the baseline" +
                    describeParameters(before, after));
  return lines;
}
