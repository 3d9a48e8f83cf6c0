//===- FormulasLoopNestTest.cpp - Timeloop's example designs --------------===//
//
// The default problem of the repository timeloop-accelergy-exercises
// (workspace/example_designs, commit 67b75f24): a convolution of 3 channels to
// 32 filters, 3 x 3, stride 2, 112 x 112 outputs. Mappings are its
// ref_outputs/default_problem/timeloop-mapper.map.txt, prices its ERT.yaml,
// expected figures its stats.txt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/LoopNest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace accopt::formulas;

namespace {

constexpr unsigned W = 1 << ConvWeights, I = 1 << ConvInputs,
                   O = 1 << ConvOutputs;

NestLevel memory(std::string name, unsigned keeps, std::vector<NestLoop> loops,
                 NestPrices prices) {
  return {std::move(name), false, keeps, std::move(loops), prices};
}

NestLevel fanOut(std::vector<NestLoop> loops) {
  return {"fan-out", true, 0, std::move(loops)};
}

LoopNest convolution(double computeEnergy, std::vector<NestLevel> levels) {
  return {7, convolutionTensors(2, 2), std::move(levels), computeEnergy};
}

/// Reads, fills and updates of one instance.
struct Counts {
  size_t level;
  ConvTensor tensor;
  int64_t tile, reads, fills, updates;
};

void expectCounts(const NestCost &cost, const std::vector<Counts> &expected) {
  for (const Counts &counts : expected) {
    const NestAccesses &accesses =
        cost.levels[counts.level].accesses[counts.tensor];
    SCOPED_TRACE("level " + std::to_string(counts.level) + ", tensor " +
                 std::to_string(counts.tensor));
    EXPECT_EQ(accesses.tileWords, counts.tile);
    EXPECT_EQ(accesses.reads, counts.reads);
    EXPECT_EQ(accesses.fills, counts.fills);
    EXPECT_EQ(accesses.updates, counts.updates);
  }
}

/// `levels`: fJ for each operation as stats.txt prints them, by level.
void expectEnergies(const NestCost &cost, double microjoules,
                    const std::vector<std::pair<size_t, double>> &levels) {
  EXPECT_EQ(cost.computes, 10838016);
  for (auto [level, energy] : levels)
    EXPECT_NEAR(cost.levels[level].energy * 1e3 / double(cost.computes), energy,
                0.0051)
        << "level " << level;
  EXPECT_NEAR(cost.energy() / 1e6, microjoules, 0.0051);
}

// In simple_weight_stationary and simple_output_stationary.
const NestPrices simpleDram = {512, 512, 512, 0, 4};
const NestPrices simpleBuffer = {32.377775, 26.156875, 26.156875, 0.005353, 4};
const NestPrices simpleSpad = {0.680237, 1.582678, 1.582678, 0.001165, 1};
const NestPrices simpleRegister = {0.144, 0, 0, 0, 1};
} // namespace

TEST(LoopNest, EyerissLike) {
  auto cost = llvm::cantFail(loopNestCost(convolution(
      0.207692,
      {memory("DRAM", W | I | O, {{DimP, 8}, {DimQ, 2}, {DimM, 4}},
              {512, 512, 512, 0, 8}),
       memory("shared_glb", I | O, {{DimP, 14}, {DimQ, 4}},
              {18.183829, 14.137929, 14.137929, 0.005652, 8}),
       fanOut({{DimQ, 14}}), fanOut({{DimC, 3}, {DimS, 3}}),
       memory("ifmap_spad", I, {}, {0.202442, 0.176713, 0.176713, 0.000101, 2}),
       memory("weights_spad", W, {{DimR, 3}},
              {1.976602, 1.881657, 1.881657, 0.001592, 2}),
       memory("psum_spad", O, {{DimM, 8}},
              {0.2513, 0.2191, 0.2191, 0.000134, 1})})));
  EXPECT_EQ(cost.cycles, 86016);
  EXPECT_EQ(cost.levels.back().instances, 126);
  expectCounts(cost, {{6, ConvOutputs, 8, 57344, 0, 86016},
                      {5, ConvWeights, 24, 86016, 1536, 0},
                      {4, ConvInputs, 3, 86016, 10752, 0},
                      {1, ConvInputs, 9831, 1354752, 157296, 0},
                      {1, ConvOutputs, 6272, 0, 0, 401408},
                      {0, ConvWeights, 864, 13824, 0, 0},
                      {0, ConvInputs, 151875, 157296, 0, 0},
                      {0, ConvOutputs, 401408, 0, 0, 401408}});
  expectEnergies(
      cost, 59.28,
      {{6, 386.77}, {5, 1006.69}, {4, 112.37}, {1, 375.27}, {0, 3380.86}});
}

