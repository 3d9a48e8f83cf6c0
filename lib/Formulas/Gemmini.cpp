//===- Gemmini.cpp - Cycles of Gemmini as measured under FireSim ----------===//
//
// Part of AccOpt. Walks over the tiles. A tile is one LOOP_CONV_WS or LOOP_WS:
// its loads, its computes and, if it ends the reduction, its stores, each on a
// unit of its own. The unrollers (LoopConv.scala, LoopMatmul.scala) hold two
// tiles and issue a tile's computes after its last load and its stores after
// its last compute, so with L, E, S the busy times of tile i
//   loaded(i)   = max(loaded(i-1), done(i-2)) + L
//   computed(i) = max(computed(i-1), loaded(i)) + E
//   stored(i)   = max(stored(i-1), computed(i)) + S
// and done(i) is the later of the last two.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/Gemmini.h"

#include "GemminiMemory.h"

#include "llvm/ADT/Twine.h"

#include <cmath>
#include <numeric>
#include <vector>

using namespace llvm;
using namespace accopt::formulas;
using namespace accopt::formulas::gemmini;

Error accopt::formulas::check(const GemminiLayer &layer) {
  constexpr int64_t most = 65535;
  const std::pair<const char *, int64_t> extents[] = {
      {"N", layer.n},
      {"C", layer.c},
      {"K", layer.k},
      {"P", layer.p},
      {"Q", layer.q},
      {"R", layer.r},
      {"S", layer.s},
      {"Wstride", layer.strideWidth},
      {"Hstride", layer.strideHeight},
      {"Wdilation", layer.dilation}};
  double macs = 1;
  for (auto [name, extent] : extents) {
    if (extent < 1 || extent > most)
      return createStringError("expected " + Twine(name) + " in [1, " +
                               Twine(most) + "], got " + Twine(extent));
    macs *= double(extent);
  }
  macs /= double(layer.strideWidth * layer.strideHeight * layer.dilation);
  if (macs > double(int64_t(1) << 48))
    return createStringError(
        "expected at most 2^48 multiply-accumulates, got more");
  if (layer.p * layer.strideWidth > most || layer.q * layer.strideHeight > most)
    return createStringError("expected an input of at most " + Twine(most) +
                             " rows and columns, got " +
                             Twine(layer.q * layer.strideHeight) + " by " +
                             Twine(layer.p * layer.strideWidth));
  return Error::success();
}

namespace {

/// Busy cycles of one tile.
struct TileCost {
  double load = 0, execute = 0, store = 0;
  bool isStored = false;
};

/// Prices a layer's tiles.
class TilePricer {
public:
  TilePricer(const Nest &nest, const GemminiMachine &machine, bool isWarm);

  TileCost cost(const GemminiExtents &index) const;

private:
  double inputMisses(const GemminiExtents &index, const GemminiExtents &size,
                     const Span &rows, const Span &columns) const;
  double weightMisses(const GemminiExtents &index, double rows) const;
  double executeCycles(const GemminiExtents &size) const;
  double storeCycles(const GemminiExtents &index,
                     const GemminiExtents &size) const;
  /// Whether the tile begins inside a line that the tile before it used.
  bool sharesLine(unsigned dim, const GemminiExtents &index) const {
    return index[dim] * nest.tile[dim] % machine.lineBytes != 0;
  }
  double linesOf(unsigned dim, const RowTraffic &row) const {
    return nest.count[dim] == 1
               ? double(nest.extent[dim]) / double(machine.lineBytes)
               : row.lines;
  }
  int64_t blocks(int64_t extent) const { return divideUp(extent, machine.dim); }
  int64_t moves(int64_t extent) const {
    return divideUp(extent, machine.lineBytes);
  }

  const Nest &nest;
  const GemminiMachine &machine;
  Reuse reuse;
  /// For each tile along C, rows of inputs; along K, of weights and outputs.
  std::vector<RowTraffic> inputRows, outputRows;
  double conflict = 1;
  bool isOverHalf = false;
};

std::vector<RowTraffic> rowsAlong(const Nest &nest, unsigned dim,
                                  const GemminiMachine &machine) {
  std::vector<RowTraffic> rows;
  for (int64_t i = 0; i < nest.count[dim]; ++i) {
    int64_t offset = i * nest.tile[dim];
    rows.push_back(rowTraffic(
        nest.extent[dim], offset,
        std::min(nest.tile[dim], nest.extent[dim] - offset), machine));
  }
  return rows;
}

} // namespace

