//===- TransformsTest.cpp - Ranges, parameters and moments by hand --------===//

#include "accopt/Transforms/QuantParams.h"
#include "accopt/Transforms/RangeCollector.h"
#include "accopt/Transforms/Ranges.h"
#include "lib/Transforms/Moments.h"
#include "lib/Transforms/TiedValues.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace accopt;

//===----------------------------------------------------------------------===//
// Scales and zero points
//===----------------------------------------------------------------------===//

TEST(QuantParams, AsymmetricRange) {
  // 25.5 in 255 steps; -2.5 is 25 steps below zero: -128 + 25.
  QuantParams params = chooseParams({-2.5, 23.0});
  EXPECT_FLOAT_EQ(params.scale, 0.1);
  EXPECT_EQ(params.zeroPoint, -103);
  EXPECT_EQ(quantizeValue(0.0, params), -103);
  EXPECT_EQ(quantizeValue(-2.5, params), -128);
  EXPECT_EQ(quantizeValue(23.0, params), 127);
  EXPECT_EQ(quantizeValue(1000.0, params), 127);
}

TEST(QuantParams, RangeIsWidenedToZero) {
  QuantParams positive = chooseParams({1.0, 2.55});
  EXPECT_FLOAT_EQ(positive.scale, 0.01);
  EXPECT_EQ(positive.zeroPoint, -128);
  QuantParams negative = chooseParams({-2.55, -1.0});
  EXPECT_FLOAT_EQ(negative.scale, 0.01);
  EXPECT_EQ(negative.zeroPoint, 127);
}

TEST(QuantParams, UnitInterval) {
  QuantParams params = chooseParams({0.0, 255.0 / 256.0});
  EXPECT_EQ(params.scale, 1.0 / 256.0);
  EXPECT_EQ(params.zeroPoint, -128);
}

TEST(QuantParams, DegenerateRanges) {
  EXPECT_EQ(chooseParams({0.0, 0.0}), (QuantParams{1.0, 0}));
  for (Range range : {Range{0.0, 1e-300}, Range{-1e300, 1e300}}) {
    QuantParams params = chooseParams(range);
    EXPECT_GT(params.scale, 0.0);
    EXPECT_TRUE(std::isfinite(params.scale * params.scale));
    EXPECT_GT(float(params.scale * params.scale), 0.0f);
  }
}

TEST(QuantParams, ScaleIsExactInFloat) {
  for (double max : {0.1, 1.0, 3.14159, 1e-5, 12345.678}) {
    QuantParams params = chooseParams({-0.3 * max, max});
    EXPECT_EQ(params.scale, double(float(params.scale)));
    // The range's ends stay inside.
    EXPECT_LE(params.scale * (-128 - params.zeroPoint),
              -0.3 * max + params.scale);
    EXPECT_GE(255.0 * params.scale, 1.3 * max);
  }
}

TEST(QuantParams, WeightScale) {
  EXPECT_FLOAT_EQ(chooseWeightScale({1.27, 0.0, 0.1, 0.1}), 0.01);
  // 2^32 at input scale 1 must not pass 2^30 steps: scale 4.
  EXPECT_FLOAT_EQ(chooseWeightScale({1.0, 4294967296.0, 1.0, 1.0}), 4.0);
  // No weights and no bias: the smallest rescale to the output.
  EXPECT_FLOAT_EQ(chooseWeightScale({0.0, 0.0, 0.5, 2.0}), 4.0 / 16777216.0);
}

//===----------------------------------------------------------------------===//
// Moments
//===----------------------------------------------------------------------===//

TEST(Moments, ReluOfStandardGaussian) {
  // mean 1/sqrt(2 pi), variance 1/2 - 1/(2 pi).
  Moment moment = clampGaussian({0.0, 1.0}, 0.0, INFINITY);
  EXPECT_NEAR(moment.mean, 0.3989422804, 1e-9);
  EXPECT_NEAR(moment.variance, 0.3408450569, 1e-9);
}