TEST(LoopNest, SimbaLike) {
  auto cost = llvm::cantFail(loopNestCost(convolution(
      0.315, {memory("DRAM", W | I | O, {{DimQ, 28}}, {512, 512, 512, 0, 8}),
              memory("GlobalBuffer", I | O, {{DimP, 4}},
                     {51.870888, 66.310888, 66.310888, 0.003241, 32}),
              fanOut({{DimC, 3}, {DimM, 4}}),
              memory("PEInputBuffer", I, {{DimQ, 4}},
                     {242.079552, 241.503552, 241.503552, 0.207488, 8}),
              fanOut({{DimM, 4}}),
              memory("PEWeightBuffer", W, {{DimR, 3}, {DimP, 4}, {DimS, 3}},
                     {121.36387, 120.78787, 120.78787, 0.104535, 8}),
              memory("PEAccuBuffer", O, {{DimM, 2}, {DimP, 7}},
                     {3.091057, 2.875058, 2.875058, 0.003416, 1}),
              // Clusters of 64 registers, 4 of them in use by 12 registers
              // each. Their leakage is for each register.
              memory("PEWeightRegs", W, {},
                     {0.259899, 0.080139, 0.080139, 0.000169, 1, 12})})));
  EXPECT_EQ(cost.cycles, 225792);
  EXPECT_EQ(cost.levels.back().instances, 48);
  expectCounts(cost, {{7, ConvWeights, 1, 225792, 32256, 0},
                      {6, ConvOutputs, 14, 200704, 50176, 225792},
                      {5, ConvWeights, 18, 32256, 18, 0},
                      {3, ConvInputs, 513, 225792, 56700, 0},
                      {1, ConvInputs, 6075, 170100, 151875, 0},
                      {1, ConvOutputs, 14336, 802816, 0, 1204224},
                      {0, ConvWeights, 864, 864, 0, 0},
                      {0, ConvInputs, 151875, 151875, 0, 0},
                      {0, ConvOutputs, 401408, 0, 0, 401408}});
  expectEnergies(cost, 239.15,
                 {{7, 22.78},
                  {6, 6264.98},
                  {5, 2273.35},
                  {3, 9512.16},
                  {1, 404.87},
                  {0, 3272.35}});
}

TEST(LoopNest, SimpleOutputStationary) {
  auto cost = llvm::cantFail(loopNestCost(convolution(
      0.315,
      {memory("DRAM", W | I | O, {{DimP, 2}, {DimQ, 8}, {DimM, 2}}, simpleDram),
       memory("shared_glb", W | I, {{DimQ, 14}, {DimR, 3}}, simpleBuffer),
       fanOut({{DimM, 16}}),
       memory("pe_spad", O, {{DimC, 3}, {DimP, 4}, {DimS, 3}}, simpleSpad),
       memory("weight_reg", W, {{DimP, 14}}, simpleRegister),
       memory("input_activation_reg", I, {}, simpleRegister),
       memory("output_activation_reg", O, {}, simpleRegister)})));
  EXPECT_EQ(cost.cycles, 677376);
  EXPECT_EQ(cost.levels.back().instances, 16);
  expectCounts(cost, {{6, ConvOutputs, 1, 652288, 652288, 677376},
                      {5, ConvInputs, 1, 677376, 677376, 0},
                      {4, ConvWeights, 1, 677376, 48384, 0},
                      {3, ConvOutputs, 56, 652288, 0, 677376},
                      {1, ConvWeights, 432, 774144, 13824, 0},
                      {1, ConvInputs, 9831, 677376, 157296, 0},
                      {0, ConvWeights, 864, 13824, 0, 0},
                      {0, ConvInputs, 151875, 157296, 0, 0},
                      {0, ConvOutputs, 401408, 0, 0, 401408}});
  expectEnergies(cost, 118.46,
                 {{6, 138.67},
                  {5, 144.00},
                  {4, 144.00},
                  {3, 2238.89},
                  {1, 1187.66},
                  {0, 6761.72}});
}

