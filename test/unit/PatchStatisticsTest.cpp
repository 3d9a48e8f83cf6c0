//===- PatchStatisticsTest.cpp - Rounding in view of the data -------------===//
//
// The moments of patches are held against the results of MLIR's JIT: a row of
// weights w has results of mean w.m and variance w C w.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "accopt/Execution/Executor.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace accopt;
using namespace mlir;

namespace {

/// A convolution of an image of `in` x `in`.
struct Conv {
  int64_t channels, outputs, groups, in, kernel, stride, pad, dilation;
  int64_t out() const {
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
  }
};

class PatchStatisticsTest : public ::testing::Test {
protected:
  PatchStatisticsTest() {
    context
        .loadDialect<nn::NNDialect, func::FuncDialect, quant::QuantDialect>();
  }

  func::FuncOp parse(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return module->lookupSymbol<func::FuncOp>("main");
  }

  /// Elements around `mean`, which is what makes a covariance hard to sum.
  std::vector<float> draw(size_t count, double mean, double spread) {
    std::vector<float> values(count);
    for (float &value : values)
      value = float(mean + spread * uniform(generator));
    return values;
  }

  func::FuncOp parseConv(const Conv &c) {
    auto function = parse(llvm::formatv(
        R"(func.func @main(%x: tensor<1x{0}x{3}x{3}xf32>) -> tensor<1x{1}x{8}x{8}xf32> {{
  %w = nn.constant dense<0.0> : tensor<{1}x{9}x{4}x{4}xf32> -> tensor<{1}x{9}x{4}x{4}xf32>
  %y = nn.conv %x, %w {{dilations = array<i64: {7}, {7}>, groups = {2} : i64, pads = array<i64: {6}, {6}, {6}, {6}>, strides = array<i64: {5}, {5}>} : (tensor<1x{0}x{3}x{3}xf32>, tensor<{1}x{9}x{4}x{4}xf32>) -> tensor<1x{1}x{8}x{8}xf32> loc("y")
  return %y : tensor<1x{1}x{8}x{8}xf32>
})",
        c.channels, c.outputs, c.groups, c.in, c.kernel, c.stride, c.pad,
        c.dilation, c.out(), c.channels / c.groups));
    setWeights(
        function,
        draw(c.outputs * c.channels / c.groups * c.kernel * c.kernel, 0, 1));
    return function;
  }

