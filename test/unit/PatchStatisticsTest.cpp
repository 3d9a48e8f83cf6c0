//===- PatchStatisticsTest.cpp - Rounding in view of the data -------------===//
//
// The moments of patches are held against the results of MLIR's JIT: a row of
// weights w has results of mean w.m and variance w C w. The integers are held
// against the paper's own recursion, in f64 and with the inverse.
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
#include <limits>
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
  /// The constant that the casts of weights have, in program order.
  static std::vector<SmallVector<int8_t>> integersOf(func::FuncOp function) {
    std::vector<SmallVector<int8_t>> result;
    for (auto cast : function.getOps<quant::DequantizeCastOp>())
      result.push_back(llvm::to_vector(
          llvm::cast<DenseElementsAttr>(
              cast.getInput().getDefiningOp<nn::ConstantOp>().getValue())
              .getValues<int8_t>()));
    return result;
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
    PatchTable table(function);
    ASSERT_EQ(table.entries().size(), 1u);
    table.observe(function.getArgument(0), values);
    const PatchStatistics &patches = *table.entries().front().statistics;
    std::vector<float> results = run(
        function, Tensor::create<float>({1, c.channels, c.in, c.in}, values));
    auto weights =
        llvm::to_vector(cast<DenseElementsAttr>(weightsOf(function).getValue())
                            .getValues<float>());
    int64_t places = c.out() * c.out(), size = patches.patchSize();
    ASSERT_LE(places, PatchStatistics::placesPerSample);
    EXPECT_EQ(patches.count(), places);
    EXPECT_TRUE(patches.isFinite());
    for (int64_t m = 0; m < c.outputs; ++m) {
      double sum = 0, squares = 0;
      for (int64_t p = 0; p < places; ++p)
        sum += results[m * places + p];
      double mean = sum / double(places);
      for (int64_t p = 0; p < places; ++p)
        squares += std::pow(results[m * places + p] - mean, 2);
      int64_t group = m / (c.outputs / c.groups);
      std::vector<double> means = patches.means(group);
      UpperTriangle covariance = patches.covariance(group, 0);
      double expectedMean = 0, expectedVariance = 0;
      for (int64_t i = 0; i < size; ++i) {
        expectedMean += weights[m * size + i] * means[i];
        for (int64_t j = 0; j < size; ++j)
          expectedVariance += double(weights[m * size + i]) *
                              weights[m * size + j] *
                              covariance.at(std::min(i, j), std::max(i, j));
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
  PatchTable patches(function);
  std::vector<float> values = {1, 1, -1, -1, 2, 2, 0, 0};
  patches.observe(function.getArgument(0), values);
  QuantizationPlan plan;
  plan.weights.push_back({"y", 8, {1.0}});
  EXPECT_EQ(compensateRounding(function, patches, plan), 1u);
  EXPECT_EQ(integersOf(function).front(), (SmallVector<int8_t>{0, 1}));
  // The bias has what is left of the mean, (0.4 + 0.4 - 1) / 2, as far as four
  // patches are to be believed.
  std::vector<float> results =
      run(function, Tensor::create<float>({4, 2}, values));
  double mean = 0;
  for (float result : results)
    mean += result / 4;
  EXPECT_NEAR(mean, 0.5 - 0.1 * 4 / 5, 1e-6);
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
    PatchTable patches(function);
    patches.observe(function.getArgument(0), image);
    QuantizationPlan plan;
    plan.weights.push_back({"y", 5, std::vector<double>(c.outputs, scale)});
    compensateRounding(function, patches, plan);
    EXPECT_LT(error(), 0.5 * nearestError);
  }
}

/// R^T R is the matrix again, and padding does no harm.
TEST_F(PatchStatisticsTest, Factorizes) {
  for (int64_t size : {1, 15, 16, 17, 50, 100}) {
    SCOPED_TRACE(size);
    int64_t rows = 2 * size + 3;
    std::vector<float> panel(UpperTriangle::countStrips(size) * 16 * rows);
    auto value = [&](int64_t p, int64_t i) -> float & {
      return panel[i / 16 * 16 * rows + p * 16 + i % 16];
    };
    for (int64_t p = 0; p < rows; ++p)
      for (int64_t i = 0; i < size; ++i)
        value(p, i) = float(uniform(generator));
    UpperTriangle h(size);
    h.addGram(panel.data(), rows);
    auto gram = [&](int64_t i, int64_t j) {
      double sum = 0;
      for (int64_t p = 0; p < rows; ++p)
        sum += double(value(p, i)) * value(p, j);
      return sum;
    };
    for (int64_t i = 0; i < 16 * h.strips(); ++i)
      h.at(i, i) += 0.1f;
    h.factorize(0.1f);
    for (int64_t j = 0; j < size; ++j)
      for (int64_t i = 0; i <= j; ++i) {
        double sum = 0;
        for (int64_t p = 0; p <= i; ++p)
          sum += double(h.at(p, i)) * h.at(p, j);
        EXPECT_NEAR(sum, gram(i, j) + (i == j ? 0.1 : 0), 1e-4);
      }
  }
}

/// `row`, in steps of its scale, rounded weight by weight: the error of each,
/// over the diagonal of the inverse of what is left of `h`, times a column of
/// that inverse is taken off the others (GPTQ, equations 2 and 3).
SmallVector<int8_t> roundInOrder(std::vector<double> row,
                                 ArrayRef<int64_t> order,
                                 std::vector<std::vector<double>> h,
                                 double most) {
  size_t size = row.size();
  // Gauss and Jordan, in place; no pivot is 0 in a positive definite matrix.
  for (size_t k = 0; k < size; ++k) {
    double pivot = h[k][k];
    h[k][k] = 1;
    for (double &x : h[k])
      x /= pivot;
    for (size_t i = 0; i < size; ++i) {
      if (i == k)
        continue;
      double factor = h[i][k];
      h[i][k] = 0;
      for (size_t j = 0; j < size; ++j)
        h[i][j] -= factor * h[k][j];
    }
  }
  SmallVector<int8_t> result(size);
  for (int64_t k : order) {
    double q = std::clamp(std::nearbyint(row[k]), -most, most);
    result[k] = int8_t(q);
    double error = (row[k] - q) / h[k][k];
    std::vector<double> inverse = h[k];
    for (size_t j = 0; j < size; ++j)
      row[j] -= error * inverse[j];
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < size; ++j)
        h[i][j] -= inverse[i] * inverse[j] / inverse[k];
    // It is out of the game.
    h[k].assign(size, 0);
    h[k][k] = 1;
  }
  return result;
}