TilePricer::TilePricer(const Nest &nest, const GemminiMachine &machine,
                       bool isWarm)
    : nest(nest), machine(machine), reuse(nest, machine, isWarm),
      inputRows(rowsAlong(nest, C, machine)),
      outputRows(rowsAlong(nest, K, machine)) {
  double power = double(std::gcd(nest.extent[K], int64_t(1024)));
  conflict = 1 + machine.conflictFactor * power / double(machine.lineBytes);
  int64_t rows = nest.isMatmul ? matmulScratchpadRows(nest.tile, machine.dim)
                               : scratchpadRows(nest.tile, nest.height,
                                                nest.width, machine.dim);
  isOverHalf = rows > machine.scratchpadRows / 2;
}

/// Cycles beyond hits for a tile's inputs: pixels that are new to the nest, or
/// that the tile above or to the left has read too.
double TilePricer::inputMisses(const GemminiExtents &index,
                               const GemminiExtents &size, const Span &rows,
                               const Span &columns) const {
  double base = reuse.of(Tensor::Input, index);
  for (unsigned kernel : {S, R})
    if (index[kernel] > 0)
      base = std::min(base, reuse.since(kernel));
  double lines = linesOf(C, inputRows[index[C]]);
  double shared = nest.count[C] > 1 && sharesLine(C, index) ? 1 : 0;
  double above = base, left = base;
  if (index[Q] > 0)
    above = std::min(base, reuse.since(Q));
  if (index[P] > 0)
    left = std::min(base, reuse.since(P));
  double fresh = double(rows.fresh * columns.fresh);
  double cycles = fresh * ((lines - shared) * base +
                           shared * std::min(base, reuse.since(C)));
  cycles += double((rows.inside - rows.fresh) * columns.inside) * lines * above;
  cycles +=
      double(rows.fresh * (columns.inside - columns.fresh)) * lines * left;
  return double(size[N]) * cycles;
}

double TilePricer::weightMisses(const GemminiExtents &index,
                                double rows) const {
  const RowTraffic &row = outputRows[index[K]];
  double base = reuse.of(Tensor::Weights, index);
  double lines = linesOf(K, row);
  double shared = nest.count[K] > 1 && sharesLine(K, index) ? 1 : 0;
  double neighbour = std::min(base, reuse.since(K));
  double cycles = (lines - shared) * reuse.weights(base) +
                  shared * reuse.weights(neighbour);
  return rows * cycles * (1 + (conflict - 1) * row.runs / row.lines);
}

/// A block of 16 x 16 weights is preloaded for 16 cycles during the last
/// compute with the one before; each compute takes a cycle per row, at least
/// four (ExecuteController.scala). Computes that are too short for the
/// reservation station to hide the pipeline take computeCycles instead.
double TilePricer::executeCycles(const GemminiExtents &size) const {
  const int64_t dim = machine.dim;
  int64_t full = size[P] / dim, rest = size[P] % dim;
  double last = rest ? double(std::max<int64_t>(rest, 4)) : double(dim);
  double lines = double(size[N] * size[Q]);
  double rows = lines * (double(full * dim) + (rest ? last : 0));
  double computes = lines * double(full + (rest ? 1 : 0));
  double weights =
      double(blocks(size[K]) * blocks(size[C]) * size[S] * size[R]);
  return weights * std::max(rows - last + std::max(last, double(dim)),
                            machine.computeCycles * computes);
}

/// Convolutions store rows of 16 channels, products of 64.
double TilePricer::storeCycles(const GemminiExtents &index,
                               const GemminiExtents &size) const {
  double pixels = double(size[N] * size[Q] * size[P]);
  double rows =
      pixels * double(nest.isMatmul ? moves(size[K]) : blocks(size[K]));
  double base = reuse.of(Tensor::Output, index);
  double lines = linesOf(K, outputRows[index[K]]);
  double shared = nest.count[K] > 1 && sharesLine(K, index) ? 1 : 0;
  double misses =
      (lines - shared) * base + shared * std::min(base, reuse.since(K));
  return rows * machine.storeRowCycles +
         machine.storeMissFactor * pixels * misses;
}

