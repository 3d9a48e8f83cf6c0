//===- FormulasTest.cpp - Published cycle counts, and files of layers -----===//
//
// Goldens come with where they are from. Closed forms are held against loops
// that walk over every fold and every element of the array.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/FormulaReport.h"
#include "accopt/Formulas/ScaleSim.h"
#include "accopt/Formulas/Stonne.h"
#include "accopt/Formulas/TopologyFile.h"

#include "llvm/Support/JSON.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace accopt::formulas;
using testing::HasSubstr;

namespace {

constexpr Dataflow dataflows[] = {Dataflow::OutputStationary,
                                  Dataflow::WeightStationary,
                                  Dataflow::InputStationary};

class Generator {
public:
  Generator() : seed(std::random_device()()), random(seed) {
    std::printf("seed %u\n", seed);
  }
  int64_t upTo(int64_t n) {
    return std::uniform_int_distribution<int64_t>(1, n)(random);
  }
  GemmShape gemm() { return {upTo(60), upTo(60), upTo(60), upTo(3)}; }
  ArrayShape array() { return {upTo(17), upTo(17)}; }
  unsigned seed;
  std::mt19937 random;
};

GemmShape gemm(int64_t m, int64_t n, int64_t k) { return {m, n, k, 1}; }

ConvShape conv(int64_t size, int64_t kernel, int64_t channels, int64_t filters,
               int64_t stride, int64_t height = 0) {
  ConvShape shape;
  shape.inputHeight = height ? height : size;
  shape.inputWidth = size;
  shape.kernelHeight = shape.kernelWidth = kernel;
  shape.inputChannels = channels;
  shape.outputChannels = filters;
  shape.strideHeight = shape.strideWidth = stride;
  shape.rounding = Rounding::Up;
  return shape;
}

int64_t reported(const GemmShape &shape, int64_t rows, int64_t columns,
                 Dataflow dataflow) {
  return scaleSimCost(shape, {rows, columns}, dataflow).reportedCycles;
}

std::vector<Layer> parse(llvm::StringRef text,
                         Rounding rounding = Rounding::Down) {
  return llvm::cantFail(parseTopology(text, "layers.csv", rounding));
}

std::string errorOf(llvm::StringRef text) {
  auto layers = parseTopology(text, "layers.csv", Rounding::Down);
  return layers ? "" : llvm::toString(layers.takeError());
}

constexpr llvm::StringRef convHeader =
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
    "Channels, Num Filter, Strides,\n";
} // namespace

//===----------------------------------------------------------------------===//
// SCALE-Sim
//===----------------------------------------------------------------------===//

// The package scalesim 3.0.0 (PyPI), CALC: "Total Cycles", "Overall Util %".
TEST(ScaleSim, AlexNetConv1) {
  auto cost = scaleSimCost(conv(224, 11, 3, 96, 4).gemm(), {32, 32},
                           Dataflow::WeightStationary);
  EXPECT_EQ(cost.reportedCycles, 112283);
  EXPECT_EQ(cost.cycles, 112284);
  EXPECT_NEAR(cost.utilization, 0.9168309650614964, 1e-15);
  EXPECT_NEAR(cost.mappingEfficiency, 0.9453125, 1e-15);
  EXPECT_NEAR(cost.computeUtilization, 0.9078000992063485, 1e-15);
}

// The same, 2.0.2 and 3.0.0.
TEST(ScaleSim, Gemm) {
  EXPECT_EQ(reported(gemm(256, 128, 256), 32, 32, dataflows[0]), 10175);
  EXPECT_EQ(reported(gemm(256, 128, 256), 32, 32, dataflows[1]), 11199);
  EXPECT_EQ(reported(gemm(256, 128, 256), 32, 32, dataflows[2]), 14207);
  auto cost = scaleSimCost(gemm(256, 128, 256), {32, 32}, dataflows[1]);
  EXPECT_NEAR(cost.computeUtilization, 0.6719160104986877, 1e-15);
}