TEST_F(PatchStatisticsTest, GivesTheIntegersOfThePaper) {
  unsigned changed = 0;
  for (const Conv &c :
       {Conv{8, 6, 1, 10, 3, 1, 1, 1}, Conv{8, 6, 2, 12, 3, 1, 1, 1},
        Conv{5, 3, 1, 10, 2, 1, 0, 1}, Conv{40, 20, 1, 9, 1, 1, 0, 1}}) {
    SCOPED_TRACE(
        llvm::formatv("{0} channels, kernel {1}", c.channels, c.kernel).str());
    auto function = parseConv(c);
    std::vector<float> image = draw(c.channels * c.in * c.in, 0, 1);
    for (size_t i = 1; i < image.size(); ++i)
      image[i] = 0.8f * image[i - 1] + 0.3f * image[i] + 0.1f;
    PatchTable table(function);
    table.observe(function.getArgument(0), image);
    const PatchStatistics &patches = *table.entries().front().statistics;
    int64_t size = patches.patchSize();
    auto weights =
        llvm::to_vector(cast<DenseElementsAttr>(weightsOf(function).getValue())
                            .getValues<float>());
    double scale = 0.125;
    QuantizationPlan plan;
    plan.weights.push_back({"y", 5, std::vector<double>(c.outputs, scale)});
    compensateRounding(function, table, plan);
    SmallVector<int8_t> integers = integersOf(function).front();
    for (int64_t m = 0; m < c.outputs; ++m) {
      UpperTriangle covariance =
          patches.covariance(m / (c.outputs / c.groups), 0);
      std::vector<std::vector<double>> h(size, std::vector<double>(size));
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j)
          h[i][j] = covariance.at(std::min(i, j), std::max(i, j));
      std::vector<int64_t> order(size);
      for (int64_t i = 0; i < size; ++i)
        order[i] = i;
      llvm::sort(order, [&](int64_t a, int64_t b) {
        return std::pair(-h[a][a], a) < std::pair(-h[b][b], b);
      });
      for (int64_t i = 0; i < size; ++i)
        h[i][i] += patches.damping(covariance, 0);
      std::vector<double> row;
      for (int64_t k = 0; k < size; ++k)
        row.push_back(weights[m * size + k] / scale);
      SmallVector<int8_t> expected = roundInOrder(row, order, h, 15);
      EXPECT_EQ(SmallVector<int8_t>(
                    ArrayRef(integers).slice(size_t(m * size), size_t(size))),
                expected);
      for (int64_t k = 0; k < size; ++k)
        changed += expected[k] != std::nearbyint(row[k]);
    }
  }
  EXPECT_GT(changed, 100u);
}

