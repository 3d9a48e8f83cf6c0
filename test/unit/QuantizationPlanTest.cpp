//===- QuantizationPlanTest.cpp - Plans, applied and quantized ------------===//

#include "accopt/Transforms/QuantizationPlan.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace accopt;

namespace {
/// conv1 -> max_pool -> concat with conv2 -> conv3 with a residual -> gemm.
constexpr llvm::StringLiteral network = R"mlir(
  func.func @main(%x: tensor<1x2x4x4xf32> {nn.name = "x"}) -> tensor<1x3xf32> {
    %w1 = nn.constant dense<[[[[0.9]], [[-0.31]]], [[[0.02]], [[0.5]]]]> : tensor<2x2x1x1xf32> -> tensor<2x2x1x1xf32>
    %b1 = nn.constant dense<[0.1, -0.2]> : tensor<2xf32> -> tensor<2xf32>
    %w3 = nn.constant dense<[[[[0.3]], [[-0.7]], [[0.11]], [[0.2]]], [[[0.6]], [[0.1]], [[-0.8]], [[0.4]]]]> : tensor<2x4x1x1xf32> -> tensor<2x4x1x1xf32>
    %w4 = nn.constant dense<[[0.4, -0.2], [0.7, 0.3], [-0.9, 0.5]]> : tensor<3x2xf32> -> tensor<3x2xf32>
    %b4 = nn.constant dense<[0.0, 1.0, -1.0]> : tensor<3xf32> -> tensor<3xf32>
    %1 = nn.conv %x, %w1 bias %b1 {clamp_min = 0.0 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32> loc("conv1")
    %p = nn.max_pool %1 {ceil_mode = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
      : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> loc("pool")
    %2 = nn.conv %x, %w1 {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
      : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x2x2xf32> loc("conv2")
    %c = nn.concat %p, %2 {axis = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x4x2x2xf32> loc("concat")
    %3 = nn.conv %c, %w3 residual %2 {clamp_min = 0.0 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x4x2x2xf32>, tensor<2x4x1x1xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> loc("conv3")
    %m = nn.reduce_mean %3 {axes = array<i64: 2, 3>, keep_dims = false} : (tensor<1x2x2x2xf32>) -> tensor<1x2xf32> loc("mean")
    %4 = nn.gemm %m, %w4 bias %b4 {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
      : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<1x3xf32> loc("fc")
    return %4 : tensor<1x3xf32>
  })mlir";

class Plans : public testing::Test {
protected:
  Plans() {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
    ranges.set("x", {-2.0, 2.1});
    ranges.set("conv1", {0.0, 1.5});
    ranges.set("conv2", {-1.7, 1.1});
    ranges.set("conv3", {0.0, 2.3});
    ranges.set("mean", {0.0, 1.9});
    ranges.set("fc", {-2.0, 3.0});
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }
  static mlir::func::FuncOp getMain(mlir::ModuleOp module) {
    return *module.getOps<mlir::func::FuncOp>().begin();
  }
  QuantizationPlan plan(mlir::ModuleOp module, const BitAssignment &bits = {}) {
    auto result = planQuantization(getMain(module), ranges, bits);
    if (!result) {
      ADD_FAILURE() << llvm::toString(result.takeError());
      return {};
    }
    return *result;
  }
  static std::string print(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    return text;
  }
  /// The message of a failure; empty on success.
  std::string apply(mlir::ModuleOp module, QuantizationPlan plan) {
    llvm::Error error = applyPlan(getMain(module), std::move(plan));
    return error ? llvm::toString(std::move(error)) : "";
  }

  mlir::MLIRContext context;
  RangeTable ranges;
};

mlir::Operation *find(mlir::ModuleOp module, llvm::StringRef name) {
  mlir::Operation *found = nullptr;
  module.walk([&](mlir::Operation *op) {
    if (getNodeName(op->getLoc()) == name &&
        !llvm::isa<nn::ConstantOp, mlir::quant::QuantizeCastOp,
                   mlir::quant::DequantizeCastOp>(op))
      found = op;
  });
  return found;
}

template <typename T> T elementOf(mlir::Value value) {
  return llvm::dyn_cast<T>(
      llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType());
}
using PerTensor = mlir::quant::UniformQuantizedType;
using PerAxis = mlir::quant::UniformQuantizedPerAxisType;
} // namespace

TEST_F(Plans, ClassesAndWhatMayNarrow) {
  auto module = parse(network);
  QuantizationPlan result = plan(*module);
  ASSERT_EQ(result.activations.size(), 5u);
  const ActivationQuantizer *joined = result.findActivation("concat");
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->values,
            (std::vector<std::string>{"conv1", "pool", "conv2", "concat"}));
  EXPECT_TRUE(joined->canNarrow);
  EXPECT_FALSE(joined->isFixed);
  EXPECT_TRUE(result.findActivation("conv3")->canNarrow);
  EXPECT_FALSE(result.findActivation("x")->canNarrow);
  EXPECT_FALSE(result.findActivation("mean")->canNarrow);
  EXPECT_FALSE(result.findActivation("fc")->canNarrow);
  ASSERT_EQ(result.weights.size(), 4u);
  EXPECT_EQ(result.findWeights("conv1")->scales.size(), 2u);
  EXPECT_EQ(result.findWeights("x"), nullptr);
}

TEST_F(Plans, EightBitsAreWhatQuantizeMakes) {
  auto direct = parse(network), planned = parse(network);
  ASSERT_EQ(apply(*planned, plan(*planned)), "");
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*planned)));
  ASSERT_TRUE(mlir::succeeded(quantize(*planned, {})));
  ASSERT_TRUE(mlir::succeeded(quantize(*direct, ranges)));
  EXPECT_EQ(print(*direct), print(*planned));
}

TEST_F(Plans, FewerBitsTakeTheRangesMadeForThem) {
  auto module = parse(network);
  ranges.setNarrow("conv1", 4, {0.0, 0.5});
  ranges.setNarrow("conv2", 4, {0.0, 0.75});
  ranges.setNarrow("conv3", 4, {0.0, 1.5});
  double before = plan(*module).findActivation("conv3")->scale;
  EXPECT_NEAR(before, 2.3 / 255, 1e-6);
  QuantizationPlan four = plan(*module, {{"conv3", {8, 4}}});
  // Classes are wide enough for all of their members.
  EXPECT_EQ(four.findActivation("concat")->bits, 4u);
  EXPECT_NEAR(four.findActivation("concat")->scale, 0.75 / 15, 1e-6);
}

/// What nothing reads is quantized with the rest: its type is in the plan.
TEST_F(Plans, DeadOpsAreWrittenToo) {
  std::string text = network.str();
  size_t end = text.find("    return %4");
  text.insert(end, "    %dead = nn.add %4, %4 : (tensor<1x3xf32>, "
                   "tensor<1x3xf32>) -> tensor<1x3xf32> loc(\"dead\")\n");
  ranges.set("dead", {-4.0, 6.0});
  auto module = parse(text);
  ASSERT_EQ(apply(*module, plan(*module)), "");
  ASSERT_TRUE(mlir::succeeded(quantize(*module, {})));
  EXPECT_TRUE(elementOf<PerTensor>(find(*module, "dead")->getResult(0)) !=
              nullptr);
}

TEST_F(Plans, LowBitsReachTheTypes) {
  auto module = parse(network);
  BitAssignment bits{{"conv1", {4, 8}}, {"conv3", {3, 4}}};
  QuantizationPlan result = plan(*module, bits);
  ASSERT_EQ(result.findActivation("concat")->bits, 4u);
  ASSERT_EQ(apply(*module, result), "");
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  auto conv2 = llvm::cast<nn::ConvOp>(find(*module, "conv2"));
  const ActivationQuantizer &joined = *result.findActivation("concat");
  EXPECT_EQ(conv2.getClampMax()->convertToFloat(),
            float(joined.scale * double(7 - joined.zeroPoint)));
  EXPECT_EQ(conv2.getClampMin()->convertToFloat(),
            float(joined.scale * double(-8 - joined.zeroPoint)));
  ASSERT_TRUE(mlir::succeeded(quantize(*module, {})));
  for (llvm::StringRef name : {"conv1", "pool", "conv2", "concat"}) {
    auto type = elementOf<PerTensor>(find(*module, name)->getResult(0));
    ASSERT_TRUE(type) << name.str();
    EXPECT_EQ(type.getStorageTypeMin(), -8);
    EXPECT_EQ(type.getStorageTypeMax(), 7);
    EXPECT_EQ(type.getScale(), joined.scale);
    EXPECT_EQ(type.getZeroPoint(), joined.zeroPoint);
  }
  auto type = elementOf<PerAxis>(find(*module, "conv3")->getOperand(1));
  EXPECT_EQ(type.getStorageTypeMin(), -4);
  EXPECT_EQ(type.getStorageTypeMax(), 3);
  EXPECT_EQ(std::vector<double>(type.getScales()),
            result.findWeights("conv3")->scales);
}

TEST_F(Plans, BitsAreFoundAgainInPlainInt8Casts) {
  // As an ONNX file has it: int8 in every cast and constant, and the clamps.
  auto module = parse(network), plain = parse(network);
  QuantizationPlan result =
      plan(*module, {{"conv1", {5, 8}}, {"conv3", {2, 3}}, {"fc", {4, 8}}});
  ASSERT_EQ(apply(*module, result), "");
  std::string text = print(*module);
  for (llvm::StringRef range : {"<-4:3>", "<-2:1>", "<-8:7>", "<-16:15>"})
    for (size_t at; (at = text.find(range)) != std::string::npos;)
      text.erase(at, range.size());
  plain = parse(text);
  ASSERT_TRUE(plain);
  ASSERT_TRUE(mlir::succeeded(quantize(*module, {})));
  ASSERT_TRUE(mlir::succeeded(quantize(*plain, {})));
  EXPECT_EQ(print(*module), print(*plain));
  EXPECT_EQ(elementOf<PerTensor>(find(*module, "conv2")->getResult(0))
                .getStorageTypeMin(),
            -4);
}

TEST_F(Plans, ReluOnItsOwnBecomesAClip) {
  auto module = parse(R"mlir(
    func.func @main(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> tensor<1x1x4xf32> {
      %w = nn.constant dense<1.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
      %0 = nn.relu %x : (tensor<1x1x4xf32>) -> tensor<1x1x4xf32> loc("relu")
      %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
        : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("conv")
      return %1 : tensor<1x1x4xf32>
    })mlir");
  ranges.set("relu", {0.0, 3.0});
  ranges.set("conv", {0.0, 3.0});
  QuantizationPlan result = plan(*module, {{"conv", {8, 2}}});
  const ActivationQuantizer &quantizer = *result.findActivation("relu");
  EXPECT_EQ(quantizer.scale, 1.0);
  EXPECT_EQ(quantizer.zeroPoint, -2);
  ASSERT_EQ(apply(*module, result), "");
  auto clip = llvm::dyn_cast<nn::ClipOp>(find(*module, "relu"));
  ASSERT_TRUE(clip);
  EXPECT_EQ(clip.getMinimum()->convertToFloat(), 0.0f);
  EXPECT_EQ(clip.getMaximum()->convertToFloat(), 3.0f);
  ASSERT_TRUE(mlir::succeeded(quantize(*module, {})));
}

TEST_F(Plans, JsonKeepsEveryBit) {
  auto module = parse(network);
  QuantizationPlan before =
      plan(*module, {{"conv1", {3, 8}}, {"conv3", {8, 4}}});
  auto after = parsePlan(serializePlan(before));
  ASSERT_TRUE(bool(after)) << llvm::toString(after.takeError());
  ASSERT_EQ(before.activations.size(), after->activations.size());
  for (size_t i = 0; i < before.activations.size(); ++i) {
    const ActivationQuantizer &a = before.activations[i];
    const ActivationQuantizer &b = after->activations[i];
    EXPECT_EQ(a.values, b.values);
    EXPECT_EQ(a.bits, b.bits);
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_EQ(a.zeroPoint, b.zeroPoint);
    EXPECT_EQ(a.canNarrow, b.canNarrow);
  }
  ASSERT_EQ(before.weights.size(), after->weights.size());
  for (size_t i = 0; i < before.weights.size(); ++i) {
    EXPECT_EQ(before.weights[i].layer, after->weights[i].layer);
    EXPECT_EQ(before.weights[i].bits, after->weights[i].bits);
    EXPECT_EQ(before.weights[i].scales, after->weights[i].scales);
  }
  EXPECT_EQ(serializePlan(before), serializePlan(*after));
}

TEST_F(Plans, Errors) {
  auto module = parse(network);
  auto refusal = [&](const BitAssignment &bits) {
    auto result = planQuantization(getMain(*module), ranges, bits);
    return result ? "" : llvm::toString(result.takeError());
  };
  EXPECT_EQ(refusal({{"pool", {4, 4}}}),
            "expected bits for a conv or gemm, got 'pool'");
  EXPECT_EQ(refusal({{"fc", {9, 4}}}), "expected 2 to 8 bits for 'fc', got 9");
  QuantizationPlan missing = plan(*module);
  missing.activations.erase(missing.activations.begin());
  EXPECT_EQ(apply(*module, missing),
            "expected the plan to have a quantizer for 'x', got none");
  module = parse(network);
  QuantizationPlan narrow = plan(*module);
  narrow.activations[0].bits = 4;
  narrow.activations[0].zeroPoint = 0;
  EXPECT_EQ(apply(*module, narrow),
            "expected 8 bits for 'x', which no clamp can bound, got 4");
  auto bad = parsePlan(R"({"schema": "accopt.quantization-plan", "version": 1,
    "activations": [{"values": ["x"], "bits": 4, "scale": 0.5,
                     "zero_point": -9}], "weights": []})");
  EXPECT_EQ(bad ? "" : llvm::toString(bad.takeError()),
            "quantization plan: activations[0]: expected a \"zero_point\" in "
            "[-8, 7]");
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

TEST(LowBits, Ranges) {
  EXPECT_EQ(activationIntegers(4), (IntegerRange{-8, 7}));
  EXPECT_EQ(weightIntegers(8), (IntegerRange{-127, 127}));
  EXPECT_EQ(weightIntegers(2), (IntegerRange{-2, 1}));
  EXPECT_EQ(countBits({0, 0}), 2u);
  EXPECT_EQ(countBits({-8, 7}), 4u);
  EXPECT_EQ(countBits({-8, 8}), 5u);
  EXPECT_EQ(countBits({-128, 127}), 8u);
  EXPECT_EQ(chooseParams({0.0, 3.0}, activationIntegers(2)),
            (QuantParams{1.0, -2}));
}

TEST(LowBits, LeastErrorScaleIsNoWorseThanAnyOfAFineSearch) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (unsigned bits : {2u, 3u, 4u, 6u}) {
    std::vector<float> weights(200);
    for (float &weight : weights)
      weight = normal(random);
    IntegerRange integers = weightIntegers(bits);
    auto error = [&](double scale) {
      double sum = 0.0;
      for (float weight : weights) {
        double q = std::clamp(std::nearbyint(weight / scale),
                              double(integers.min), double(integers.max));
        sum += std::pow(weight - q * scale, 2);
      }
      return sum;
    };
    double least = INFINITY;
    for (int i = 1; i <= 2000; ++i)
      least = std::min(least, error(4.0 * i / 2000));
    // The search has a hundred steps and this one two thousand.
    EXPECT_LE(error(chooseLeastErrorScale(weights, integers)), 1.02 * least)
        << bits;
  }
}
