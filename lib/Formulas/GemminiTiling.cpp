//===- GemminiTiling.cpp - The tiles that gemmini.h chooses ---------------===//
//
// Part of AccOpt. The search of tiled_conv_auto and tiled_matmul_auto in
// gemmini-rocc-tests' include/gemmini.h, which decides both the tiles and, as
// it runs on the core before each convolution, a good part of the cycles.
//
// tiled_conv_auto starts from the whole layer and, while the tile does not fit
// half of the scratchpad and of the accumulator, shrinks the largest extent:
// channels by 16, others by one. Then it grows the columns, and then every
// extent in turn, one at a time, while that fits. A candidate costs two
// evaluations of the sizes.
//
//===----------------------------------------------------------------------===//

#include "GemminiNest.h"

#include <cmath>

using namespace accopt::formulas;
using namespace accopt::formulas::gemmini;

namespace {

/// tiled_conv_auto for one layer.
class ConvSearch {
public:
  ConvSearch(const GemminiLayer &layer, const GemminiMachine &machine)
      : machine(machine), limit(programExtents(layer)), tile(limit),
        nest(layer, {}, machine) {}

  GemminiTiling run();

private:
  bool fits(const GemminiExtents &candidate) {
    ++steps;
    int64_t outputs = divideUp(candidate[K], machine.dim) * candidate[N] *
                      candidate[Q] * candidate[P];
    return scratchpadRows(candidate, nest.height, nest.width, machine.dim) <=
               machine.scratchpadRows / 2 &&
           outputs <= machine.accumulatorRows / 2;
  }
  void shrink();
  bool grow(unsigned dim);

  const GemminiMachine &machine;
  GemminiExtents limit, tile;
  Nest nest;
  int64_t steps = 0;
};

} // namespace

void ConvSearch::shrink() {
  // The order in which gemmini.h compares: GemminiDim's.
  unsigned largest = N;
  int64_t most = -1;
  for (unsigned d = 0; d < numGemminiDims; ++d) {
    // Columns fill the rows of the mesh; they go last.
    bool isKept = d == P && tile[P] <= machine.dim && tile[Q] > 1;
    if (!isKept && tile[d] > most) {
      most = tile[d];
      largest = d;
    }
  }
  int64_t &extent = tile[largest];
  if (largest != K && largest != C) {
    --extent;
    return;
  }
  int64_t rest = extent % machine.dim;
  extent = std::max<int64_t>(1, extent - (rest ? rest : machine.dim));
}

bool ConvSearch::grow(unsigned dim) {
  GemminiExtents candidate = tile;
  if (++candidate[dim] > limit[dim] || !fits(candidate))
    return false;
  tile = candidate;
  return true;
}

GemminiTiling ConvSearch::run() {
  const GemminiExtents smallest = {1, 1, 1, 1, 1, 1, 1};
  while (!fits(tile) && tile != smallest)
    shrink();
  while (grow(P))
    ;
  bool hasGrown = true;
  while (hasGrown) {
    hasGrown = false;
    for (unsigned d = 0; d < numGemminiDims; ++d)
      hasGrown |= grow(d);
  }
  GemminiTiling tiling;
  tiling.mapping.tile = tile;
  tiling.searchSteps = steps;
  return tiling;
}

/// tiled_matmul_auto: a cube that fits, grown in turn along columns, rows and
/// the reduction. Extents in blocks of the mesh's size.
static GemminiExtents matmulTile(const GemminiLayer &layer,
                                 const GemminiMachine &machine) {
  const int64_t dim = machine.dim;
  const int64_t half = machine.scratchpadRows / 2 / dim;
  const int64_t outputs = machine.accumulatorRows / 2 / dim;
  const int64_t side = int64_t(std::sqrt(double(outputs)));
  int64_t rows = divideUp(layer.p, dim), columns = divideUp(layer.k, dim),
          depth = divideUp(layer.c, dim);
  int64_t i = std::min(rows, side), j = std::min(columns, side),
          k = std::min(depth, half / 2 / side);
  auto fits = [&](int64_t i, int64_t j, int64_t k) {
    return (i + j) * k <= half && i * j <= outputs && i <= rows &&
           j <= columns && k <= depth;
  };
  bool hasGrown = true;
  while (hasGrown) {
    hasGrown = false;
    for (int64_t *extent : {&j, &i, &k}) {
      ++*extent;
      if (fits(i, j, k))
        hasGrown = true;
      else
        --*extent;
    }
  }
  GemminiExtents tile = {1, 1, 1, 1, 1, 1, 1};
  tile[P] = i * dim;
  tile[K] = j * dim;
  tile[C] = k * dim;
  return tile;
}

GemminiTiling
accopt::formulas::gemminiAutoTiling(const GemminiLayer &layer,
                                    const GemminiMachine &machine) {
  if (!layer.isMatmul())
    return ConvSearch(layer, machine).run();
  GemminiTiling tiling;
  tiling.mapping.tile = matmulTile(layer, machine);
  // "CKPQRSN", the innermost loop first.
  tiling.mapping.order = {GemminiDim::N, GemminiDim::S, GemminiDim::R,
                          GemminiDim::Q, GemminiDim::P, GemminiDim::K,
                          GemminiDim::C};
  return tiling;
}