// The same; the second layer has a rest that the stride leaves.
TEST(ScaleSim, SmallConvolutions) {
  GemmShape even = conv(8, 3, 4, 6, 1).gemm();
  GemmShape odd = conv(11, 3, 4, 6, 3, 17).gemm();
  EXPECT_EQ(odd.m, 6 * 4);
  const int64_t expected[][2] = {{249, 149}, {289, 229}, {699, 419}};
  const double utilization[] = {0.5436241610738255, 0.3537117903930131,
                                0.19331742243436754};
  const double mapping[] = {0.675, 0.675, 0.81};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reported(even, 8, 8, dataflows[i]), expected[i][0]);
    EXPECT_EQ(reported(odd, 8, 8, dataflows[i]), expected[i][1]);
    EXPECT_NEAR(scaleSimCost(odd, {8, 8}, dataflows[i]).utilization,
                utilization[i], 1e-15);
    EXPECT_NEAR(scaleSimCost(even, {8, 8}, dataflows[i]).mappingEfficiency,
                mapping[i], 1e-15);
  }
}

// scalesim 3.0.0 with SparsitySupport, OptimizedMapping, BlockSize. 6,813 is
// the reference's golden; the others tell ceil(k / 2B) B from ceil(k / B) B
// / 2.
TEST(ScaleSim, RowWiseSparsity) {
  auto cycles = [](GemmShape shape, ArrayShape array, int64_t block) {
    return scaleSimSparseCost(shape, rowWiseSparseReduction(shape.k, block),
                              array, Dataflow::WeightStationary)
        .reportedCycles;
  };
  EXPECT_EQ(cycles(conv(224, 11, 3, 96, 4).gemm(), {128, 128}, 8), 6813);
  EXPECT_EQ(cycles(gemm(9, 5, 72), {12, 4}, 8), 279);
  EXPECT_EQ(cycles(gemm(9, 5, 24), {12, 4}, 8), 139);
  EXPECT_EQ(cycles(gemm(9, 5, 20), {6, 4}, 4), 91);
  EXPECT_EQ(cycles(gemm(9, 5, 36), {6, 4}, 4), 183);
  EXPECT_EQ(cycles(gemm(9, 5, 363), {16, 4}, 8), 1031);
}

// scalesim 3.0.0 with SparsitySupport and a ratio for the layer.
TEST(ScaleSim, LayerWiseSparsity) {
  auto cost = [](GemmShape shape, int64_t size, SparsityRatio ratio,
                 Dataflow dataflow = Dataflow::WeightStationary) {
    return scaleSimSparseCost(shape, sparseReduction(shape.k, ratio),
                              {size, size}, dataflow);
  };
  EXPECT_EQ(cost(gemm(9, 20, 37), 8, {2, 4}).reportedCycles, 278);
  EXPECT_NEAR(cost(gemm(9, 20, 37), 8, {2, 4}).utilization, 0.37432553956834534,
              1e-12);
  EXPECT_NEAR(cost(gemm(9, 20, 37), 8, {2, 4}).mappingEfficiency,
              0.6597222222222221, 1e-12);
  EXPECT_EQ(cost(gemm(9, 5, 9), 4, {3, 8}).reportedCycles, 37);
  EXPECT_EQ(cost(gemm(9, 5, 15), 4, {3, 8}).reportedCycles, 75);
  EXPECT_EQ(cost(gemm(9, 5, 363), 4, {3, 8}).reportedCycles, 1329);
  EXPECT_EQ(cost(gemm(9, 5, 36), 4, {2, 4}, dataflows[0]).reportedCycles, 143);
  EXPECT_EQ(cost(gemm(9, 5, 36), 4, {2, 4}, dataflows[2]).reportedCycles, 224);
}

// By hand: 2 x 2 array, m = 3, n = 2, k = 4, weight-stationary: two folds of
// 3 + 4 + 2 - 2 = 7 cycles.
TEST(ScaleSim, ByHand) {
  auto cost = scaleSimCost(gemm(3, 2, 4), {2, 2}, Dataflow::WeightStationary);
  EXPECT_EQ(cost.folds, 2);
  EXPECT_EQ(cost.cycles, 14);
  EXPECT_EQ(cost.mappingEfficiency, 1);
  EXPECT_EQ(scaleSimCost({3, 2, 4, 5}, {2, 2}, Dataflow::WeightStationary)
                .reportedCycles,
            5 * 13);
}