TEST(Moments, ClampsThatDoNotBind) {
  Moment none = clampGaussian({1.0, 4.0}, -INFINITY, INFINITY);
  EXPECT_NEAR(none.mean, 1.0, 1e-12);
  EXPECT_NEAR(none.variance, 4.0, 1e-12);
  Moment all = clampGaussian({0.0, 1.0}, 50.0, 60.0);
  EXPECT_NEAR(all.mean, 50.0, 1e-9);
  EXPECT_NEAR(all.variance, 0.0, 1e-9);
  Moment point = clampGaussian({7.0, 0.0}, 0.0, 6.0);
  EXPECT_EQ(point.mean, 6.0);
  EXPECT_EQ(point.variance, 0.0);
}

TEST(Moments, ClampAgreesWithSampling) {
  std::mt19937 generator(7);
  std::normal_distribution<double> normal(0.5, 1.5);
  double sum = 0.0, square = 0.0;
  constexpr int count = 400000;
  for (int i = 0; i < count; ++i) {
    double x = std::min(std::max(normal(generator), -1.0), 2.0);
    sum += x;
    square += x * x;
  }
  double mean = sum / count;
  Moment moment = clampGaussian({0.5, 2.25}, -1.0, 2.0);
  EXPECT_NEAR(moment.mean, mean, 0.01);
  EXPECT_NEAR(moment.variance, square / count - mean * mean, 0.01);
}

TEST(Moments, TransformAgreesWithClosedForm) {
  Moment identity = transformGaussian({2.0, 9.0}, [](double x) { return x; });
  EXPECT_NEAR(identity.mean, 2.0, 1e-9);
  EXPECT_NEAR(identity.variance, 9.0, 1e-5);
  // E[x^2] = 1, Var[x^2] = 2.
  Moment square = transformGaussian({0.0, 1.0}, [](double x) { return x * x; });
  EXPECT_NEAR(square.mean, 1.0, 1e-5);
  EXPECT_NEAR(square.variance, 2.0, 1e-3);
}

TEST(Moments, Mixture) {
  // Half of N(0, 1), half of N(2, 3): mean 1, variance 2 + 1.
  Moment moment = mix({{0.0, 1.0}, {2.0, 3.0}});
  EXPECT_DOUBLE_EQ(moment.mean, 1.0);
  EXPECT_DOUBLE_EQ(moment.variance, 3.0);
}

TEST(Moments, WeightedSum) {
  std::vector<float> weights, means, variances;
  for (int i = 0; i < 11; ++i) {
    weights.push_back(float(i));
    means.push_back(1.0f);
    variances.push_back(2.0f);
  }
  Moment sum = weightedSum(weights.data(), means.data(), variances.data(), 11);
  EXPECT_DOUBLE_EQ(sum.mean, 55.0);
  EXPECT_DOUBLE_EQ(sum.variance, 770.0);
}

//===----------------------------------------------------------------------===//
// Histograms
//===----------------------------------------------------------------------===//

TEST(Histogram, MinMaxAndPercentile) {
  // 0, 1, ..., 9999: 99 % without 50 values at either end.
  std::vector<float> values(10000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i);
  Histogram histogram;
  histogram.add(values);
  EXPECT_EQ(histogram.getMinMax(), (Range{0.0, 9999.0}));
  Range range = histogram.getPercentile(99.0);
  // Bins are 4 wide.
  EXPECT_NEAR(range.min, 50.0, 4.0);
  EXPECT_NEAR(range.max, 9950.0, 4.0);
  EXPECT_EQ(histogram.getPercentile(100.0), (Range{0.0, 9999.0}));
}

TEST(Histogram, OrderDoesNotMatter) {
  std::mt19937 generator(3);
  std::vector<float> values;
  for (int i = 0; i < 5000; ++i)
    values.push_back(std::ldexp(float(generator()) * 0x1p-32f - 0.3f,
                                int(generator() % 20)));
  Histogram forward, backward;
  for (float value : values)
    forward.add(value);
  for (float value : llvm::reverse(values))
    backward.add(value);
  for (double percent : {90.0, 99.0, 99.9})
    EXPECT_EQ(forward.getPercentile(percent), backward.getPercentile(percent));
  EXPECT_EQ(forward.getLeastError(), backward.getLeastError());
}

