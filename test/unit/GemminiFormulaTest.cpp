//===- GemminiFormulaTest.cpp - The Gemmini model by hand -----------------===//

#include "accopt/Formulas/GemminiReport.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace accopt::formulas;
using llvm::StringRef;

namespace {

constexpr unsigned at(GemminiDim dim) { return unsigned(dim); }

/// A machine whose caches always hit, and where a beat, a row moved out and
/// nothing else takes a cycle.
GemminiMachine idealMachine() {
  GemminiMachine machine;
  machine.requestCycles = 1;
  machine.llcLineCycles = machine.dramLineCycles = 0;
  machine.storeRowCycles = 1;
  machine.computeCycles = machine.hazardCycles = machine.startCycles = 0;
  machine.tileCycles = machine.pipelineCycles = 0;
  machine.searchStepCycles = 10;
  return machine;
}

GemminiLayer product(int64_t p, int64_t c, int64_t k) {
  GemminiLayer layer;
  layer.p = p;
  layer.c = c;
  layer.k = k;
  return layer;
}

GemminiLayer convolution(int64_t c, int64_t k, int64_t outputs, int64_t kernel,
                         int64_t stride = 1) {
  GemminiLayer layer = product(outputs, c, k);
  layer.q = outputs;
  layer.r = layer.s = kernel;
  layer.strideWidth = layer.strideHeight = stride;
  return layer;
}

GemminiMapping parse(StringRef text, const GemminiLayer &layer) {
  llvm::Expected<GemminiMapping> mapping = parseGemminiMapping(text, layer);
  if (!mapping) {
    ADD_FAILURE() << llvm::toString(mapping.takeError());
    return {};
  }
  return *mapping;
}

std::string parseError(StringRef text, const GemminiLayer &layer) {
  llvm::Expected<GemminiMapping> mapping = parseGemminiMapping(text, layer);
  return mapping ? "no error" : llvm::toString(mapping.takeError());
}

TEST(GemminiMapping, TilesAndOrder) {
  GemminiMapping mapping =
      parse("L3[WIO] K2 P3 - L2[WI] N1 K16X - L1[O] K2 C8 P16 C16X - L0[W] P8",
            product(384, 128, 64));
  EXPECT_EQ(mapping.tile[at(GemminiDim::K)], 32);
  EXPECT_EQ(mapping.tile[at(GemminiDim::C)], 128);
  EXPECT_EQ(mapping.tile[at(GemminiDim::P)], 128);
  // Those that L3 does not name are outside; of the others the first is.
  const std::array<GemminiDim, numGemminiDims> order = {
      GemminiDim::N, GemminiDim::Q, GemminiDim::S, GemminiDim::R,
      GemminiDim::C, GemminiDim::K, GemminiDim::P};
  EXPECT_EQ(mapping.order, order);
}

TEST(GemminiMapping, Errors) {
  GemminiLayer layer = product(16, 16, 32);
  EXPECT_EQ(parseError("L3[WIO] K2 - L2[WI] K16X - L1[O] P16 C16X", layer),
            "expected the levels L3, L2, L1, L0 with ' - ' between them, got 3 "
            "levels");
  EXPECT_EQ(
      parseError("L3[WIO] K2 - L1[O] K16X - L2[WI] P16 - L0[W] C16", layer),
      "expected level L2[...], got 'L1[O] K16X'");
  EXPECT_EQ(
      parseError("L3[WIO] K2 - L2[WI] 16X - L1[O] P16 - L0[W] C16", layer),
      "expected a loop such as K16 or K16X, got '16X'");
  EXPECT_EQ(
      parseError("L3[WIO] K0 - L2[WI] K16X - L1[O] P16 - L0[W] C16", layer),
      "expected a loop such as K16 or K16X, got 'K0'");
  EXPECT_EQ(
      parseError("L3[WIO] K2 K2 - L2[WI] K8X - L1[O] P16 - L0[W] C16", layer),
      "expected at most one loop over K at L3, got two");
  EXPECT_EQ(
      parseError("L3[WIO] K2 - L2[WI] K8X - L1[O] P16 - L0[W] C16", layer),
      "expected factors of K whose product is 32, got 16");
  EXPECT_EQ(parseError("", layer),
            "expected the levels L3, L2, L1, L0 with ' - ' between them, got 1 "
            "levels");
  EXPECT_EQ(parseError("L3[WIO] P65535 K65535 - L2[WI] N1 - L1[O] C16 - L0[W] "
                       "N1",
                       product(65535, 16, 65535)),
            "expected at most 2^24 tiles, got more");
}

TEST(GemminiLayer, Check) {
  EXPECT_EQ(llvm::toString(check(product(16, 0, 16))),
            "expected C in [1, 65535], got 0");
  EXPECT_EQ(llvm::toString(check(convolution(64, 64, 40000, 1, 2))),
            "expected an input of at most 65535 rows and columns, got 80000 by "
            "80000");
  EXPECT_FALSE(llvm::errorToBool(check(convolution(64, 64, 56, 3))));
}

// One block: 16 rows of inputs and of weights, a beat each, 16 rows of zeros;
// 16 rows computed; 16 moved out.
TEST(Gemmini, OneTile) {
  GemminiLayer layer = product(16, 16, 16);
  GemminiMapping mapping =
      parse("L3[WIO] N1 - L2[WI] K16X - L1[O] C16X - L0[W] P16", layer);
  GemminiCost cost = gemminiCost(layer, mapping, idealMachine());
  EXPECT_EQ(cost.tiles, 1);
  EXPECT_EQ(cost.load, 48);
  EXPECT_EQ(cost.execute, 16);
  EXPECT_EQ(cost.store, 16);
  EXPECT_EQ(cost.cycles, 80u);
}

// The second tile loads while the first computes: 48, 96 loaded; 64, 112
// computed; 80, 128 stored.
TEST(Gemmini, TilesOverlap) {
  GemminiLayer layer = product(32, 16, 16);
  GemminiMapping mapping =
      parse("L3[WIO] P2 - L2[WI] K16X - L1[O] C16X - L0[W] P16", layer);
  EXPECT_EQ(gemminiCycles(layer, mapping, idealMachine()), 128u);
}

// Two tiles are held at a time. With computes of 1000 cycles: 48, 96 loaded;
// 1048, 2048 computed; the third is loaded from 1064 on, when the first is
// stored, and computed at 3048, stored at 3064.
TEST(Gemmini, TwoTilesAreHeld) {
  GemminiLayer layer = product(48, 16, 16);
  GemminiMapping mapping =
      parse("L3[WIO] P3 - L2[WI] K16X - L1[O] C16X - L0[W] P16", layer);
  GemminiMachine machine = idealMachine();
  machine.computeCycles = 1000;
  EXPECT_EQ(gemminiCycles(layer, mapping, machine), 3064u);
}

// Four computes of 6 rows with each of 2 x 3 x 3 blocks of weights; the last is
// 16 cycles long, as the next weights come in: 18 (3 * 6 + 16) cycles.
TEST(Gemmini, ShortRowsWaitForWeights) {
  GemminiLayer layer = convolution(16, 32, 6, 3);
  layer.q = 4;
  GemminiMapping mapping = parse(
      "L3[WIO] N1 - L2[WI] K16X - L1[O] K2 S3 R3 C16X - L0[W] Q4 P6", layer);
  EXPECT_EQ(gemminiCost(layer, mapping, idealMachine()).execute, 612);
}

// Rows of 2 take 4 cycles; with 10 cycles for each compute, 10.
TEST(Gemmini, ShortestComputes) {
  GemminiLayer layer = convolution(16, 16, 2, 1);
  layer.q = 8;
  GemminiMapping mapping =
      parse("L3[WIO] N1 - L2[WI] K16X - L1[O] C16X - L0[W] Q8 P2", layer);
  GemminiMachine machine = idealMachine();
  EXPECT_EQ(gemminiCost(layer, mapping, machine).execute, 7 * 4 + 16);
  machine.computeCycles = 10;
  EXPECT_EQ(gemminiCost(layer, mapping, machine).execute, 80);
}

// 4 x 4 pixels of 48 bytes, 48 bytes apart: at offset 0 of a line one request
// of 64 bytes brings them; at 48, 16 and then 32; at 32, 32 and then 16; at 16,
// 64. Beats: 4, 1 + 2, 2 + 1, 4, mean 3.5. The pad's 20 pixels: a cycle each.
// Weights: 9 x 48 rows of a beat. Outputs: 16 rows of zeros.
TEST(Gemmini, UnalignedRowsTakeMoreRequests) {
  GemminiLayer layer = convolution(48, 16, 4, 3);
  GemminiMapping mapping = parse(
      "L3[WIO] N1 - L2[WI] K16X - L1[O] S3 R3 C3 C16X - L0[W] Q4 P4", layer);
  EXPECT_EQ(gemminiCost(layer, mapping, idealMachine()).load,
            16 * 3.5 + 20 + 432 + 16);
}

// Padded by half of an even kernel, 56 inputs give 57 outputs: 8 tiles of 8
// rows and 3 of 28 columns, 16 of channels.
TEST(Gemmini, EvenKernelsGiveOneMoreOutput) {
  GemminiLayer layer = convolution(1024, 512, 56, 2);
  GemminiMapping mapping =
      parse("L3[WIO] Q7 P2 K16 - L2[WI] N1 K16X - L1[O] K2 S2 R2 C64 Q2 P7 "
            "C16X - L0[W] Q4 P4",
            layer);
  EXPECT_EQ(gemminiCost(layer, mapping).tiles, 8 * 3 * 16);
}

// A tile of 14 x 14 x 1024 inputs is larger than half of the scratchpad: each
// of its 14 x 16 moves waits.
TEST(Gemmini, TilesOverHalfTheScratchpadWait) {
  GemminiLayer layer = convolution(1024, 16, 14, 1);
  GemminiMapping mapping =
      parse("L3[WIO] N1 - L2[WI] K16X - L1[O] C64 C16X Q14 - L0[W] P14", layer);
  GemminiMachine machine = idealMachine();
  double load = gemminiCost(layer, mapping, machine).load;
  machine.hazardCycles = 5;
  EXPECT_EQ(gemminiCost(layer, mapping, machine).load, load + 5 * 14 * 16);
  machine.scratchpadRows *= 2;
  EXPECT_EQ(gemminiCost(layer, mapping, machine).load, load);
}

// The whole layer streams from DRAM if no cache holds it, from the last-level
// cache if that does: 65536 lines, each used once.
TEST(Gemmini, MissesByTheCacheThatHasTheLines) {
  GemminiLayer layer = product(16, 2048, 2048);
  GemminiMapping mapping = parse("L3[WIO] C32 - L2[WI] K16X - L1[O] K128 C4 "
                                 "C16X - L0[W] P16",
                                 layer);
  GemminiMachine machine = idealMachine();
  machine.conflictFactor = 0;
  double hits = gemminiCost(layer, mapping, machine).load;
  machine.llcLineCycles = machine.dramLineCycles = 1;
  double lines = gemminiCost(layer, mapping, machine).load - hits;
  // 2048 x 2048 weights and 16 x 2048 inputs; a part of one percent is kept.
  EXPECT_NEAR(lines, 65536 + 512, 700);
  machine.l2Bytes = 64 << 20;
  EXPECT_EQ(gemminiCost(layer, mapping, machine).load, hits);
  machine.l2Bytes = 512 << 10;
  machine.dramLineCycles = 0;
  machine.llcBytes = 64 << 20;
  EXPECT_NEAR(gemminiCost(layer, mapping, machine).load - hits, lines, 1e-6);
}

// 24 x 24 outputs do not fit 512 rows: 23 x 24, 23 x 23, 22 x 23 are tried,
// then 22 x 24 twice and 23 x 23 to grow.
TEST(GemminiTiling, Convolution) {
  GemminiTiling tiling = gemminiAutoTiling(convolution(16, 16, 24, 1));
  EXPECT_EQ(tiling.mapping.tile, (GemminiExtents{1, 22, 23, 16, 1, 1, 16}));
  EXPECT_EQ(tiling.searchSteps, 7);
  tiling = gemminiAutoTiling(convolution(16, 16, 4, 3));
  EXPECT_EQ(tiling.mapping.tile, (GemminiExtents{1, 4, 4, 16, 3, 3, 16}));
  EXPECT_EQ(tiling.searchSteps, 1);
}

// 5 x 5 blocks of outputs; (5 + 5) 48 blocks of 512 of the scratchpad's half,
// and a sixth column would be too many.
TEST(GemminiTiling, Product) {
  GemminiTiling tiling = gemminiAutoTiling(product(128, 768, 3072));
  EXPECT_EQ(tiling.mapping.tile, (GemminiExtents{1, 1, 80, 80, 1, 1, 768}));
  EXPECT_EQ(tiling.searchSteps, 0);
}

TEST(GemminiTiling, EndsWhereNothingFits) {
  GemminiMachine machine;
  machine.scratchpadRows = 2;
  GemminiTiling tiling = gemminiAutoTiling(convolution(16, 16, 24, 3), machine);
  EXPECT_EQ(tiling.mapping.tile, (GemminiExtents{1, 1, 1, 1, 1, 1, 1}));
}

TEST(GemminiTiling, SearchIsPartOfTheCycles) {
  GemminiLayer layer = convolution(16, 16, 24, 1);
  GemminiMachine machine = idealMachine();
  GemminiCost cost = gemminiAutoTilingCost(layer, machine);
  EXPECT_EQ(cost.search, 70);
  machine.coldLines = 0;
  EXPECT_EQ(cost.cycles,
            gemminiCycles(layer, gemminiAutoTiling(layer).mapping, machine) +
                70);
}

// Rows 31, 53 and 143 of ucb-bar/dosa's data/firesim_test_data/dataset.csv,
// whose computes hide everything else: within a percent of the RTL.
TEST(Gemmini, ComputeBoundLayersAsMeasured) {
  struct {
    GemminiLayer layer;
    const char *mapping;
    double measured;
  } cases[] = {
      {convolution(256, 720, 28, 3),
       "L3[WIO] K45 - L2[WI] N1 K16X - L1[O] S3 R3 C16 Q14 P28 C16X - L0[W] Q2",
       5155697},
      {convolution(64, 128, 282, 3),
       "L3[WIO] P47 Q94 - L2[WI] N1 K16X - L1[O] K8 S3 R3 C4 Q3 C16X - L0[W] "
       "P6",
       35635585},
      {convolution(128, 128, 196, 3),
       "L3[WIO] P2 Q49 K4 - L2[WI] N1 K16X - L1[O] K2 S3 R3 C8 Q2 P14 C16X - "
       "L0[W] Q2 P7",
       23308014}};
  for (const auto &[layer, mapping, measured] : cases)
    EXPECT_LT(
        std::fabs(
            double(gemminiCycles(layer, parse(mapping, layer))) / measured - 1),
        0.01)
        << mapping;
}

std::string recordsError(StringRef text) {
  auto records = parseGemminiRecords(text, "layers.csv");
  return records ? "no error" : llvm::toString(records.takeError());
}

TEST(GemminiReport, Records) {
  auto records = parseGemminiRecords(
      "row,shape,N,C,K,P,Q,R,S,Wstride,mapping,timeloop_cycles\n"
      "7,cnn-layer,1,16,16,4,4,3,3,2,,12\n"
      "8,cnn-layer,1,16,16,16,1,1,1,1,"
      "L3[WIO] N1 - L2[WI] K16X - L1[O] C16X - L0[W] P16,12\n",
      "layers.csv");
  ASSERT_TRUE(bool(records)) << llvm::toString(records.takeError());
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].name, "7");
  EXPECT_EQ((*records)[0].layer.strideWidth, 2);
  EXPECT_FALSE((*records)[0].mapping);
  EXPECT_TRUE((*records)[1].mapping);

  FormulaReport report = reportGemmini(*records, idealMachine());
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(report.rows[0].cells[0]));
  EXPECT_EQ(std::get<int64_t>(report.rows[1].cells[0]), 80);
  // One fold: 16 + 2 * 16 + 16 - 2.
  EXPECT_EQ(std::get<int64_t>(report.rows[1].cells[3]), 62);
}

TEST(GemminiReport, RecordErrors) {
  EXPECT_EQ(recordsError("C,K,P\n"),
            "layers.csv:1: expected a column Q, got none");
  EXPECT_EQ(recordsError("C,K,P,Q\n16,x,4,4\n"),
            "layers.csv:2: expected an integer in column k, got 'x'");
  EXPECT_EQ(recordsError("C,K,P,Q\n16,16,4,0\n"),
            "layers.csv:2: expected Q in [1, 65535], got 0");
  EXPECT_EQ(recordsError("C,K,P,Q\n16,16,4,4,5\n"),
            "layers.csv:2: expected at most 4 cells, got 5");
  EXPECT_EQ(recordsError("C,K,P,Q,mapping\n16,16,4,4,L3[WIO] K2\n"),
            "layers.csv:2: expected the levels L3, L2, L1, L0 with ' - ' "
            "between them, got 1 levels");
}

} // namespace
