//===- Eyeriss.cpp - Row-stationary cycles, accesses and energy -----------===//

#include "accopt/Formulas/Eyeriss.h"

#include "EyerissBlocking.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

using namespace llvm;
using namespace accopt::formulas;

EyerissChip EyerissChip::jssc17() {
  // 30 mW of buffer and registers at 200 MHz are 150 pJ a cycle.
  return {12, 14,    108 * 1024 / 2,          225 + 12 + 24,
          2,  200e6, {2, 1, 4, 15, 460, 150}, "pj"};
}

EyerissChip EyerissChip::isca16() {
  return {16, 16, 128 * 1024 / 2, 512 / 2, 2, 0, {1, 1, 2, 6, 200, 0}, "ops"};
}

ConvShape accopt::formulas::asConvolution(const GemmShape &gemm) {
  ConvShape conv;
  conv.batch = gemm.m;
  conv.inputChannels = gemm.k * gemm.groups;
  conv.outputChannels = gemm.n * gemm.groups;
  conv.groups = gemm.groups;
  return conv;
}

/// Trips of the loops over channels, filters and images of a group. Parts of a
/// map folded in width count as images.
static std::array<int64_t, 3> trips(const ConvShape &conv,
                                    const EyerissMapping &mapping) {
  return {divideUp(conv.inputChannels / conv.groups, mapping.channels),
          divideUp(conv.outputChannels / conv.groups, mapping.filters),
          conv.batch * mapping.foldWidth};
}

int64_t EyerissMapping::passes(const ConvShape &conv) const {
  auto [channelTrips, filterTrips, imageTrips] = trips(conv, *this);
  return conv.groups * channelTrips * filterTrips * imageTrips * foldHeight;
}

int64_t EyerissMapping::cycles(const ConvShape &conv) const {
  return passes(conv) * conv.kernelWidth * conv.outputWidth();
}

EyerissMapping accopt::formulas::mapRowStationary(const ConvShape &conv,
                                                  const EyerissChip &chip) {
  EyerissMapping mapping;
  const int64_t height = conv.kernelHeight, width = conv.outputHeight();
  mapping.foldHeight = divideUp(height, chip.rows);
  mapping.foldWidth = divideUp(width, chip.columns);
  mapping.replicationHeight = std::max<int64_t>(1, chip.rows / height);
  mapping.replicationWidth = std::max<int64_t>(1, chip.columns / width);
  int64_t below = std::min(mapping.replicationHeight, mapping.foldWidth);
  mapping.foldWidth = divideUp(mapping.foldWidth, below);
  mapping.replicationHeight /= below;
  mapping.filters =
      std::min(mapping.replicationHeight * mapping.replicationWidth,
               conv.outputChannels / conv.groups);
  return mapping;
}

/// The ways to share the copies above each other among channels and filters
/// that need the fewest passes. Copies beside each other serve filters only, as
/// inputs move diagonally. In nn_dataflow's order, with its habit of keeping a
/// way that a later one betters.
static SmallVector<EyerissMapping> shareCopies(const ConvShape &conv,
                                               EyerissMapping mapping) {
  SmallVector<EyerissMapping> ways;
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (int64_t share = 1; share <= mapping.replicationHeight; ++share) {
    if (mapping.replicationHeight % share)
      continue;
    mapping.channels = std::min(share, conv.inputChannels / conv.groups);
    mapping.filters =
        std::min(mapping.replicationHeight / share * mapping.replicationWidth,
                 conv.outputChannels / conv.groups);
    int64_t passes = mapping.passes(conv);
    if (passes > fewest)
      continue;
    fewest = passes;
    ways.push_back(mapping);
  }
  return ways;
}

namespace {
/// Words of every level that one group of a layer reads once.
struct Traffic {
  PerTensor dram, buffer, array;
};
} // namespace

/// Words of a fold, by tensor; output rows may be fractions.
static PerTensor foldWords(const ConvShape &conv, double outputRows) {
  double inputRows =
      (outputRows - 1) * double(conv.strideHeight) + double(conv.kernelHeight);
  double inputColumns =
      double((conv.outputWidth() - 1) * conv.strideWidth + conv.kernelWidth);
  return {double(conv.kernelHeight * conv.kernelWidth),
          inputRows * inputColumns, outputRows * double(conv.outputWidth())};
}

/// How many folds each tensor has: one for each pair of its loops' iterations.
static PerTensor foldCounts(const ConvShape &conv, int64_t foldWidth) {
  const int64_t channels = conv.inputChannels / conv.groups;
  const int64_t filters = conv.outputChannels / conv.groups;
  const int64_t images = conv.batch * foldWidth;
  return {double(channels * filters), double(channels * images),
          double(filters * images)};
}