namespace {
/// Walks over every fold: when does the last element of the array do its last
/// step, and how many elements have a place?
void expectAsEnumerated(const GemmShape &shape, const ArrayShape &array,
                        Dataflow dataflow) {
  bool preload = dataflow != Dataflow::OutputStationary;
  int64_t rows = preload ? shape.k : shape.m;
  int64_t columns = dataflow == Dataflow::InputStationary ? shape.m : shape.n;
  int64_t time = dataflow == Dataflow::OutputStationary   ? shape.k
                 : dataflow == Dataflow::WeightStationary ? shape.m
                                                          : shape.n;
  int64_t now = 0, folds = 0, placed = 0;
  for (int64_t g = 0; g < shape.groups; ++g)
    for (int64_t row = 0; row < rows; row += array.rows)
      for (int64_t column = 0; column < columns; column += array.columns) {
        // A row of weights a cycle goes in before the data, which is skewed.
        int64_t start = now + (preload ? array.rows : 0);
        for (int64_t r = 0; r < array.rows; ++r)
          for (int64_t c = 0; c < array.columns; ++c) {
            now = std::max(now, start + r + c + time);
            placed += row + r < rows && column + c < columns;
          }
        ++folds;
      }
  auto cost = scaleSimCost(shape, array, dataflow);
  EXPECT_EQ(cost.cycles, now);
  EXPECT_EQ(cost.folds, folds);
  EXPECT_NEAR(cost.mappingEfficiency,
              double(placed) / double(folds * array.rows * array.columns),
              1e-12);
  EXPECT_EQ(placed * time, shape.macs());
}
} // namespace

TEST(ScaleSim, AgreesWithEnumeration) {
  Generator generator;
  for (int i = 0; i < 300 && !HasFailure(); ++i)
    expectAsEnumerated(generator.gemm(), generator.array(), dataflows[i % 3]);
}

TEST(ScaleSim, SparseReductionsAgreeWithEnumeration) {
  Generator generator;
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    int64_t k = generator.upTo(200), block = generator.upTo(16);
    int64_t kept = generator.upTo(block), left = 0, rows = 0;
    for (int64_t at = 0; at < k; ++at)
      left += at % block < kept;
    for (int64_t at = 0; at < k; at += 2 * block)
      rows += block;
    EXPECT_EQ(sparseReduction(k, {kept, block}), left);
    EXPECT_EQ(rowWiseSparseReduction(k, block), rows);
  }
}

//===----------------------------------------------------------------------===//
// STONNE
//===----------------------------------------------------------------------===//

// STONNE's simulator, TPU configuration, full bandwidth (from the project's
// reference of published figures, reproduced there by running it).
TEST(Stonne, Goldens) {
  auto cycles = [](int64_t m, int64_t n, int64_t k, int64_t dim) {
    return stonneCost({m, n, k, 1}, {dim, dim}).cycles;
  };
  EXPECT_EQ(cycles(16, 16, 16, 16), 51);
  EXPECT_EQ(cycles(32, 32, 32, 16), 268);
  EXPECT_EQ(cycles(64, 64, 64, 16), 1584);
  EXPECT_EQ(cycles(20, 20, 20, 16), 172);
  EXPECT_EQ(cycles(256, 128, 256, 16), 37248);
  EXPECT_EQ(cycles(256, 128, 256, 32), 10336);
  EXPECT_EQ(cycles(3025, 96, 363, 16), 453624);
  EXPECT_EQ(cycles(49, 512, 4608, 16), 593792);
}

TEST(Stonne, ByHand) {
  // One fold that uses one row: 5 + 1 + 3 + 3 - 1.
  EXPECT_EQ(stonneCost({1, 3, 5, 1}, {4, 4}).cycles, 11);
  // 2 x 2 and 2 x 1 of a 2 x 2 array: (5 + 4 + 3) + (5 + 3 + 3 - 1).
  EXPECT_EQ(stonneCost({2, 3, 5, 1}, {2, 2}).cycles, 22);
}

TEST(Stonne, AgreesWithEnumeration) {
  Generator generator;
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    GemmShape shape = generator.gemm();
    ArrayShape array = generator.array();
    int64_t cycles = 0, folds = 0;
    for (int64_t g = 0; g < shape.groups; ++g)
      for (int64_t row = 0; row < shape.m; row += array.rows)
        for (int64_t column = 0; column < shape.n; column += array.columns) {
          int64_t r = std::min(array.rows, shape.m - row);
          int64_t c = std::min(array.columns, shape.n - column);
          cycles += shape.k + r + c + 3 - (r == 1 || c == 1);
          ++folds;
        }
    auto cost = stonneCost(shape, array);
    EXPECT_EQ(cost.cycles, cycles);
    EXPECT_EQ(cost.folds, folds);
  }
}

