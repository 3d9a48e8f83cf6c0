//===- ChannelStatisticsTest.cpp - Levelled channels, corrected biases ----===//

#include "accopt/Transforms/ChannelStatistics.h"

#include "accopt/Execution/Executor.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace accopt;

namespace {

class ChannelStatisticsTest : public ::testing::Test {
protected:
  ChannelStatisticsTest() {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect>();
  }

  /// Weights whose rows have magnitudes from 1 to 1/100.
  std::string weights(std::vector<int64_t> shape) {
    std::string text = "dense<[";
    for (int64_t m = 0; m < shape[0]; ++m) {
      double reach = std::pow(10, -2.0 * double(m) / double(shape[0]));
      text += m ? ", [" : "[";
      for (int64_t c = 0; c < shape[1]; ++c) {
        text += c ? ", [" : "[";
        for (int64_t y = 0; y < shape[2]; ++y) {
          text += y ? ", [" : "[";
          for (int64_t x = 0; x < shape[3]; ++x)
            text += llvm::formatv("{0}{1:F6}", x ? ", " : "",
                                  reach * uniform(generator))
                        .str();
          text += "]";
        }
        text += "]";
      }
      text += "]";
    }
    return text + "]>";
  }

  std::string conv(std::string result, std::string input, int64_t in,
                   int64_t out, int64_t kernel, int64_t groups,
                   std::string extra = "") {
    std::string type =
        llvm::formatv("tensor<{0}x{1}x{2}x{2}xf32>", out, in / groups, kernel);
    std::string pads = std::to_string(kernel / 2);
    return llvm::formatv(
        "  %w{0} = nn.constant {1} : {2} -> {2}\n"
        "  %{0} = nn.conv %{3}, %w{0} {{dilations = array<i64: 1, 1>, groups = "
        "{4} : i64, pads = array<i64: {5}, {5}, {5}, {5}>, strides = "
        "array<i64: 1, 1>{6}} : (tensor<1x{7}x8x8xf32>, {2}) -> "
        "tensor<1x{8}x8x8xf32> loc(\"{0}\")\n",
        result, weights({out, in / groups, kernel, kernel}), type, input,
        groups, pads, extra, in, out);
  }

  mlir::func::FuncOp parse(const std::string &body, int64_t in, int64_t out,
                           const std::string &result) {
    std::string text = llvm::formatv(
        "func.func @main(%x: tensor<1x{0}x8x8xf32> {{nn.name = \"x\"}) -> "
        "tensor<1x{1}x8x8xf32> {{\n{2}  return %{3} : "
        "tensor<1x{1}x8x8xf32>\n}\n",
        in, out, body, result);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return module->lookupSymbol<mlir::func::FuncOp>("main");
  }

  std::vector<Tensor> inputs(int64_t channels) {
    std::vector<float> values(channels * 64);
    for (float &value : values)
      value = float(uniform(generator)) + 0.3f;
    return {Tensor::create<float>({1, channels, 8, 8}, values)};
  }

  /// Every value by its name.
  std::map<std::string, std::vector<float>>
  run(mlir::func::FuncOp function, const std::vector<Tensor> &inputs) {
    std::map<std::string, std::vector<float>> values;
    auto names = nameValues(function);
    llvm::cantFail(runWithIntermediates(
        function, inputs,
        [&](mlir::Value value, llvm::ArrayRef<float> data,
            llvm::ArrayRef<int64_t> shape) {
          values[names.lookup(value)] = data.vec();
          statistics[names.lookup(value)].observe(data, shape);
        }));
    return values;
  }