/// Layers that read the same patches share their moments, and none but those
/// do; each is rounded as if it were alone.
TEST_F(PatchStatisticsTest, SharesWhatLayersRead) {
  const char *text = R"(
func.func @main(%x: tensor<8x24xf32>) -> ({0}) {{
  %w = nn.constant dense<0.3> : tensor<20x24xf32> -> tensor<20x24xf32>
  {1}
})";
  auto layer = [](StringRef name) {
    return llvm::formatv(
               "%{0} = nn.gemm %x, %w {{alpha = 1.0 : f32, beta = 1.0 : f32, "
               "trans_a = false, trans_b = true} : (tensor<8x24xf32>, "
               "tensor<20x24xf32>) -> tensor<8x20xf32> loc(\"{0}\")\n",
               name)
        .str();
  };
  std::vector<float> values = draw(8 * 24, 0, 1);
  std::vector<float> weights = draw(20 * 24, 0, 1);
  QuantizationPlan plan;
  plan.weights.push_back({"y", 8, std::vector<double>(20, 0.1)});
  plan.weights.push_back({"z", 8, std::vector<double>(20, 0.07)});
  std::vector<SmallVector<int8_t>> apart;
  for (StringRef name : {"y", "z"}) {
    auto function = parse(llvm::formatv(text, "tensor<8x20xf32>",
                                        layer(name) + "return %" + name.str() +
                                            " : tensor<8x20xf32>")
                              .str());
    setWeights(function, weights);
    PatchTable table(function);
    table.observe(function.getArgument(0), values);
    EXPECT_EQ(compensateRounding(function, table, plan), 1u);
    apart.push_back(integersOf(function).front());
  }
  auto function =
      parse(llvm::formatv(text, "tensor<8x20xf32>, tensor<8x20xf32>",
                          layer("y") + layer("z") +
                              "return %y, %z : tensor<8x20xf32>, "
                              "tensor<8x20xf32>")
                .str());
  setWeights(function, weights);
  PatchTable table(function);
  EXPECT_EQ(table.entries().size(), 1u);
  table.observe(function.getArgument(0), values);
  EXPECT_EQ(compensateRounding(function, table, plan), 2u);
  EXPECT_EQ(integersOf(function), apart);
  EXPECT_NE(apart[0], apart[1]);
}

/// What is not finite says nothing: the layer is left as it is.
TEST_F(PatchStatisticsTest, LeavesLayersWithoutFiniteMoments) {
  auto function = parseConv({4, 2, 1, 6, 3, 1, 1, 1});
  std::vector<float> image = draw(4 * 6 * 6, 0, 1);
  image[7] = std::numeric_limits<float>::infinity();
  PatchTable table(function);
  table.observe(function.getArgument(0), image);
  QuantizationPlan plan;
  plan.weights.push_back({"y", 8, {0.1, 0.1}});
  EXPECT_EQ(compensateRounding(function, table, plan), 0u);
  EXPECT_TRUE(integersOf(function).empty());
}

/// Many samples give fewer places each.
TEST_F(PatchStatisticsTest, TakesEnoughOfManySamples) {
  auto function = parseConv({4, 2, 1, 40, 3, 1, 1, 1});
  std::vector<float> image = draw(4 * 40 * 40, 0, 1);
  PatchTable table(function);
  table.expect(1000);
  for (unsigned sample = 0; sample < 1000; ++sample)
    table.observe(function.getArgument(0), image);
  int64_t count = table.entries().front().statistics->count();
  EXPECT_GE(count, 4096);
  EXPECT_LE(count, 8192);
}

} // namespace
