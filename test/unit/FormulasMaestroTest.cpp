//===- FormulasMaestroTest.cpp - MAESTRO's published results --------------===//
//
// Expected figures: maestro-project/maestro, commit 7723091f,
// tools/jupyter_notebook/data/Resnet50_kcp_ws_pe256.csv and
// MobileNetV2_kcp_ws_pe256.csv: 256 units, 1024 elements per cycle, vectors
// of 9. The dataflow is KC-P of Kwon et al., MICRO 2019,
// Table 3.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/Maestro.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace accopt::formulas;

namespace {

constexpr const char *kcp = "SpatialMap(1,1) K; TemporalMap(64,64) C;"
                            "TemporalMap(Sz(R),Sz(R)) R;"
                            "TemporalMap(Sz(S),Sz(S)) S;"
                            "TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;"
                            "Cluster(64, P);"
                            "SpatialMap(1,1) C;"
                            "TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;"
                            "TemporalMap(Sz(R),Sz(R)) R;"
                            "TemporalMap(Sz(S),Sz(S)) S;";

MaestroMachine published() { return {256, 1024, 1, 9}; }

ConvShape conv(int64_t k, int64_t c, int64_t kernel, int64_t input,
               int64_t stride = 1) {
  ConvShape shape;
  shape.outputChannels = k;
  shape.inputChannels = c;
  shape.kernelHeight = shape.kernelWidth = kernel;
  shape.inputHeight = shape.inputWidth = input;
  shape.strideHeight = shape.strideWidth = stride;
  return shape;
}

MaestroCost costOf(const ConvShape &shape, llvm::StringRef dataflow,
                   const MaestroMachine &machine) {
  auto directives = parseMaestroDataflow(dataflow, "dataflow");
  if (!directives) {
    ADD_FAILURE() << llvm::toString(directives.takeError());
    return {};
  }
  auto cost = maestroCost(shape, *directives, machine);
  if (!cost) {
    ADD_FAILURE() << llvm::toString(cost.takeError());
    return {};
  }
  return *cost;
}

std::string errorOf(const ConvShape &shape, llvm::StringRef dataflow,
                    const MaestroMachine &machine = {}) {
  auto directives = parseMaestroDataflow(dataflow, "flow.txt");
  if (!directives)
    return llvm::toString(directives.takeError());
  auto cost = maestroCost(shape, *directives, machine);
  return cost ? "" : llvm::toString(cost.takeError());
}

struct Golden {
  const char *name;
  ConvShape shape;
  int64_t cycles, macs, inputReads, weightReads, outputWrites;
};

void expectGolden(const Golden &golden, llvm::StringRef dataflow) {
  SCOPED_TRACE(golden.name);
  MaestroCost cost = costOf(golden.shape, dataflow, published());
  EXPECT_EQ(cost.cycles, golden.cycles);
  EXPECT_EQ(cost.macs, golden.macs);
  EXPECT_EQ(cost.inputReads, golden.inputReads);
  EXPECT_EQ(cost.weightReads, golden.weightReads);
  EXPECT_EQ(cost.outputWrites, golden.outputWrites);
}

TEST(Maestro, ResNet50KcpGoldens) {
  const Golden goldens[] = {{"CONV1", conv(64, 3, 7, 224, 2), 1330673,
                             111776448, 8164947, 9408, 760384},
                            {"CONV2_1_1", conv(64, 64, 1, 56), 100353, 12845056,
                             3210304, 4096, 200704},
                            {"CONV2_1_2", conv(64, 64, 3, 56), 139971,
                             107495424, 9281088, 36864, 186624},
                            {"CONV2_1_3", conv(256, 64, 1, 56), 401409,
                             51380224, 12841024, 16384, 802816},
                            {"CONV2_2_1", conv(64, 256, 1, 56), 401409,
                             51380224, 12844096, 16384, 802816},
                            {"CONV3_1_1", conv(128, 256, 1, 56, 2), 200705,
                             25690112, 6420544, 32768, 401408},
                            {"CONV3_1_2", conv(128, 128, 3, 28), 129795,
                             99680256, 8927808, 147456, 173056},
                            {"CONV4_1_1", conv(256, 512, 1, 28, 2), 200705,
                             25690112, 6418496, 131072, 401408},
                            {"CONV4_1_2", conv(256, 256, 3, 14), 110595,
                             84934656, 8221248, 589824, 147456},
                            {"CONV5_1_2", conv(512, 512, 3, 7), 76803, 58982400,
                             6808128, 2359296, 102400},
                            {"CONV5_1_3", conv(2048, 512, 1, 7), 401409,
                             51380224, 12812352, 1048576, 802816},
                            {"FC1000", conv(1000, 2048, 7, 7), 127266,
                             100352000, 24307136, 100352000, 32000}};
  for (const Golden &golden : goldens)
    expectGolden(golden, kcp);
}

/// 96 channels in tiles of 64: the second tile is cut off.
TEST(Maestro, MobileNetV2KcpGoldens) {
  const Golden goldens[] = {
      {"CONV1", conv(32, 3, 1, 224, 2), 200705, 1204224, 301035, 96, 401408},
      {"Bottleneck2_1_3", conv(96, 96, 1, 56), 301057, 28901376, 9632320, 12288,
       602112},
      {"Bottleneck3_1_1", conv(144, 24, 1, 56), 225793, 10838016, 2708664, 3456,
       451584},
      {"Bottleneck6_1_1", conv(576, 96, 1, 14), 112897, 10838016, 3603520,
       73728, 225792}};
  for (const Golden &golden : goldens)
    expectGolden(golden, kcp);
}

/// A unit for each channel; 384 channels take two rounds.
TEST(Maestro, DepthwiseGoldens) {
  constexpr const char *channels =
      "SpatialMap(1,1) C; TemporalMap(Sz(R),Sz(R)) R;"
      "TemporalMap(Sz(S),Sz(S)) S; TemporalMap(Sz(R),1) Y;"
      "TemporalMap(Sz(S),1) X;";
  auto depthwise = [](int64_t channels, int64_t kernel, int64_t input,
                      int64_t stride) {
    ConvShape shape = conv(channels, channels, kernel, input, stride);
    shape.groups = channels;
    return shape;
  };
  const Golden goldens[] = {{"Bottleneck1_1_2", depthwise(32, 3, 112, 1), 12101,
                             3484800, 1182720, 288, 375100},
                            {"Bottleneck2_1_2", depthwise(96, 3, 112, 2), 3027,
                             2613600, 1758240, 864, 287375},
                            {"Bottleneck3_1_2", depthwise(144, 3, 56, 2), 758,
                             944784, 641520, 1296, 104247},
                            {"Bottleneck4_2_2", depthwise(192, 3, 14, 1), 159,
                             248832, 96768, 1728, 27504},
                            {"Bottleneck5_1_2", depthwise(384, 3, 14, 1), 328,
                             497664, 193536, 3456, 55296},
                            {"ResNet-50 CONV2_1_Residual",
                             depthwise(256, 1, 56, 1), 3137, 802816, 802816,
                             256, 802816}};
  for (const Golden &golden : goldens)
    expectGolden(golden, channels);
}

/// One unit, a row of three pixels, two filters of one channel, bandwidth 1.
/// Steps (filter, pixel): the first takes 2 (weight and pixel) + 1; a next
/// pixel fetches 1 and computes 1 while 1 is written: 1; the second filter's
/// first pixel fetches its weight: 1 (the pixel that comes again is not
/// counted). 3 + 2 + 1 + 2 = 8.
TEST(Maestro, ByHand) {
  ConvShape shape = conv(2, 1, 1, 1);
  shape.inputWidth = 3;
  MaestroCost cost = costOf(
      shape, "TemporalMap(1,1) K; SpatialMap(1,1) C; TemporalMap(1,1) X;",
      {1, 1, 1, 1});
  EXPECT_EQ(cost.cycles, 8);
  EXPECT_EQ(cost.macs, 6);
  EXPECT_EQ(cost.weightReads, 2);
  // In each filter's two later steps, and in the first of all.
  EXPECT_EQ(cost.inputReads, 5);
  EXPECT_EQ(cost.outputWrites, 6);
  EXPECT_EQ(cost.activeUnits, 1);
}

/// Two units take two of three pixels, then the last; each needs the weight,
/// which is sent once. First 1 + 2 elements at 2 per cycle, 2 cycles, and 1 to
/// compute; then one pixel in, one sum, one out: 1.
TEST(Maestro, ByHandSpatialEnd) {
  ConvShape shape = conv(1, 1, 1, 1);
  shape.inputWidth = 3;
  MaestroCost cost = costOf(shape, "SpatialMap(1,1) X;", {2, 2, 1, 1});
  EXPECT_EQ(cost.cycles, 4);
  EXPECT_EQ(cost.macs, 3);
  EXPECT_EQ(cost.weightReads, 1);
  EXPECT_EQ(cost.inputReads, 3);
  EXPECT_EQ(cost.outputWrites, 3);
  EXPECT_EQ(cost.activeUnits, 1.5);
}

/// Latency is paid in every transfer, bandwidth in long ones.
TEST(Maestro, Network) {
  ConvShape shape = conv(1, 4, 1, 1);
  // 4 weights and 4 pixels: 3 + 8 - 1 cycles, then 4 sums of one unit.
  EXPECT_EQ(
      costOf(shape, "SpatialMap(1,1) K; TemporalMap(4,4) C;", {1, 1, 3, 1})
          .cycles,
      14);
  EXPECT_EQ(
      costOf(shape, "SpatialMap(1,1) K; TemporalMap(4,4) C;", {1, 4, 3, 2})
          .cycles,
      6);
}

/// Output rows are input rows and the kernel's.
TEST(Maestro, OutputsAsDimensions) {
  ConvShape shape = conv(8, 4, 3, 12);
  constexpr const char *inputs =
      "TemporalMap(1,1) K; TemporalMap(3,3) R; SpatialMap(3,1) Y;";
  constexpr const char *outputs =
      "TemporalMap(1,1) K; TemporalMap(3,3) R; SpatialMap(1,1) Y';";
  MaestroCost a = costOf(shape, inputs, {4, 8, 1, 1});
  MaestroCost b = costOf(shape, outputs, {4, 8, 1, 1});
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.inputReads, b.inputReads);
  EXPECT_EQ(b.macs, shape.macs());
}