TEST(Histogram, LeastErrorClipsOutliers) {
  // A uniform bulk in [0, 1] and one outlier at 2, so that both ends of the
  // search are known: error(max) = N max^2 / (255^2 12) + (2 - max)^2.
  constexpr int count = 1000000;
  std::vector<float> values(count);
  for (int i = 0; i < count; ++i)
    values[i] = (float(i) + 0.5f) / count;
  values.push_back(2.0f);
  Histogram histogram;
  histogram.add(values);
  Range range = histogram.getLeastError();
  // d/d max: max N / (255^2 12) = 2 - max, max = 2 / (1 + 1.2815).
  EXPECT_EQ(range.min, 0.0);
  double optimum = 2.0 / (1.0 + count / (255.0 * 255.0 * 12.0));
  // Below 1 the bulk is clipped as well, so the optimum is at its edge.
  EXPECT_LT(optimum, 1.0);
  EXPECT_NEAR(range.max, 1.0, 2.0 / 128.0);
}

TEST(Histogram, LeastErrorOfFewIntegers) {
  // Uniform in [0, 1] at the levels 0, s, 2s, 3s: the error is
  // s^3 / 4 + (1 - 3 s)^3 / 3, least where s = 2 (1 - 3 s).
  constexpr int count = 100000;
  std::vector<float> values(count);
  for (int i = 0; i < count; ++i)
    values[i] = (float(i) + 0.5f) / count;
  Histogram histogram;
  histogram.add(values);
  Range range = histogram.getLeastError(2);
  EXPECT_EQ(range.min, 0.0);
  EXPECT_NEAR(range.max, 6.0 / 7.0, 1.0 / 128.0);
}

TEST(Histogram, FewIntegersLoseLessThanOverTheWholeRange) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 generator(seed);
  for (int round = 0; round < 20; ++round) {
    std::normal_distribution<float> normal(float(round % 5) - 2.0f, 1.0f);
    std::vector<float> values(4000);
    for (float &value : values)
      value = normal(generator);
    Histogram histogram;
    histogram.add(values);
    for (unsigned bits = 2; bits < 8; ++bits) {
      auto getError = [&](Range range) {
        QuantParams params = chooseParams(range, activationIntegers(bits));
        double sum = 0;
        for (float value : values) {
          int8_t q = quantizeValue(value, params, activationIntegers(bits));
          double rounded = double(q - params.zeroPoint) * params.scale;
          sum += (value - rounded) * (value - rounded);
        }
        return sum;
      };
      EXPECT_LE(getError(histogram.getLeastError(bits)),
                getError(histogram.getMinMax()) * 1.01)
          << bits << " bits";
    }
  }
}

TEST(Histogram, LeastErrorKeepsTheWidestOfEqual) {
  Histogram histogram;
  histogram.add({0.0f, 0.0f, 0.0f});
  EXPECT_EQ(histogram.getLeastError(), (Range{0.0, 0.0}));
}

TEST(Histogram, NonFiniteIsReported) {
  RangeCollector collector;
  collector.observe("x", {1.0f, NAN});
  llvm::Expected<RangeTable> table = collector.finish({});
  ASSERT_FALSE(bool(table));
  EXPECT_EQ(llvm::toString(table.takeError()),
            "calibration: expected finite values of 'x', got an infinity or "
            "NaN");
}