//===----------------------------------------------------------------------===//
// Shapes and files
//===----------------------------------------------------------------------===//

TEST(Layers, ConvolutionAsProduct) {
  // ResNet-50's first layer.
  ConvShape shape = conv(224, 7, 3, 64, 2);
  shape.padTop = shape.padLeft = shape.padBottom = shape.padRight = 3;
  shape.rounding = Rounding::Down;
  EXPECT_EQ(shape.outputHeight(), 112);
  EXPECT_EQ(shape.macs(), 118013952);
  shape.rounding = Rounding::Up; // (230 - 7) / 2 leaves a rest.
  EXPECT_EQ(shape.outputWidth(), 113);

  // Depthwise, dilated: a kernel of 3 reaches over 5.
  ConvShape depthwise = conv(10, 3, 8, 16, 1);
  depthwise.groups = 8;
  depthwise.dilationHeight = depthwise.dilationWidth = 2;
  GemmShape product = depthwise.gemm();
  EXPECT_EQ(product.groups, 8);
  EXPECT_EQ(product.m, 36);
  EXPECT_EQ(product.n, 2);
  EXPECT_EQ(product.k, 9);
}

TEST(Topology, ReadsScaleSimsFiles) {
  auto layers = parse((convHeader + "Conv1,\t224, 224,11, 11, 3, 96, 4,\r\n\n"
                                    "fireDP, 10, 12, 3, 3, 8, 1, 1,\n")
                          .str(),
                      Rounding::Up);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].name, "Conv1");
  EXPECT_EQ(layers[0].gemm().m, 55 * 55);
  EXPECT_EQ(layers[1].conv()->groups, 8);
  EXPECT_EQ(layers[1].gemm().n, 1);
  EXPECT_EQ(layers[1].gemm().m, 80);

  layers = parse("Layer, M, N, K,\nA, 1, 2, 3,\n, 4, 5, 6\n");
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].gemm().k, 3);
  EXPECT_EQ(layers[1].name, "layer1");
  EXPECT_EQ(layers[1].gemm().m, 4);
}

TEST(Topology, ReadsSparsityAndMoreColumns) {
  auto layers = parse("\xef\xbb\xbflayer,m,n,k,sparsity\na,1,2,3,2:4,\nb,1,2,3,"
                      "\n");
  ASSERT_TRUE(layers[0].sparsity);
  EXPECT_EQ(layers[0].sparsity->m, 4);
  EXPECT_FALSE(layers[1].sparsity);

  layers = parse("Layer name, Batch, IFMAP Height, IFMAP Width, Filter Height, "
                 "Filter Width, Channels, Num Filter, Stride Height, Stride "
                 "Width, Groups, Pad Top, Pad Bottom, Dilation\n"
                 "x, 2, 9, 10, 3, 3, 4, 8, 2, 1, 4, 1, 0, 2\n");
  const ConvShape &shape = *layers[0].conv();
  EXPECT_EQ(shape.batch, 2);
  EXPECT_EQ(shape.outputHeight(), 3); // (10 - 5) / 2 + 1
  EXPECT_EQ(shape.outputWidth(), 6);
  EXPECT_EQ(shape.groups, 4);
}