TEST(LoopNest, SimpleWeightStationary) {
  auto cost = llvm::cantFail(loopNestCost(convolution(
      0.315,
      {memory("DRAM", W | I | O, {{DimQ, 14}}, simpleDram),
       memory("shared_glb", W | I | O, {{DimS, 3}, {DimP, 2}, {DimM, 8}},
              simpleBuffer),
       fanOut({{DimM, 4}, {DimC, 3}}),
       memory("pe_spad", W, {{DimR, 3}, {DimQ, 2}, {DimP, 2}}, simpleSpad),
       memory("weight_reg", W, {{DimP, 28}, {DimQ, 4}}, simpleRegister),
       memory("input_activation_reg", I, {}, simpleRegister),
       memory("output_activation_reg", O, {}, simpleRegister)})));
  EXPECT_EQ(cost.cycles, 903168);
  EXPECT_EQ(cost.levels.back().instances, 12);
  expectCounts(cost, {{6, ConvOutputs, 1, 802816, 802816, 903168},
                      {5, ConvInputs, 1, 903168, 903168, 0},
                      {4, ConvWeights, 1, 903168, 2016, 0},
                      {3, ConvWeights, 3, 2016, 2016, 0},
                      {1, ConvWeights, 864, 24192, 864, 0},
                      {1, ConvInputs, 11475, 2709504, 151875, 0},
                      {1, ConvOutputs, 28672, 3211264, 0, 3612672},
                      {0, ConvWeights, 864, 864, 0, 0},
                      {0, ConvInputs, 151875, 151875, 0, 0},
                      {0, ConvOutputs, 401408, 0, 0, 401408}});
  expectEnergies(cost, 151.67,
                 {{6, 128.00},
                  {5, 144.00},
                  {4, 144.00},
                  {3, 6.22},
                  {1, 6712.38},
                  {0, 6544.64}});
}

TEST(LoopNest, ByHand) {
  // Outputs p = 0..3 of a row of 6 inputs and 3 weights; one register for each
  // tensor. DRAM: p { r { } }.
  LoopNest nest;
  nest.dimensions = 2; // p, r
  nest.tensors = {{"weights", {{{1}}}},
                  {"inputs", {{{0}, {1}}}},
                  {"outputs", {{{0}}}, true}};
  nest.levels = {memory("DRAM", 7, {{0, 4}}, {1, 1, 1, 0, 2}),
                 memory("buffer", 7, {{1, 3}}, {0.1, 0.1, 0.1, 0.01, 1})};
  auto cost = llvm::cantFail(loopNestCost(nest));
  EXPECT_EQ(cost.cycles, 12);
  expectCounts(cost, {{1, ConvWeights, 3, 12, 3, 0},
                      // Three inputs, then one more for each output.
                      {1, ConvInputs, 3, 12, 6, 0},
                      {1, ConvOutputs, 1, 8, 0, 12},
                      {0, ConvWeights, 3, 3, 0, 0},
                      {0, ConvInputs, 6, 6, 0, 0},
                      {0, ConvOutputs, 4, 0, 0, 4}});
  EXPECT_NEAR(cost.levels[0].energy, 2 + 3 + 2, 1e-12);
  EXPECT_NEAR(cost.levels[1].energy, 0.1 * (12 + 3 + 12 + 6 + 8 + 12) + 0.12,
              1e-12);
}

TEST(LoopNest, Refuses) {
  auto errorOf = [](const LoopNest &nest) {
    return llvm::toString(loopNestCost(nest).takeError());
  };
  LoopNest nest = convolution(0, {memory("DRAM", W | I, {}, {})});
  EXPECT_EQ(errorOf(nest),
            "expected an outermost level that keeps every tensor");
  nest.levels = {memory("DRAM", W | I | O, {{9, 2}}, {})};
  EXPECT_EQ(errorOf(nest), "level 'DRAM': expected a dimension below 7, got 9");
  nest.levels = {memory("DRAM", W | I | O, {{1, 0}}, {})};
  EXPECT_THAT(errorOf(nest), testing::HasSubstr("at least 1"));
  nest.levels[0].loops = {{1, int64_t(1) << 40}, {2, int64_t(1) << 40}};
  EXPECT_THAT(errorOf(nest), testing::HasSubstr("at most 2^53"));
  nest.levels = {memory("DRAM", W | I | O, {}, {}),
                 fanOut({{1, 1 << 11}, {2, 1 << 10}})};
  EXPECT_EQ(errorOf(nest),
            "expected fan-outs of at most 1048576 instances in all, got "
            "2097152");
  nest.levels.resize(1);
  nest.levels[0].loops.assign(25, {1, 2});
  EXPECT_THAT(errorOf(nest), testing::HasSubstr("24 temporal loops, got 25"));
}

namespace {

/// Runs the nest of a product cycle by cycle and keeps, for instance 0 of every
/// level, which tile of each tensor it holds. All tiles of a product are equal
/// or have nothing in common, so an exchange is always a whole tile.
class Machine {
public:
  explicit Machine(const LoopNest &nest) : nest(nest) {
    for (size_t level = 0; level < nest.levels.size(); ++level)
      for (const NestLoop &loop : nest.levels[level].loops)
        places.push_back({level, loop, 1});
    std::map<unsigned, int64_t> inner;
    for (size_t i = places.size(); i-- > 0;) {
      int64_t &step = inner.emplace(places[i].loop.dimension, 1).first->second;
      places[i].step = step;
      step *= places[i].loop.count;
    }
  }