TileCost TilePricer::cost(const GemminiExtents &index) const {
  GemminiExtents size;
  bool isFirst = true;
  TileCost cost;
  cost.isStored = true;
  for (unsigned d = 0; d < numGemminiDims; ++d)
    size[d] = std::min(nest.tile[d], nest.extent[d] - index[d] * nest.tile[d]);
  for (unsigned d : {S, R, C}) {
    isFirst &= index[d] == 0;
    cost.isStored &= index[d] == nest.count[d] - 1;
  }

  Span rows = nest.rows(index, size), columns = nest.columns(index, size);
  double pixels = double(size[N] * rows.inside * columns.inside);
  double zeros = double(size[N] * rows.all * columns.all) - pixels;
  double weights = double(size[S] * size[R] * size[C]);
  cost.load = pixels * inputRows[index[C]].cycles +
              inputMisses(index, size, rows, columns) +
              weights * outputRows[index[K]].cycles +
              weightMisses(index, weights) + zeros * double(moves(size[C]));
  // Without a bias the accumulator is filled with zeros, a row a cycle.
  if (isFirst)
    cost.load += double(size[N] * size[Q] * size[P] * blocks(size[K]));
  if (isOverHalf)
    cost.load +=
        machine.hazardCycles *
        double(size[N] * rows.inside * blocks(columns.inside) * moves(size[C]));
  cost.execute = executeCycles(size);
  if (cost.isStored)
    cost.store = storeCycles(index, size);
  return cost;
}

/// The recurrence at the top of this file.
static GemminiCost walk(const GemminiLayer &layer,
                        const GemminiMapping &mapping,
                        const GemminiMachine &machine, bool isWarm) {
  Nest nest(layer, mapping, machine);
  TilePricer pricer(nest, machine, isWarm);
  GemminiCost sum;
  sum.tiles = nest.tiles();
  double issued = 0, loaded = 0, computed = 0, stored = 0;
  double done = 0, doneBefore = 0; // of the last tile and the one before it
  GemminiExtents index = {};
  for (int64_t i = 0; i < sum.tiles; ++i) {
    TileCost tile = pricer.cost(index);
    issued = std::max(issued + machine.tileCycles, doneBefore);
    loaded = std::max(loaded, issued) + tile.load;
    computed =
        std::max(computed, loaded + machine.pipelineCycles) + tile.execute;
    if (tile.isStored)
      stored = std::max(stored, computed + machine.pipelineCycles) + tile.store;
    doneBefore = done;
    done = tile.isStored ? stored : computed;
    sum.load += tile.load;
    sum.execute += tile.execute;
    sum.store += tile.store;
    for (unsigned loop = numGemminiDims; loop-- > 0;) {
      if (++index[nest.order[loop]] < nest.count[nest.order[loop]])
        break;
      index[nest.order[loop]] = 0;
    }
  }
  sum.cycles =
      uint64_t(std::llround(std::max(done, doneBefore) + machine.startCycles));
  return sum;
}

GemminiCost accopt::formulas::gemminiCost(const GemminiLayer &layer,
                                          const GemminiMapping &mapping,
                                          const GemminiMachine &machine) {
  return walk(layer, mapping, machine, /*isWarm=*/true);
}

GemminiCost
accopt::formulas::gemminiAutoTilingCost(const GemminiLayer &layer,
                                        const GemminiMachine &machine) {
  GemminiTiling tiling = gemminiAutoTiling(layer, machine);
  // The program for products has the same small arrays for all layers.
  GemminiCost cost =
      walk(layer, tiling.mapping, machine, /*isWarm=*/layer.isMatmul());
  cost.search = machine.searchStepCycles * double(tiling.searchSteps);
  cost.cycles += uint64_t(std::llround(cost.search));
  return cost;
}

uint64_t accopt::formulas::gemminiCycles(const GemminiLayer &layer,
                                         const GemminiMapping &mapping,
                                         const GemminiMachine &machine) {
  return gemminiCost(layer, mapping, machine).cycles;
}

uint64_t
accopt::formulas::gemminiAutoTilingCycles(const GemminiLayer &layer,
                                          const GemminiMachine &machine) {
  return gemminiAutoTilingCost(layer, machine).cycles;
}