  /// Largest magnitude of a channel over the smallest.
  double spread(const std::string &name) {
    const auto &largest = statistics[name].largest;
    return *std::max_element(largest.begin(), largest.end()) /
           *std::min_element(largest.begin(), largest.end());
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ChannelTable statistics;
  std::mt19937 generator{7};
  std::uniform_real_distribution<double> uniform{-1, 1};
};

TEST_F(ChannelStatisticsTest, ObservesChannels) {
  ChannelStatistics s;
  std::vector<float> values = {1, -3, 2, 2, 5, 1, 0, 0};
  s.observe(values, {2, 2, 2}); // two images of two channels
  EXPECT_EQ(s.largest, (std::vector<double>{5, 2}));
  EXPECT_EQ(s.mean(0), (1 - 3 + 5 + 1) / 4.0);
  EXPECT_EQ(s.mean(1), 1.0);
}

/// The result stays, and the tensors between are level: a depthwise layer takes
/// any factor, so that its input is exactly level.
TEST_F(ChannelStatisticsTest, LevelsBetweenLayers) {
  std::string relu = ", clamp_min = 0.0 : f32";
  std::string body = conv("a", "x", 6, 16, 3, 1, relu) +
                     conv("b", "a", 16, 16, 3, 16, relu) +
                     conv("c", "b", 16, 8, 1, 2) + conv("d", "c", 8, 4, 3, 1);
  auto function = parse(body, 6, 4, "d");
  std::vector<Tensor> in = inputs(6);
  auto before = run(function, in);
  double spreadA = spread("a"), spreadB = spread("b");
  EXPECT_GT(spreadA, 20);
  ChannelTable measured = statistics;
  EXPECT_EQ(equalizeChannels(function, measured), 3u);
  statistics.clear();
  auto after = run(function, in);
  ASSERT_EQ(before["d"].size(), after["d"].size());
  for (size_t i = 0; i < before["d"].size(); ++i)
    EXPECT_NEAR(before["d"][i], after["d"][i],
                1e-5 * (1 + std::fabs(before["d"][i])));
  EXPECT_LT(spread("a"), 1.01);
  EXPECT_LT(spread("b"), spreadB);
}

/// A clamp from above binds for the same values as before.
TEST_F(ChannelStatisticsTest, KeepsClamps) {
  std::string clamp = ", clamp_max = 0.5 : f32, clamp_min = 0.0 : f32";
  std::string body =
      conv("a", "x", 6, 16, 3, 1, clamp) + conv("b", "a", 16, 16, 3, 16);
  auto function = parse(body, 6, 16, "b");
  std::vector<Tensor> in = inputs(6);
  auto before = run(function, in);
  double spreadA = spread("a");
  ChannelTable measured = statistics;
  EXPECT_EQ(equalizeChannels(function, measured), 1u);
  statistics.clear();
  auto after = run(function, in);
  for (size_t i = 0; i < before["b"].size(); ++i)
    EXPECT_NEAR(before["b"][i], after["b"][i], 1e-5);
  EXPECT_LT(spread("a"), spreadA);
}

/// What else reads the tensor would see other values.
TEST_F(ChannelStatisticsTest, LeavesWhatOthersRead) {
  std::string body = conv("a", "x", 6, 6, 3, 1) + conv("b", "a", 6, 6, 1, 1) +
                     "  %s = nn.add %a, %b : (tensor<1x6x8x8xf32>, "
                     "tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>\n";
  auto function = parse(body, 6, 6, "s");
  run(function, inputs(6));
  EXPECT_EQ(equalizeChannels(function, statistics), 0u);
}

/// With weights rounded to multiples of the scale, the corrected bias gives the
/// float mean back; at the border taps read padding, which has no mean.
TEST_F(ChannelStatisticsTest, CorrectsMeans) {
  auto function = parse(conv("a", "x", 3, 4, 3, 1), 3, 4, "a");
  std::vector<Tensor> in = inputs(3);
  // The same value everywhere: the mean is all there is.
  std::vector<float> flat(3 * 64);
  for (size_t i = 0; i < flat.size(); ++i)
    flat[i] = 0.5f * float(i / 64 + 1);
  in = {Tensor::create<float>({1, 3, 8, 8}, flat)};
  auto before = run(function, in);
  QuantizationPlan plan;
  double scale = 0.0625;
  plan.weights.push_back({"a", 8, std::vector<double>(4, scale)});
  EXPECT_EQ(correctBiases(function, statistics, plan), 1u);
  // Round the weights as quantization does.
  auto conv = *function.getOps<nn::ConvOp>().begin();
  auto constant = conv.getWeights().getDefiningOp<nn::ConstantOp>();
  auto dense = llvm::cast<mlir::DenseElementsAttr>(constant.getValue());
  std::vector<float> rounded;
  for (float w : dense.getValues<float>())
    rounded.push_back(float(scale * std::nearbyint(w / scale)));
  constant.setValueAttr(mlir::DenseElementsAttr::get(
      dense.getType(), llvm::ArrayRef<float>(rounded)));
  ChannelStatistics expected = statistics["a"];
  statistics.clear();
  run(function, in);
  for (size_t m = 0; m < 4; ++m)
    EXPECT_NEAR(expected.mean(m), statistics["a"].mean(m), 1e-5);
}

} // namespace
