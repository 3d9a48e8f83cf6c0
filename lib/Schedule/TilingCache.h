//===- TilingCache.h - Plans that were made before --------------*- C++ -*-===//
//
// Part of AccOpt. Layers of one shape in one placement get one tiling, runs of
// layers that look alike the same stacks: each search runs once for them.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_TILINGCACHE_H
#define ACCOPT_LIB_SCHEDULE_TILINGCACHE_H

#include "Network.h"
#include "Stack.h"

#include "accopt/Schedule/Schedule.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <deque>
#include <tuple>

namespace accopt {

/// Numbers rows of integers from zero on; equal rows have one number.
class RowNumbers {
public:
  int number(llvm::ArrayRef<int64_t> row) {
    llvm::StringRef bytes(reinterpret_cast<const char *>(row.data()),
                          row.size() * sizeof(int64_t));
    return numbers.try_emplace(bytes, int(numbers.size())).first->second;
  }

private:
  llvm::StringMap<int> numbers;
};

/// The ways to run layers [first, last] as a stack that are compared. Their
/// numbers of layers and tensors count from the first layer and its output.
struct StackCandidates {
  bool mayBe = false; ///< something would be saved (ChooseStacks.cpp)
  std::vector<std::unique_ptr<const Stack>> stacks;
};

struct TilingCache::Impl {
  RowNumbers shapes; ///< of WindowLayer
  /// By shape and the numbers of a placement.
  using TilingKey = std::tuple<uint64_t, uint64_t, uint64_t, uint64_t>;
  llvm::DenseMap<TilingKey, const std::optional<Tiling> *> tilings;
  std::deque<std::optional<Tiling>> chosen;
  std::vector<std::optional<double>> computeEnergy; ///< pJ, by shape
  /// What a stack can see of a layer, and of each run of such layers the
  /// candidates that begin at its first, by the number of layers less two.
  RowNumbers surroundings;
  llvm::StringMap<std::vector<StackCandidates>> stacks;
};

/// Gives a layer that slides a window the number of its shape.
void numberShape(Layer &layer, TilingCache &cache);
void numberShapes(Network &network, TilingCache &cache);

/// chooseTiling(), or what it gave before, for a layer with a number. Valid as
/// long as the cache lives.
const std::optional<Tiling> &chooseTiling(const Layer &layer,
                                          const Placement &placement,
                                          const Machine &machine,
                                          TilingCache &cache);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_TILINGCACHE_H
