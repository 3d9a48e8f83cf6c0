//===- ChannelGroupsTest.cpp - Removed is the same as zeroed --------------===//
//
// Random networks, as they are and after the float pipeline: of every group a
// random choice of units is set to zero in one copy and removed in another.
// MLIR's JIT computes the same outputs for both. ACCOPT_TEST_SEED and
// ACCOPT_TEST_COUNT choose other networks.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroupsNetwork.h"

#include "accopt/Execution/Executor.h"
#include "accopt/Transforms/ChannelGroups.h"
#include "accopt/Transforms/Pipelines.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

using namespace accopt;
using mlir::ModuleOp;
using mlir::OwningOpRef;
using mlir::func::FuncOp;

namespace {
using Keep = std::vector<llvm::SmallVector<int64_t>>;
using Outputs = std::vector<std::vector<float>>;

class ChannelGroupsTest : public testing::Test {
protected:
  ChannelGroupsTest() {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
  }

  static FuncOp getFunction(ModuleOp module) {
    return *module.getOps<FuncOp>().begin();
  }
  OwningOpRef<ModuleOp> parse(llvm::StringRef text) {
    auto module = mlir::parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return module;
  }

  /// Results on a fixed random input.
  static Outputs run(ModuleOp module) {
    FuncOp function = getFunction(module);
    std::mt19937 generator(7);
    std::normal_distribution<float> normal;
    std::vector<Tensor> inputs;
    for (mlir::Type type : function.getArgumentTypes()) {
      auto tensor = llvm::cast<mlir::RankedTensorType>(type);
      std::vector<float> values(tensor.getNumElements());
      for (float &value : values)
        value = normal(generator);
      inputs.push_back(Tensor::create<float>(tensor.getShape(), values));
    }
    mlir::Operation *terminator = function.getBody().front().getTerminator();
    Outputs results(terminator->getNumOperands());
    auto take = [&](mlir::Value value, llvm::ArrayRef<float> data,
                    llvm::ArrayRef<int64_t>) {
      for (mlir::OpOperand &operand : terminator->getOpOperands())
        if (operand.get() == value)
          results[operand.getOperandNumber()].assign(data.begin(), data.end());
    };
    auto runner = IntermediateRunner::create(function, {.optLevel = 0});
    if (!runner) {
      ADD_FAILURE() << toString(runner.takeError());
      return results;
    }
    if (llvm::Error error = (*runner)->run(inputs, take))
      ADD_FAILURE() << toString(std::move(error));
    return results;
  }

  static void expectSame(const Outputs &a, const Outputs &b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].size(), b[i].size()) << "result " << i;
      ASSERT_FALSE(a[i].empty()) << "result " << i;
      float largest = 0.0f;
      for (float value : a[i])
        largest = std::max(largest, std::fabs(value));
      for (size_t k = 0; k < a[i].size(); ++k)
        ASSERT_NEAR(a[i][k], b[i][k], 1e-5f * (1.0f + largest))
            << "result " << i << ", element " << k;
    }
  }

  /// A random choice of units of every prunable group.
  static Keep chooseUnits(const ChannelGroups &groups,
                          std::mt19937 &generator) {
    Keep keep;
    for (const ChannelGroup &group : groups.groups()) {
      llvm::SmallVector<int64_t> units;
      for (int64_t unit = 0; unit < group.units; ++unit)
        if (!group.isPrunable() || generator() % 2)
          units.push_back(unit);
      if (units.empty())
        units.push_back(int64_t(generator() % group.units));
      keep.push_back(units);
    }
    return keep;
  }

  /// How many parameters (elements) removal left out.
  static int64_t countElements(ModuleOp module) {
    int64_t count = 0;
    module.walk([&](nn::ConstantOp constant) {
      count += constant.getType().getNumElements();
    });
    return count;
  }

  /// Removes and zeroes the same units; returns how many elements went.
  int64_t compare(ModuleOp module, std::mt19937 &generator) {
    ChannelGroups groups(getFunction(module));
    Keep keep = chooseUnits(groups, generator);
    OwningOpRef<ModuleOp> zeroed = module.clone(), removed = module.clone();
    FuncOp zeroedFunction = getFunction(*zeroed);
    FuncOp removedFunction = getFunction(*removed);
    EXPECT_TRUE(succeeded(
        zeroChannels(zeroedFunction, ChannelGroups(zeroedFunction), keep)));
    EXPECT_TRUE(succeeded(
        removeChannels(removedFunction, ChannelGroups(removedFunction), keep)));
    EXPECT_TRUE(succeeded(mlir::verify(*removed)));
    if (HasFailure()) {
      removed->dump();
      return 0;
    }
    expectSame(run(*zeroed), run(*removed));
    if (HasFailure()) {
      module.dump();
      groups.print(llvm::errs());
    }
    return countElements(module) - countElements(*removed);
  }

  mlir::MLIRContext context;
};
} // namespace