TEST(RangeCollector, Methods) {
  RangeCollector collector;
  collector.observe("x", {1.0f, -2.0f});
  collector.observe("y", {0.5f});
  collector.observe("x", {3.0f});
  collector.observe("", {NAN});
  RangeTable table = llvm::cantFail(collector.finish({}));
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(*table.find("x"), (Range{-2.0, 3.0}));
  EXPECT_EQ(*table.find("y"), (Range{0.5, 0.5}));

  EXPECT_EQ(
      llvm::cantFail(parseCalibrationMethod("percentile=99.5")).percentile,
      99.5);
  EXPECT_EQ(llvm::cantFail(parseCalibrationMethod("mse")).kind,
            CalibrationMethod::Kind::Mse);
  for (const char *bad : {"", "median", "percentile=101", "percentile=50",
                          "percentile=x", "percentile99", "mse "}) {
    llvm::Expected<CalibrationMethod> method = parseCalibrationMethod(bad);
    EXPECT_FALSE(bool(method)) << bad;
    llvm::consumeError(method.takeError());
  }
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

TEST(Ranges, RoundTrip) {
  RangeTable table;
  table.set("z", {-1.0 / 3.0, 1e-30});
  table.set("a\"b\\", {0.0, 5.0});
  table.set("after a ReLU", {-0.0, 1.0});
  std::string text = serializeRanges(table);
  RangeTable read = llvm::cantFail(parseRanges(text, "f.json"));
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read.begin()->first, "z");
  EXPECT_EQ(*read.find("z"), *table.find("z"));
  EXPECT_EQ(*read.find("a\"b\\"), *table.find("a\"b\\"));
  EXPECT_EQ(serializeRanges(read), text);
}

TEST(Ranges, BadFiles) {
  auto message = [](llvm::StringRef text) {
    llvm::Expected<RangeTable> table = parseRanges(text, "f.json");
    return table ? std::string("accepted") : llvm::toString(table.takeError());
  };
  std::string head = R"({"schema": "accopt.calibration", "version": 1)";
  EXPECT_EQ(message("[]"), "f.json: expected an object with \"schema\": "
                           "\"accopt.calibration\"");
  EXPECT_EQ(message(R"({"schema": "accopt.calibration", "version": 2})"),
            "f.json: expected \"version\": 1");
  EXPECT_EQ(message(head + "}"), "f.json: expected an array \"ranges\"");
  EXPECT_EQ(message(head + R"(, "ranges": [3]})"),
            "f.json: ranges[0]: expected an object");
  EXPECT_EQ(message(head + R"(, "ranges": [{"min": 0, "max": 1}]})"),
            "f.json: ranges[0]: expected a string \"name\"");
  EXPECT_EQ(message(head + R"(, "ranges": [{"name": "x", "min": 0}]})"),
            "f.json: ranges[0]: expected finite numbers \"min\" and \"max\" "
            "for 'x'");
  EXPECT_EQ(
      message(head + R"(, "ranges": [{"name": "x", "min": 2, "max": 1}]})"),
      "f.json: ranges[0]: expected min <= max for 'x', got 2.000000 > "
      "1.000000");
  EXPECT_EQ(message(head + R"(, "ranges": [{"name": "x", "min": 0, "max": 1},
                                           {"name": "x", "min": 0, "max": 1}]})"),
            "f.json: ranges[1]: expected one range for 'x'");
  EXPECT_TRUE(
      llvm::StringRef(message(head)).starts_with("f.json: expected JSON"));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {
class RangesOfFunctions : public testing::Test {
protected:
  RangesOfFunctions() {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
  }

  mlir::func::FuncOp parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    return module ? *module->getOps<mlir::func::FuncOp>().begin()
                  : mlir::func::FuncOp();
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

TEST_F(RangesOfFunctions, Names) {
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%x: tensor<2xf32> {nn.name = "in"}, %y: tensor<2xf32>) -> tensor<2xf32> {
      %c = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
      %0 = nn.relu %x : (tensor<2xf32>) -> tensor<2xf32> loc("a")
      %1 = nn.relu %0 : (tensor<2xf32>) -> tensor<2xf32> loc(fused["a", "b"])
      %2 = nn.relu %1 : (tensor<2xf32>) -> tensor<2xf32> loc("a")
      %3 = nn.relu %2 : (tensor<2xf32>) -> tensor<2xf32>
      return %3 : tensor<2xf32>
    })mlir");
  ASSERT_TRUE(func);
  std::vector<std::string> names;
  for (auto &[value, name] : nameValues(func))
    names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"in", "arg1", "a", "a+b", "a:1",
                                             "relu"}));
}