  /// Visits all points of the loops that `select` chooses, in order; the
  /// others stay at 0.
  template <typename Select, typename Visit>
  void run(Select select, Visit visit) const {
    std::vector<int64_t> at(places.size(), 0);
    while (true) {
      visit(at);
      size_t i = places.size();
      while (i > 0 && (!select(places[i - 1]) ||
                       ++at[i - 1] == places[i - 1].loop.count))
        at[--i] = 0;
      if (i == 0)
        return;
    }
  }

  struct Place {
    size_t level;
    NestLoop loop;
    int64_t step;
  };
  bool isFanOut(const Place &place) const {
    return nest.levels[place.level].isFanOut;
  }

  /// Where a tensor's indices are, by loops above `level` only.
  std::vector<int64_t> tile(const NestTensor &tensor, size_t level,
                            const std::vector<int64_t> &at) const {
    std::vector<int64_t> index;
    for (const auto &rank : tensor.ranks) {
      index.push_back(0);
      for (size_t i = 0; i < places.size(); ++i)
        if (places[i].level < level &&
            places[i].loop.dimension == rank[0].dimension)
          index.back() += at[i] * places[i].step;
    }
    return index;
  }

  const LoopNest &nest;
  std::vector<Place> places;
};

/// Words that one level exchanges of one tensor: all arrivals, and first ones.
struct Exchanges {
  int64_t words = 0, fresh = 0;
};

Exchanges exchangesOf(const Machine &machine, const NestTensor &tensor,
                      size_t level) {
  std::set<std::vector<int64_t>> words;
  machine.run([&](const auto &place) { return place.level >= level; },
              [&](const auto &at) {
                words.insert(
                    machine.tile(tensor, machine.nest.levels.size(), at));
              });
  std::vector<int64_t> held;
  std::set<std::vector<int64_t>> seen;
  int64_t arrivals = 0;
  machine.run([&](const auto &place) { return !machine.isFanOut(place); },
              [&](const auto &at) {
                auto now = machine.tile(tensor, level, at);
                arrivals += now != held;
                seen.insert(now);
                held = std::move(now);
              });
  return {arrivals * int64_t(words.size()),
          int64_t(seen.size()) * int64_t(words.size())};
}

/// Different tiles at one time among the instances of `child` below `parent`.
int64_t receiversOf(const Machine &machine, const NestTensor &tensor,
                    size_t parent, size_t child) {
  std::set<std::vector<int64_t>> tiles;
  machine.run(
      [&](const auto &place) {
        return machine.isFanOut(place) && place.level > parent &&
               place.level < child;
      },
      [&](const auto &at) { tiles.insert(machine.tile(tensor, child, at)); });
  return int64_t(tiles.size());
}
} // namespace

TEST(LoopNest, ProductsAgreeWithStepping) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  auto below = [&](int n) {
    return std::uniform_int_distribution<int>(0, n - 1)(random);
  };
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    LoopNest nest;
    nest.dimensions = 3; // m, n, k
    nest.tensors = {{"a", {{{0}}, {{2}}}},
                    {"b", {{{2}}, {{1}}}},
                    {"z", {{{0}}, {{1}}}, true}};
    int levels = 2 + below(3);
    for (int level = 0; level < levels; ++level) {
      unsigned keeps = level ? unsigned(below(8)) : 7u;
      nest.levels.push_back(memory("memory", keeps, {}, {}));
      if (below(2))
        nest.levels.push_back(fanOut({}));
    }
    for (NestLevel &level : nest.levels)
      for (unsigned dimension : {0, 1, 2})
        if (below(3) == 0)
          level.loops.push_back({dimension, 1 + below(3)});
    for (NestLevel &level : nest.levels)
      std::shuffle(level.loops.begin(), level.loops.end(), random);

    auto cost = llvm::cantFail(loopNestCost(nest));
    Machine machine(nest);
    for (size_t tensor = 0; tensor < 3; ++tensor) {
      const NestTensor &shape = nest.tensors[tensor];
      size_t child = nest.levels.size();
      Exchanges below = {cost.cycles, 0};
      for (size_t level = nest.levels.size(); level-- > 0;) {
        if (!(nest.levels[level].keeps >> tensor & 1))
          continue;
        const NestAccesses &accesses = cost.levels[level].accesses[tensor];
        Exchanges own = exchangesOf(machine, shape, level);
        int64_t moved = below.words * receiversOf(machine, shape, level, child);
        EXPECT_EQ(shape.isOutput ? accesses.updates : accesses.reads, moved);
        if (shape.isOutput) {
          EXPECT_EQ(accesses.reads, moved - own.fresh);
        }
        if (level) {
          EXPECT_EQ(accesses.fills,
                    own.words - (shape.isOutput ? own.fresh : 0));
        }
        below = own;
        child = level;
      }
    }
  }
}