TEST(Topology, ErrorsNameFileAndLine) {
  EXPECT_EQ(errorOf(""),
            "layers.csv:1: expected a line of column titles, got none");
  EXPECT_EQ(errorOf("\nLayer, M, N, K,\n"),
            "layers.csv:2: expected layers after the titles, got none");
  EXPECT_THAT(errorOf("Conv1, 224, 224, 11, 11, 3, 96, 4,\n"),
              HasSubstr("layers.csv:1: expected the titles"));
  EXPECT_EQ(errorOf("Layer, M, N,\na, 1, 2,\n"),
            "layers.csv:1: expected a column 'K', got none");
  EXPECT_EQ(errorOf("Layer, M, N, K, M,\na, 1, 2, 3, 4,\n"),
            "layers.csv:1: expected each column once, got 'M' twice");
  EXPECT_THAT(errorOf("Layer, M, N, K, Channels,\na, 1, 2, 3, 4,\n"),
              HasSubstr("next to M, N or K, got 'Channels'"));
  EXPECT_EQ(errorOf("Layer, M, N, K,\n\na, 1, 2,\n"),
            "layers.csv:3: expected 4 columns, as in the first line, got 3");
  EXPECT_EQ(errorOf("Layer, M, N, K,\na, 1, x, 2,\n"),
            "layers.csv:2: column 'N': expected an integer, got 'x'");
  EXPECT_EQ(errorOf("Layer, M, N, K,\na, 1, 0, 2,\n"),
            "layers.csv:2: expected N in [1, 2147483647], got 0");
  EXPECT_EQ(errorOf("Layer, M, N, K,\na, 99999999, 99999999, 9999,\n"),
            "layers.csv:2: expected at most 2^53 multiply-accumulates, got "
            "more");
  EXPECT_EQ(errorOf((convHeader + "a, 5, 5, 7, 3, 1, 1, 1,\n").str()),
            "layers.csv:2: expected a filter of at most 5x5, the padded input, "
            "got 7x3");
  EXPECT_EQ(errorOf("Layer, M, N, K, Sparsity,\na, 1, 1, 2, 4:2,\n"),
            "layers.csv:2: expected a sparsity N:M with 1 <= N <= M <= 65536, "
            "got '4:2'");
}

TEST(Topology, SurvivesAnything) {
  Generator generator;
  const std::string sample =
      (convHeader + "Conv1, 224, 224, 11, 11, 3, 96, 4,\n").str();
  for (int i = 0; i < 2000; ++i) {
    std::string text = sample;
    for (int64_t changes = generator.upTo(4); changes > 0; --changes)
      text[size_t(generator.upTo(int64_t(text.size())) - 1)] =
          "0123456789,:-\n \xff\0DP"[generator.upTo(19) - 1];
    auto layers = parseTopology(text, "x", Rounding::Up);
    if (!layers)
      EXPECT_THAT(llvm::toString(layers.takeError()), HasSubstr("x:"));
  }
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

namespace {
FormulaReport smallReport() {
  FormulaReport report;
  report.model = "test";
  report.parameters = {{"array", "2x2"}};
  report.columns = {{"cycles", "cycles", 0, true},
                    {"energy_pj", "uJ", 1, true, 1e-6},
                    {"hidden", "hidden"}};
  report.columns.back().onlyInFiles = true;
  report.rows = {{"a", {int64_t(1234567), 2e6, int64_t(1)}},
                 {"b|c", {int64_t(3), 5e5, Cell()}}};
  return report;
}

template <typename Print> std::string print(Print printer) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printer(smallReport(), os);
  return text;
}
} // namespace

TEST(FormulaReport, PrintsAllForms) {
  EXPECT_EQ(print(printTable), "test, array 2x2\n\n"
                               "layer     cycles   uJ\n"
                               "a      1,234,567  2.0\n"
                               "b|c            3  0.5\n"
                               "---------------------\n"
                               "total  1,234,570  2.5\n");
  EXPECT_THAT(print(printMarkdown), HasSubstr("| b\\|c | 3 | 0.5 |\n"));
  EXPECT_EQ(print(printCsv), "layer,cycles,energy_pj,hidden\n"
                             "a,1234567,2000000,1\nb|c,3,500000,\n");
  auto json = llvm::cantFail(llvm::json::parse(print(printJson)));
  const llvm::json::Object &root = *json.getAsObject();
  EXPECT_EQ(root.getString("schema"), "accopt.formulas");
  EXPECT_EQ(root.getInteger("version"), 1);
  EXPECT_EQ(root.getObject("total")->getInteger("cycles"), 1234570);
  const llvm::json::Array &layers = *root.getArray("layers");
  EXPECT_EQ(layers[1].getAsObject()->getString("name"), "b|c");
  EXPECT_TRUE(layers[1].getAsObject()->get("hidden")->getAsNull());
}

TEST(FormulaReport, KeepsToAHundredColumns) {
  FormulaReport report = smallReport();
  report.rows[0].name = std::string(300, 'x');
  std::string text;
  llvm::raw_string_ostream os(text);
  printTable(report, os);
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n');
  for (llvm::StringRef line : lines)
    EXPECT_LE(line.size(), 100u);
}
