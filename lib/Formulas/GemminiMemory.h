//===- GemminiMemory.h - DMA requests, and what the caches have -*- C++ -*-===//
//
// The memory side of the Gemmini model: how the DMA cuts a row of a tile into
// requests, and what share of a tile's lines is still in a cache from the last
// time that the loop nest used them.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_GEMMINIMEMORY_H
#define ACCOPT_FORMULAS_GEMMINIMEMORY_H

#include "GemminiNest.h"

namespace accopt::formulas::gemmini {

/// The mean row of a tile: contiguous bytes, the rows of a tensor apart.
struct RowTraffic {
  double cycles = 0; ///< of its requests if they hit L2
  double lines = 0;  ///< that it touches
  double runs = 0;   ///< moves of up to 64 bytes that touch a new line
};

/// Requests for `bytes` at `offset` of rows that are `rowBytes` apart, cut as
/// StreamReaderCore does (DMA.scala): moves of one line's length, each in
/// aligned requests of 16, 32 or 64 bytes, the one that brings most.
RowTraffic rowTraffic(int64_t rowBytes, int64_t offset, int64_t bytes,
                      const GemminiMachine &machine);

/// The share of `live` lines that are still in a cache of `lines` lines with
/// random replacement after a period that also uses `streaming` other ones, in
/// the steady state: h = exp(-(streaming + (1 - h) live) / lines).
double hitRate(double live, double streaming, double lines);

enum class Tensor { Input, Weights, Output };

/// Cycles per line that a miss costs, by where in the nest the line was used
/// last. Reading; writing costs `storeMissFactor` times that.
class Reuse {
public:
  /// `isWarm`: the layer ran before.
  Reuse(const Nest &nest, const GemminiMachine &machine, bool isWarm);

  /// A line used in the last iteration of the loop over `dim`.
  double since(unsigned dim) const { return afterLoop[nest.position[dim]]; }
  /// A line of `tensor` at `index`, not counting lines shared with its
  /// neighbours: since the innermost loop that repeats the tile, or new.
  double of(Tensor tensor, const GemminiExtents &index) const;
  /// At least what rows of weights that compete for few sets of L2 cost.
  double weights(double cycles) const { return std::max(cycles, selfConflict); }

private:
  double missCycles(double live, double streaming) const;
  double footprint(Tensor tensor, const GemminiExtents &box) const;
  double newShare(Tensor tensor, unsigned dim, const GemminiExtents &box) const;

  const Nest &nest;
  const GemminiMachine &machine;
  std::array<double, numGemminiDims> afterLoop = {};
  double firstUse = 0, selfConflict = 0;
};

} // namespace accopt::formulas::gemmini

#endif // ACCOPT_FORMULAS_GEMMINIMEMORY_H