  static nn::ConstantOp weightsOf(func::FuncOp function) {
    return *function.getOps<nn::ConstantOp>().begin();
  }
  static void setWeights(func::FuncOp function, ArrayRef<float> values) {
    nn::ConstantOp constant = weightsOf(function);
    constant.setValueAttr(DenseElementsAttr::get(constant.getType(), values));
  }
  static std::vector<float> run(func::FuncOp function, const Tensor &input) {
    std::vector<float> result;
    llvm::cantFail(runWithIntermediates(
        function, {input},
        [&](Value value, ArrayRef<float> data, ArrayRef<int64_t>) {
          if (value ==
              *function.getBody().front().getTerminator()->operand_begin())
            result = data.vec();
        }));
    return result;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::mt19937 generator{11};
  std::uniform_real_distribution<double> uniform{-1, 1};
};

/// Few enough places that all are taken.
TEST_F(PatchStatisticsTest, HasTheMomentsOfResults) {
  for (const Conv &c :
       {Conv{3, 4, 1, 9, 3, 1, 1, 1}, Conv{6, 6, 6, 10, 3, 2, 1, 1},
        Conv{8, 4, 2, 11, 2, 1, 0, 2}, Conv{5, 7, 1, 7, 1, 1, 0, 1},
        Conv{4, 8, 4, 12, 5, 2, 2, 1}}) {
    SCOPED_TRACE(llvm::formatv("{0} channels, kernel {1}, {2} groups",
                               c.channels, c.kernel, c.groups)
                     .str());
    auto function = parseConv(c);
    std::vector<float> values = draw(c.channels * c.in * c.in, 5, 0.5);
    PatchTable table = makePatchTable(function);
    ASSERT_EQ(table.size(), 1u);
    PatchStatistics &patches = table.front().second;
    patches.observe(values);
    std::vector<float> results = run(
        function, Tensor::create<float>({1, c.channels, c.in, c.in}, values));
    auto weights =
        llvm::to_vector(cast<DenseElementsAttr>(weightsOf(function).getValue())
                            .getValues<float>());
    int64_t places = c.out() * c.out(), size = patches.patchSize();
    ASSERT_LE(places, PatchStatistics::placesPerSample);
    EXPECT_EQ(patches.count(), double(places));
    for (int64_t m = 0; m < c.outputs; ++m) {
      double sum = 0, squares = 0;
      for (int64_t p = 0; p < places; ++p)
        sum += results[m * places + p];
      double mean = sum / double(places);
      for (int64_t p = 0; p < places; ++p)
        squares += std::pow(results[m * places + p] - mean, 2);
      int64_t group = m / (c.outputs / c.groups);
      std::vector<double> means = patches.means(group),
                          covariance = patches.covariance(group, 0);
      double expectedMean = 0, expectedVariance = 0;
      for (int64_t i = 0; i < size; ++i) {
        expectedMean += weights[m * size + i] * means[i];
        for (int64_t j = 0; j < size; ++j)
          expectedVariance += double(weights[m * size + i]) *
                              weights[m * size + j] * covariance[i * size + j];
      }
      EXPECT_NEAR(mean, expectedMean, 1e-4);
      EXPECT_NEAR(squares / double(places), expectedVariance,
                  1e-4 * (1 + expectedVariance));
    }
  }
}

/// Two inputs that are always the same: 0.4 + 0.4 is nearer to 0 + 1 than to
/// the 0 + 0 that each gives for itself.
TEST_F(PatchStatisticsTest, TakesBackWhatRoundingAdds) {
  auto function = parse(R"(
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = nn.constant dense<[[0.4, 0.4]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %y = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true} : (tensor<4x2xf32>, tensor<1x2xf32>) -> tensor<4x1xf32> loc("y")
  return %y : tensor<4x1xf32>
})");
  PatchTable patches = makePatchTable(function);
  std::vector<float> values = {1, 1, -1, -1, 2, 2, 0, 0};
  patches.front().second.observe(values);
  QuantizationPlan plan;
  plan.weights.push_back({"y", 8, {1.0}});
  EXPECT_EQ(compensateRounding(function, patches, plan), 1u);
  auto cast = *function.getOps<quant::DequantizeCastOp>().begin();
  auto constant = cast.getInput().getDefiningOp<nn::ConstantOp>();
  auto integers = llvm::to_vector(
      llvm::cast<DenseElementsAttr>(constant.getValue()).getValues<int8_t>());
  EXPECT_EQ(integers, (SmallVector<int8_t>{0, 1}));
  // The bias has what is left of the mean, (0.4 + 0.4 - 1) / 2.
  std::vector<float> results =
      run(function, Tensor::create<float>({4, 2}, values));
  double mean = 0;
  for (float result : results)
    mean += result / 4;
  EXPECT_NEAR(mean, 0.4, 1e-6);
}

/// On the data that was seen the result is nearer to the float one than with
/// nearest rounding, in every draw.
TEST_F(PatchStatisticsTest, IsNearerThanNearest) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    generator.seed(seed);
    Conv c{8, 6, seed % 2 ? 1 : 2, 10, 3, 1, 1, 1};
    auto function = parseConv(c);
    std::vector<float> image = draw(c.channels * c.in * c.in, 0, 1);
    // Neighbours are alike, as in images.
    for (size_t i = 1; i < image.size(); ++i)
      image[i] = 0.9f * image[i - 1] + 0.2f * image[i] + 0.3f;
    Tensor input = Tensor::create<float>({1, c.channels, c.in, c.in}, image);
    std::vector<float> expected = run(function, input);
    auto error = [&] {
      double sum = 0;
      for (auto [a, b] : llvm::zip_equal(run(function, input), expected))
        sum += (a - b) * (a - b);
      return sum;
    };
    auto weights =
        llvm::to_vector(cast<DenseElementsAttr>(weightsOf(function).getValue())
                            .getValues<float>());
    double scale = 0.125;
    std::vector<float> nearest;
    for (float w : weights)
      nearest.push_back(float(scale * std::nearbyint(w / scale)));
    setWeights(function, nearest);
    double nearestError = error();
    setWeights(function, weights);
    PatchTable patches = makePatchTable(function);
    patches.front().second.observe(image);
    QuantizationPlan plan;
    plan.weights.push_back({"y", 5, std::vector<double>(c.outputs, scale)});
    compensateRounding(function, patches, plan);
    EXPECT_LT(error(), 0.5 * nearestError);
  }
}

} // namespace
