//===- NestWalk.h - Tiles of a loop nest that move --------------*- C++ -*-===//

#ifndef ACCOPT_FORMULAS_NESTWALK_H
#define ACCOPT_FORMULAS_NESTWALK_H

#include "accopt/Formulas/LoopNest.h"

#include "llvm/ADT/SmallVector.h"

namespace accopt::formulas {

using Offsets = llvm::SmallVector<int64_t, 4>; ///< by rank of a tensor

/// A loop with the step that it makes in its dimension.
struct PlacedLoop {
  NestLoop loop;
  int64_t step = 1;
  size_t level = 0;
  bool isFanOut = false;
};

/// The loops of a nest, outermost first.
class Placement {
public:
  explicit Placement(const LoopNest &nest);

  /// Extents of the tile of `tensor` that all loops of `level` and of those
  /// below it make.
  Offsets tile(const NestTensor &tensor, size_t level) const;
  /// Words that one instance of `level` ever holds of an output.
  int64_t partition(const NestTensor &tensor, size_t level) const;

  std::vector<PlacedLoop> loops;
};

/// Words that an instance of `level` is filled with, over the whole run.
int64_t countFills(const Placement &placement, const NestTensor &tensor,
                   size_t level);

/// Different tiles of `tensor` among the instances that the fan-out `level`
/// makes.
int64_t countDistinctTiles(const Placement &placement, const NestTensor &tensor,
                           size_t level);

/// The product of extents.
int64_t volume(llvm::ArrayRef<int64_t> extents);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_NESTWALK_H