TEST_F(RangesOfFunctions, GemmReluByHand) {
  // Inputs of mean 0.5 and variance 1/12. Row [3, -4], bias 1: mean 0.5,
  // variance 25/12; six deviations are 8.6603; relu cuts below.
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%x: tensor<1x2xf32> {nn.name = "x"}) -> tensor<1x1xf32> {
      %w = nn.constant dense<[[3.0, -4.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
      %b = nn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
      %0 = nn.gemm %x, %w bias %b {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
        : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32> loc("fc")
      %1 = nn.relu %0 : (tensor<1x1xf32>) -> tensor<1x1xf32> loc("relu")
      return %1 : tensor<1x1xf32>
    })mlir");
  ASSERT_TRUE(func);
  InferRangesOptions options;
  options.inputs.set("x", {0.0, 1.0});
  RangeTable table = llvm::cantFail(inferRanges(func, options));
  EXPECT_EQ(*table.find("x"), (Range{0.0, 1.0}));
  EXPECT_NEAR(table.find("fc")->min, 0.5 - 9.444074, 1e-5);
  EXPECT_NEAR(table.find("fc")->max, 0.5 + 9.444074, 1e-5);
  EXPECT_EQ(table.find("relu")->min, 0.0);
  EXPECT_NEAR(table.find("relu")->max, 9.944074, 1e-5);
}

TEST_F(RangesOfFunctions, StatisticsOfNormalization) {
  // The recorded statistics win over the weights: mean {1, -2}, deviation
  // {0.5, 1} with k = 6, then a clamp to [-3, 6].
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%x: tensor<1x1x4xf32>) -> tensor<1x2x4xf32> {
      %w = nn.constant dense<100.0> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
      %0 = nn.conv %x, %w {clamp_min = -3.0 : f32, dilations = array<i64: 1>, groups = 1 : i64,
        nn.output_mean = array<f32: 1.0, -2.0>, nn.output_std = array<f32: 0.5, 1.0>,
        pads = array<i64: 0, 0>, strides = array<i64: 1>}
        : (tensor<1x1x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4xf32> loc("conv")
      return %0 : tensor<1x2x4xf32>
    })mlir");
  ASSERT_TRUE(func);
  RangeTable table = llvm::cantFail(inferRanges(func));
  EXPECT_EQ(*table.find("conv"), (Range{-3.0, 4.0}));
}

TEST_F(RangesOfFunctions, OpsOnConstants) {
  // A convolution and a softmax of constants, which no pass folds.
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f() -> tensor<1x1x2xf32> {
      %x = nn.constant dense<[[[2.0, 2.0]]]> : tensor<1x1x2xf32> -> tensor<1x1x2xf32>
      %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
      %0 = nn.conv %x, %w residual %x {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
        : (tensor<1x1x2xf32>, tensor<1x1x1xf32>, tensor<1x1x2xf32>) -> tensor<1x1x2xf32> loc("conv")
      %1 = nn.softmax %x {axis = 2 : i64} : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32> loc("softmax")
      %2 = nn.add %0, %1 : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
      return %2 : tensor<1x1x2xf32>
    })mlir");
  ASSERT_TRUE(func);
  RangeTable table = llvm::cantFail(inferRanges(func));
  EXPECT_EQ(*table.find("conv"), (Range{8.0, 8.0}));
  EXPECT_EQ(*table.find("softmax"), (Range{0.0, 1.0}));
}