TEST(Maestro, Comments) {
  EXPECT_EQ(errorOf(conv(1, 1, 1, 1), "// a line\nSpatialMap(1,1) K; // end"),
            "");
}

TEST(Maestro, Refusals) {
  ConvShape shape = conv(64, 64, 3, 56);
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) K;\nTemporalMap(1) C;"),
            "flow.txt:2: expected ',', got ')'");
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) Z;"),
            "flow.txt:1: expected a dimension of K, C, R, S, Y, X, Y', X', got "
            "'Z'");
  EXPECT_EQ(
      errorOf(shape, "SpatialMap(0,1) K;"),
      "flow.txt:1: expected Sz(...) or an integer in [1, 2147483647], got "
      "'0'");
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) K"),
            "flow.txt:1: expected ';', got the end");
  EXPECT_EQ(
      errorOf(shape, "Map(1,1) K;"),
      "flow.txt:1: expected SpatialMap, TemporalMap or Cluster, got 'Map'");
  EXPECT_EQ(errorOf(shape, ""),
            "flow.txt:1: expected a directive, got the end");
  EXPECT_EQ(errorOf(shape, "TemporalMap(1,1) K;"),
            "level 0: expected one or two spatial maps, got 0");
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) K; TemporalMap(1,1) K;"),
            "level 0: expected each dimension once, got K again");
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) Y; TemporalMap(1,1) Y';"),
            "level 0: expected each dimension once, got Y' again");
  EXPECT_EQ(errorOf(shape, "SpatialMap(1,1) K; Cluster(512); "
                           "SpatialMap(1,1) C;"),
            "expected clusters of at most 256 units in all, got more");
  std::string levels = "SpatialMap(1,1) K;";
  for (int i = 0; i < 16; ++i)
    levels += "Cluster(1); SpatialMap(1,1) K;";
  EXPECT_EQ(errorOf(shape, levels), "expected at most 16 levels, got 17");
  shape.dilationWidth = 2;
  EXPECT_EQ(errorOf(shape, kcp), "expected a dilation of 1, got 1x2");
  shape.dilationWidth = 1;
  shape.batch = 4;
  EXPECT_EQ(errorOf(shape, kcp), "expected a batch of 1, got 4");
  shape.batch = 1;
  shape.groups = 32;
  EXPECT_EQ(
      errorOf(shape, kcp),
      "expected one group, or one for each channel and filter, got 32 for "
      "64 channels and 64 filters");
  ConvShape large = conv(1 << 20, 1 << 20, 3, 20);
  EXPECT_THAT(errorOf(large, kcp), testing::HasSubstr("fewer than 2^60"));
}

} // namespace
