//===- NestWalk.cpp - Tiles of a loop nest that move ----------------------===//
//
// An instance's tile moves as the temporal loops above it turn. The first and
// the second iteration of a loop stand for all: later ones move as the second
// does. A step keeps what it shares with the tile before it if the step before
// was the same or unknown; else it brings a whole tile and the next step is
// free to keep something again (Timeloop's reset on a change of stride).
//
//===----------------------------------------------------------------------===//

#include "NestWalk.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <optional>
#include <set>

using namespace llvm;
using namespace accopt::formulas;

namespace {

/// Words that one instance receives.
class Walk {
public:
  Walk(const NestTensor &tensor, ArrayRef<PlacedLoop> loops, Offsets extents)
      : tensor(tensor), loops(loops), extents(std::move(extents)) {}

  int64_t run() {
    visit(0, Offsets(tensor.ranks.size(), 0), 1);
    return words;
  }

private:
  void visit(size_t loop, const Offsets &at, int64_t times);
  int64_t arrive(const Offsets &at);
  int64_t newWords(const Offsets &shift) const;

  const NestTensor &tensor;
  ArrayRef<PlacedLoop> loops; ///< temporal, outermost first
  Offsets extents;
  std::optional<Offsets> last, lastShift;
  int64_t words = 0;
};
} // namespace

int64_t accopt::formulas::volume(ArrayRef<int64_t> extents) {
  int64_t words = 1;
  for (int64_t extent : extents)
    words *= extent;
  return words;
}

/// What a step of `loop` adds to the indices of `tensor`.
static Offsets shiftOf(const NestTensor &tensor, const PlacedLoop &loop) {
  Offsets shift(tensor.ranks.size(), 0);
  for (auto [rank, sum] : enumerate(tensor.ranks))
    for (const NestTerm &term : sum)
      if (term.dimension == loop.loop.dimension)
        shift[rank] += term.factor * loop.step;
  return shift;
}

Placement::Placement(const LoopNest &nest) {
  std::vector<int64_t> inner(nest.dimensions, 1);
  for (auto [level, memory] : enumerate(nest.levels))
    for (const NestLoop &loop : memory.loops)
      if (loop.count > 1)
        loops.push_back({loop, 1, level, memory.isFanOut});
  for (PlacedLoop &placed : reverse(loops)) {
    placed.step = inner[placed.loop.dimension];
    inner[placed.loop.dimension] *= placed.loop.count;
  }
}

Offsets Placement::tile(const NestTensor &tensor, size_t level) const {
  Offsets extents(tensor.ranks.size(), 1);
  for (const PlacedLoop &loop : loops)
    if (loop.level >= level)
      for (auto [extent, shift] : zip(extents, shiftOf(tensor, loop)))
        extent += shift * (loop.loop.count - 1);
  return extents;
}

int64_t Placement::partition(const NestTensor &tensor, size_t level) const {
  int64_t words = 1;
  for (const PlacedLoop &loop : loops)
    if ((loop.level >= level || !loop.isFanOut) &&
        llvm::any_of(shiftOf(tensor, loop), [](int64_t way) { return way; }))
      words *= loop.loop.count;
  return words;
}

/// Words of a tile that the tile before it, `shift` away, does not have.
int64_t Walk::newWords(const Offsets &shift) const {
  int64_t whole = volume(extents);
  int64_t moved = 0, overlap = whole;
  for (auto [extent, way] : zip(extents, shift)) {
    if (way == 0)
      continue;
    ++moved;
    overlap = overlap / extent * std::max<int64_t>(0, extent - std::abs(way));
  }
  // What is left of a diagonal step is no box, and is not used.
  return moved > 1 ? whole : whole - (moved ? overlap : whole);
}

int64_t Walk::arrive(const Offsets &at) {
  std::optional<Offsets> shift;
  if (last) {
    shift.emplace();
    for (auto [now, before] : zip(at, *last))
      shift->push_back(now - before);
  }
  last = at;
  if (!shift)
    return volume(extents);
  if (lastShift && *lastShift != *shift) {
    lastShift.reset();
    return volume(extents);
  }
  lastShift = shift;
  return newWords(*shift);
}

void Walk::visit(size_t loop, const Offsets &at, int64_t times) {
  if (loop == loops.size()) {
    words += times * arrive(at);
    return;
  }
  visit(loop + 1, at, times);
  Offsets next = at;
  for (auto [index, shift] : zip(next, shiftOf(tensor, loops[loop])))
    index += shift;
  visit(loop + 1, next, times * (loops[loop].loop.count - 1));
}

int64_t accopt::formulas::countDistinctTiles(const Placement &placement,
                                             const NestTensor &tensor,
                                             size_t level) {
  std::set<std::vector<int64_t>> seen = {
      std::vector<int64_t>(tensor.ranks.size(), 0)};
  for (const PlacedLoop &loop : placement.loops) {
    if (loop.level != level)
      continue;
    Offsets shift = shiftOf(tensor, loop);
    std::set<std::vector<int64_t>> more;
    for (int64_t i = 0; i < loop.loop.count; ++i)
      for (std::vector<int64_t> at : seen) {
        for (auto [index, way] : zip(at, shift))
          index += i * way;
        more.insert(std::move(at));
      }
    seen = std::move(more);
  }
  return int64_t(seen.size());
}

int64_t accopt::formulas::countFills(const Placement &placement,
                                     const NestTensor &tensor, size_t level) {
  SmallVector<PlacedLoop> above;
  for (const PlacedLoop &loop : placement.loops)
    if (loop.level < level && !loop.isFanOut)
      above.push_back(loop);
  return Walk(tensor, above, placement.tile(tensor, level)).run();
}
