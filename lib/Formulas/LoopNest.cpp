//===- LoopNest.cpp - Accesses and energy of a mapped loop nest -----------===//
//
// For each tensor the levels that keep it form a chain that ends in the
// arithmetic. What an instance of a level is filled with in all is found by
// walking through the temporal loops above it (NestWalk.h); what its parent
// reads is that times the number of different tiles among the instances in
// between.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/LoopNest.h"

#include "NestWalk.h"

#include "accopt/Formulas/Layers.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace accopt::formulas;

/// Tiles of instances are told apart one by one.
static constexpr int64_t maxInstances = 1 << 20;

/// Accesses to tensor `index` at every level that keeps it.
static void addAccesses(const LoopNest &nest, const Placement &placement,
                        size_t index, NestCost &cost) {
  const NestTensor &tensor = nest.tensors[index];
  int64_t tilesBelow = 1;
  int64_t fillsBelow = cost.cycles;
  for (size_t level = nest.levels.size(); level-- > 0;) {
    if (nest.levels[level].isFanOut)
      tilesBelow *= countDistinctTiles(placement, tensor, level);
    if (!(nest.levels[level].keeps >> index & 1))
      continue;
    NestAccesses &accesses = cost.levels[level].accesses[index];
    accesses.tileWords = volume(placement.tile(tensor, level));
    int64_t fills = level ? countFills(placement, tensor, level) : 0;
    if (tensor.isOutput) {
      // Every sum that leaves below arrives here; all but the first of each
      // word are added to what is read. What comes down again is no new word.
      int64_t words = placement.partition(tensor, level);
      accesses.updates = fillsBelow * tilesBelow;
      accesses.reads = accesses.updates - words;
      accesses.fills = level ? fills - words : 0;
    } else {
      accesses.reads = fillsBelow * tilesBelow;
      accesses.fills = fills;
    }
    fillsBelow = fills;
    tilesBelow = 1;
  }
}

static double energyOf(const NestLevelCost &cost, const NestPrices &prices,
                       int64_t cycles) {
  auto vectors = [&](int64_t words) {
    return double(divideUp(words, prices.wordsPerAccess));
  };
  double energy = 0;
  for (const NestAccesses &accesses : cost.accesses)
    energy += vectors(accesses.reads) * prices.read +
              vectors(accesses.fills) * prices.write +
              vectors(accesses.updates) * prices.update;
  return double(cost.instances) * (energy / double(prices.instancesPerAccess) +
                                   prices.leakPerCycle * double(cycles));
}

static Error checkNest(const LoopNest &nest) {
  auto fail = [](const Twine &message) {
    return createStringError(inconvertibleErrorCode(), message);
  };
  unsigned all = (1u << nest.tensors.size()) - 1;
  if (nest.levels.empty() || (nest.levels.front().keeps & all) != all)
    return fail("expected an outermost level that keeps every tensor");
  for (const NestTensor &tensor : nest.tensors)
    for (const std::vector<NestTerm> &rank : tensor.ranks)
      if (tensor.isOutput && rank.size() != 1)
        return fail("tensor '" + tensor.name +
                    "': expected one dimension for each rank of an output, "
                    "got " +
                    Twine(rank.size()));
  int64_t product = 1;
  int64_t fanOut = 1;
  unsigned temporal = 0;
  for (const NestLevel &level : nest.levels)
    for (const NestLoop &loop : level.loops) {
      if (loop.dimension >= nest.dimensions)
        return fail("level '" + level.name + "': expected a dimension below " +
                    Twine(nest.dimensions) + ", got " + Twine(loop.dimension));
      if (loop.count < 1 || loop.count > maxMacs / product)
        return fail("level '" + level.name +
                    "': expected loop counts of at least 1 with a product of "
                    "at most 2^53, got " +
                    Twine(loop.count));
      product *= loop.count;
      temporal += !level.isFanOut && loop.count > 1;
      fanOut *= level.isFanOut ? loop.count : 1;
    }
  if (fanOut > maxInstances)
    return fail("expected fan-outs of at most " + Twine(maxInstances) +
                " instances in all, got " + Twine(fanOut));
  if (temporal > 24)
    return fail("expected at most 24 temporal loops, got " + Twine(temporal));
  return Error::success();
}

double NestCost::energy() const {
  double energy = computeEnergy;
  for (const NestLevelCost &level : levels)
    energy += level.energy;
  return energy;
}

Expected<NestCost> accopt::formulas::loopNestCost(const LoopNest &nest) {
  if (Error error = checkNest(nest))
    return std::move(error);
  Placement placement(nest);
  NestCost cost;
  cost.cycles = cost.computes = 1;
  for (const NestLevel &level : nest.levels) {
    cost.levels.emplace_back();
    cost.levels.back().instances = cost.computes / cost.cycles;
    cost.levels.back().accesses.resize(nest.tensors.size());
    for (const NestLoop &loop : level.loops) {
      cost.computes *= loop.count;
      cost.cycles *= level.isFanOut ? 1 : loop.count;
    }
  }
  for (size_t tensor = 0; tensor < nest.tensors.size(); ++tensor)
    addAccesses(nest, placement, tensor, cost);
  for (auto [level, made] : zip(nest.levels, cost.levels))
    made.energy = energyOf(made, level.prices, cost.cycles);
  cost.computeEnergy = double(cost.computes) * nest.computeEnergy;
  return cost;
}

std::vector<NestTensor>
accopt::formulas::convolutionTensors(int64_t strideHeight,
                                     int64_t strideWidth) {
  return {{"weights", {{{DimC}}, {{DimM}}, {{DimR}}, {{DimS}}}},
          {"inputs",
           {{{DimN}},
            {{DimC}},
            {{DimP, strideHeight}, {DimR}},
            {{DimQ, strideWidth}, {DimS}}}},
          {"outputs", {{{DimN}}, {{DimM}}, {{DimP}}, {{DimQ}}}, true}};
}