TEST_F(RangesOfFunctions, Elementwise) {
  // x in [-4, 4] (4 deviations), y in [-1, 3].
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%x: tensor<2xf32> {nn.name = "x"}, %y: tensor<2xf32> {nn.name = "y"}) -> tensor<2xf32> {
      %two = nn.constant dense<2.0> : tensor<2xf32> -> tensor<2xf32>
      %0 = nn.mul %x, %x : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("square")
      %1 = nn.mul %x, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("product")
      %2 = nn.sub %two, %y : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("difference")
      %3 = nn.div %y, %two : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("quotient")
      %4 = nn.hard_swish %x : (tensor<2xf32>) -> tensor<2xf32> loc("swish")
      %5 = nn.concat %0, %4 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32> loc("concat")
      %6 = nn.leaky_relu %x {alpha = 0.5 : f32} : (tensor<2xf32>) -> tensor<2xf32> loc("leaky")
      return %3 : tensor<2xf32>
    })mlir");
  ASSERT_TRUE(func);
  InferRangesOptions options;
  options.inputs.set("y", {-1.0, 3.0});
  RangeTable table = llvm::cantFail(inferRanges(func, options));
  EXPECT_EQ(*table.find("square"), (Range{0.0, 16.0}));
  EXPECT_EQ(*table.find("product"), (Range{-12.0, 12.0}));
  EXPECT_EQ(*table.find("difference"), (Range{-1.0, 3.0}));
  EXPECT_EQ(*table.find("quotient"), (Range{-0.5, 1.5}));
  // The minimum of hard_swish is -0.375 at -1.5.
  EXPECT_NEAR(table.find("swish")->min, -0.375, 1e-5);
  EXPECT_EQ(table.find("swish")->max, 4.0);
  EXPECT_NEAR(table.find("concat")->min, -0.375, 1e-5);
  EXPECT_EQ(table.find("concat")->max, 16.0);
  EXPECT_EQ(*table.find("leaky"), (Range{-2.0, 4.0}));
}

TEST_F(RangesOfFunctions, GroupsSeeTheirChannels) {
  // Channel means 1 and 10 (per channel, through a bias), variance 0 from zero
  // weights; a depthwise convolution takes them 2 and 3 times.
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%x: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
      %z = nn.constant dense<0.0> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
      %b = nn.constant dense<[1.0, 10.0]> : tensor<2xf32> -> tensor<2xf32>
      %w = nn.constant dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
      %0 = nn.conv %x, %z bias %b {dilations = array<i64: 1>, groups = 2 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
        : (tensor<1x2x4xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
      %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 2 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
        : (tensor<1x2x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4xf32> loc("second")
      return %1 : tensor<1x2x4xf32>
    })mlir");
  ASSERT_TRUE(func);
  RangeTable table = llvm::cantFail(inferRanges(func));
  EXPECT_EQ(*table.find("second"), (Range{2.0, 30.0}));
}

TEST_F(RangesOfFunctions, Ties) {
  mlir::func::FuncOp func = parse(R"mlir(
    func.func @f(%a: tensor<2xf32>, %b: tensor<2xf32>, %c: tensor<2xf32>, %d: tensor<2xf32>) {
      return
    })mlir");
  ASSERT_TRUE(func);
  mlir::Value a = func.getArgument(0), b = func.getArgument(1);
  mlir::Value c = func.getArgument(2), d = func.getArgument(3);
  mlir::Builder builder(&context);
  auto type = [&](double scale) {
    return mlir::quant::UniformQuantizedType::get(
        mlir::quant::QuantizationFlags::Signed, builder.getIntegerType(8),
        builder.getF32Type(), scale, 0, -128, 127);
  };
  TiedValues ties;
  for (mlir::Value value : {a, b, c, d})
    ties.insert(value);
  ties.addRange(a, {-1.0, 1.0});
  ties.addRange(c, {0.0, 5.0});
  EXPECT_TRUE(ties.tie(a, b));
  EXPECT_FALSE(ties.areTied(a, c));
  EXPECT_TRUE(ties.tie(b, c));
  EXPECT_TRUE(ties.areTied(a, c));
  EXPECT_EQ(ties.getRange(b), (Range{-1.0, 5.0}));
  // A type spreads over the class; another type does not join it.
  EXPECT_TRUE(ties.setType(c, type(0.5)));
  EXPECT_EQ(ties.getType(a), type(0.5));
  EXPECT_FALSE(ties.setType(a, type(0.25)));
  EXPECT_TRUE(ties.setType(d, type(0.25)));
  EXPECT_FALSE(ties.tie(d, a));
  EXPECT_FALSE(ties.areTied(d, a));
}