static Traffic trafficOf(const ConvShape &conv, const EyerissMapping &mapping) {
  Traffic traffic;
  double inputColumns =
      double((conv.outputWidth() - 1) * conv.strideWidth + conv.kernelWidth);
  const PerTensor rowWords = {double(conv.kernelWidth), inputColumns,
                              double(conv.outputWidth())};
  PerTensor words =
      foldWords(conv, double(conv.outputHeight()) / double(mapping.foldWidth));
  PerTensor counts = foldCounts(conv, mapping.foldWidth);
  double foldHeight = double(mapping.foldHeight);
  double elements = double(divideUp(conv.kernelHeight, mapping.foldHeight) *
                           divideUp(conv.outputHeight(), mapping.foldWidth)) *
                    foldHeight;
  for (int tensor : {Weights, Inputs, Outputs}) {
    traffic.dram[tensor] = words[tensor] * counts[tensor];
    // Each part of the kernel's rows goes over the maps again.
    traffic.buffer[tensor] =
        traffic.dram[tensor] * (tensor == Weights ? 1 : foldHeight);
    traffic.array[tensor] = rowWords[tensor] * elements * counts[tensor];
  }
  return traffic;
}

static BlockingProblem problemOf(const ConvShape &conv,
                                 const EyerissMapping &mapping,
                                 const EyerissChip &chip,
                                 const Traffic &traffic) {
  BlockingProblem problem;
  problem.counts = trips(conv, mapping);
  problem.bufferUnit =
      foldWords(conv, double(divideUp(conv.outputHeight(), mapping.foldWidth)));
  const PerTensor copies = {double(mapping.channels * mapping.filters),
                            double(mapping.channels), double(mapping.filters)};
  for (int tensor : {Weights, Inputs, Outputs}) {
    problem.bufferUnit[tensor] *= copies[tensor];
    problem.dramPrice[tensor] = traffic.dram[tensor] * chip.prices.dram;
    problem.bufferPrice[tensor] = traffic.buffer[tensor] * chip.prices.buffer +
                                  traffic.array[tensor] * chip.prices.array;
  }
  // A row of the kernel, the inputs below it and one sum.
  problem.registerUnit = {double(conv.kernelWidth), double(conv.kernelWidth),
                          1};
  problem.bufferWords = double(chip.bufferWords);
  problem.registerWords = double(chip.registerWords);
  return problem;
}

double EyerissCost::words(EyerissLevel level) const {
  return accesses[level][Weights] + accesses[level][Inputs] +
         accesses[level][Outputs];
}

double EyerissCost::chipEnergy() const {
  return macEnergy + idleEnergy + levelEnergy[Buffer] + levelEnergy[Array] +
         levelEnergy[Registers];
}

static void setEnergies(EyerissCost &cost, const EyerissPrices &prices) {
  const std::array<double, 4> perWord = {prices.dram, prices.buffer,
                                         prices.array, prices.registers};
  for (EyerissLevel level : {Dram, Buffer, Array, Registers})
    cost.levelEnergy[level] = cost.words(level) * perWord[level];
  cost.macEnergy = double(cost.macs) * prices.mac;
  cost.idleEnergy = double(cost.cycles) * prices.idlePerCycle;
}

Expected<EyerissCost> accopt::formulas::eyerissCost(const ConvShape &conv,
                                                    const EyerissChip &chip) {
  if (conv.dilationHeight != 1 || conv.dilationWidth != 1)
    return createStringError(inconvertibleErrorCode(),
                             "expected dilation 1 for row-stationary, got " +
                                 Twine(conv.dilationHeight) + "x" +
                                 Twine(conv.dilationWidth));
  std::optional<Blocking> best;
  std::pair<double, int64_t> least;
  EyerissCost cost;
  Traffic traffic = {};
  for (const EyerissMapping &way :
       shareCopies(conv, mapRowStationary(conv, chip))) {
    Traffic words = trafficOf(conv, way);
    std::optional<Blocking> found =
        findBlocking(problemOf(conv, way, chip, words));
    if (!found)
      continue;
    // Of equal energies, the one that is sooner done.
    const int64_t cycles = way.cycles(conv);
    const std::pair<double, int64_t> reached = {
        double(conv.groups) * found->energy +
            double(cycles) * chip.prices.idlePerCycle,
        cycles};
    if (best && least <= reached)
      continue;
    best = found;
    least = reached;
    cost.mapping = way;
    traffic = words;
  }
  if (!best)
    return createStringError(
        inconvertibleErrorCode(),
        "expected a layer whose least tile fits " + Twine(chip.bufferWords) +
            " words of buffer and " + Twine(chip.registerWords) +
            " of registers, got a larger one");
  cost.macs = conv.macs();
  cost.cycles = cost.mapping.cycles(conv);
  double groups = double(conv.groups);
  for (int tensor : {Weights, Inputs, Outputs}) {
    cost.accesses[Dram][tensor] =
        groups * traffic.dram[tensor] * best->dramFetches[tensor];
    cost.accesses[Buffer][tensor] =
        groups * traffic.buffer[tensor] * best->bufferFetches[tensor];
    cost.accesses[Array][tensor] =
        groups * traffic.array[tensor] * best->bufferFetches[tensor];
    // A multiply-accumulate reads weight, input and sum and writes the sum.
    cost.accesses[Registers][tensor] =
        double(cost.macs) * (tensor == Outputs ? 2 : 1);
  }
  setEnergies(cost, chip.prices);
  return cost;
}