TEST_F(ChannelGroupsTest, RandomNetworks) {
  const char *chosen = std::getenv("ACCOPT_TEST_SEED");
  unsigned seed = chosen ? unsigned(std::atoi(chosen)) : 4100;
  const char *number = std::getenv("ACCOPT_TEST_COUNT");
  unsigned count = number ? unsigned(std::atoi(number)) : 12;
  int64_t removed = 0;
  for (unsigned i = 0; i < count; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + i));
    std::mt19937 generator(seed + i);
    OwningOpRef<ModuleOp> module =
        test::RandomNetwork(context, seed + i).grow(4 + int(i % 12));
    ASSERT_TRUE(succeeded(mlir::verify(*module)));
    removed += compare(*module, generator);
    mlir::PassManager manager(&context);
    buildFloatPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module)));
    removed += compare(*module, generator);
    if (HasFailure())
      return;
  }
  // About a quarter of what can shrink in two dimensions stays.
  EXPECT_GT(removed, int64_t(count) * 100);
}

/// Two blocks with a sum that is fused by the float pipeline. The last
/// convolution of each branch has weights and bias of zero.
static const char *const zeroBranches = R"(
  func.func @main(%x: tensor<1x2x3x3xf32>) -> tensor<1x4x3x3xf32> {
    %w1 = nn.constant dense<[[[[1.0]],[[-2.0]]],[[[0.5]],[[1.5]]],[[[-1.0]],[[0.25]]],[[[2.0]],[[1.0]]]]> : tensor<4x2x1x1xf32> -> tensor<4x2x1x1xf32>
    %w2 = nn.constant dense<0.5> : tensor<4x4x3x3xf32> -> tensor<4x4x3x3xf32>
    %z = nn.constant dense<0.0> : tensor<4x4x1x1xf32> -> tensor<4x4x1x1xf32>
    %0 = nn.conv %x, %w1 {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x2x3x3xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x3x3xf32>
    %1 = nn.conv %0, %w2 {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
      : (tensor<1x4x3x3xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x3x3xf32>
    %2 = nn.conv %1, %z {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x4x3x3xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x3x3xf32>
    %3 = nn.add %0, %2 : (tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
    %4 = nn.clip %3 {maximum = 1.0 : f32, minimum = -0.5 : f32} : (tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
    %5 = nn.conv %4, %z {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x4x3x3xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x3x3xf32>
    %6 = nn.add %5, %4 : (tensor<1x4x3x3xf32>, tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
    %7 = nn.relu %6 : (tensor<1x4x3x3xf32>) -> tensor<1x4x3x3xf32>
    return %7 : tensor<1x4x3x3xf32>
  })";

TEST_F(ChannelGroupsTest, ABranchThatIsZeroCanBeRemoved) {
  for (bool fuse : {false, true}) {
    OwningOpRef<ModuleOp> module = parse(zeroBranches);
    Outputs expected = run(*module);
    if (fuse) {
      mlir::PassManager manager(&context);
      buildFloatPipeline(manager);
      ASSERT_TRUE(succeeded(manager.run(*module)));
    }
    FuncOp function = getFunction(*module);
    ASSERT_EQ(findResidualBranches(function).size(), 2u);
    for (size_t left : {1u, 0u}) {
      removeBranch(findResidualBranches(function).front());
      EXPECT_TRUE(succeeded(mlir::verify(*module)));
      EXPECT_EQ(findResidualBranches(function).size(), left);
      expectSame(expected, run(*module));
    }
    int convolutions = 0;
    module->walk([&](nn::ConvOp) { ++convolutions; });
    EXPECT_EQ(convolutions, 1);
  }
}

TEST_F(ChannelGroupsTest, MagnitudesAddSquaresOfAllParameters) {
  OwningOpRef<ModuleOp> module = parse(R"(
    func.func @main(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
      %w = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
      %b = nn.constant dense<[3.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
      %v = nn.constant dense<[[5.0], [6.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
      %0 = nn.gemm %x, %w bias %b {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
        : (tensor<1x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<1x2xf32>
      %1 = nn.matmul %0, %v : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
      return %1 : tensor<1x1xf32>
    })");
  ChannelGroups groups(getFunction(*module));
  std::vector<std::vector<double>> prunable;
  for (const ChannelGroup &group : groups.groups())
    if (group.isPrunable())
      prunable.push_back(magnitudes(group));
  std::vector<double> expected{1 + 9 + 25, 4 + 16 + 36};
  ASSERT_EQ(prunable.size(), 1u);
  EXPECT_EQ(prunable[0], expected);
}

TEST_F(ChannelGroupsTest, RefusesWhatDoesNotFit) {
  OwningOpRef<ModuleOp> module = parse(zeroBranches);
  FuncOp function = getFunction(*module);
  ChannelGroups groups(function);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
    message = d.str();
    return mlir::success();
  });
  Keep all;
  size_t fixed = 0, free = 0;
  for (const ChannelGroup &group : groups.groups()) {
    (group.isPrunable() ? free : fixed) = all.size();
    llvm::SmallVector<int64_t> units(group.units);
    std::iota(units.begin(), units.end(), 0);
    all.push_back(units);
  }
  auto refuse = [&](size_t group, llvm::SmallVector<int64_t> units,
                    llvm::StringRef why) {
    Keep keep = all;
    keep[group] = std::move(units);
    EXPECT_TRUE(failed(removeChannels(function, groups, keep)));
    EXPECT_NE(message.find(why), std::string::npos) << message;
  };
  refuse(fixed, {0}, "as it reaches result 0");
  refuse(free, {}, "expected at least one unit to keep");
  refuse(free, {1, 0}, "expected ascending units");
  refuse(free, {99}, "expected ascending units below 4, got 99");
  EXPECT_TRUE(failed(removeChannels(function, groups, {})));
}
