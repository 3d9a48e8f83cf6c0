//===- ChannelGroupsBalance.cpp - Groups of a conv stay equal -------------===//
//
// Every group of a grouped convolution must keep as many outputs as the others.
// Which outputs of which group go together is free, so it is decided last:
// classes that take unequal numbers from the groups are bundled until the
// numbers are equal, always with the class that leaves the least inequality. If
// nothing else ties the outputs, the first of every group are a bundle, the
// second, and so on; behind a channel shuffle the bundles follow the shuffle.
// Bundles of equal classes stay equal, so one convolution after another can be
// balanced.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroupsGraph.h"

#include "llvm/ADT/MapVector.h"

#include <numeric>

using namespace mlir;
using namespace accopt;

using Counts = std::vector<int64_t>;

/// How many more outputs it takes for all groups to have as many.
static int64_t missing(const Counts &counts) {
  int64_t most = *llvm::max_element(counts);
  int64_t sum = std::accumulate(counts.begin(), counts.end(), int64_t(0));
  return most * int64_t(counts.size()) - sum;
}

static Counts operator+(Counts a, const Counts &b) {
  for (size_t i = 0; i < a.size(); ++i)
    a[i] += b[i];
  return a;
}

/// The unused class after `first` that completes `bundle` best; -1 if none is
/// left.
static int64_t findComplement(const Counts &bundle,
                              ArrayRef<std::pair<unsigned, Counts>> classes,
                              const std::vector<bool> &used, size_t first) {
  int64_t best = -1, least = 0;
  for (size_t i = first; i < classes.size(); ++i) {
    if (used[i])
      continue;
    int64_t left = missing(bundle + classes[i].second);
    if (best >= 0 && left >= least)
      continue;
    best = int64_t(i), least = left;
    if (least == 0)
      break;
  }
  return best;
}

void ChannelGraph::balance(const GroupedOutputs &outputs) {
  const Slot &slot = allSlots[outputs.slot];
  int64_t perGroup = slot.size / outputs.groups;
  llvm::MapVector<unsigned, Counts> counts;
  for (int64_t i = 0; i < slot.size; ++i) {
    unsigned root = find(outputs.slot, i);
    if (reasonOf[root] >= 0)
      continue;
    Counts &count = counts[root];
    count.resize(outputs.groups);
    ++count[i / perGroup];
  }
  auto classes = counts.takeVector();
  std::vector<bool> used(classes.size());
  for (size_t i = 0; i < classes.size(); ++i) {
    if (used[i])
      continue;
    Counts bundle = classes[i].second;
    while (missing(bundle) > 0) {
      int64_t other = findComplement(bundle, classes, used, i + 1);
      // What is fixed is not counted, so that the rest may not come out even.
      if (other < 0) {
        fixClass(classes[i].first, "cannot keep the groups of a conv equal");
        break;
      }
      used[other] = true;
      bundle = bundle + classes[other].second;
      unite(classes[i].first, classes[other].first);
    }
  }
}
