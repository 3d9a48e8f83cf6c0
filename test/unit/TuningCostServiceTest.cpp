//===- TuningCostServiceTest.cpp - Costs asked and costs compiled ---------===//

#include "accopt/Tuning/CostService.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/Driver/Compile.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace accopt;
using mlir::func::FuncOp;

namespace {

/// A random network as MLIR text, with random weights.
class RandomNetwork {
public:
  explicit RandomNetwork(unsigned seed) : random(seed) {}

  std::string make() {
    size = 4 + int(random() % 12);
    channels = 1 + int(random() % 5);
    std::string argument = type({1, channels, size, size});
    value = "%x";
    setShape();
    for (int i = 0, count = 2 + int(random() % 5); i < count; ++i)
      addLayer();
    if (random() % 2)
      addHead();
    return "func.func @main(%x: " + argument + " {nn.name = \"x\"}) -> (" +
           shape + " {nn.name = \"y\"}) {\n" + text + "  return " + value +
           " : " + shape + "\n}\n";
  }

private:
  static std::string type(std::vector<int> dims) {
    std::string result = "tensor<";
    for (int dim : dims)
      result += std::to_string(dim) + "x";
    return result + "f32>";
  }
  std::string name() { return "%" + std::to_string(next++); }
  std::string loc(const std::string &of) {
    return " loc(\"" + of.substr(1) + "\")\n";
  }
  void emit(const std::string &result, const std::string &op) {
    text += "  " + result + " = " + op + loc("%n" + result.substr(1));
    value = result;
  }
  std::string constant(std::vector<int> dims, bool positive = false,
                       bool zero = false) {
    size_t count = 1;
    for (int dim : dims)
      count *= size_t(dim);
    std::vector<float> data(count);
    for (float &element : data) {
      element = float(random() % 2000) / 1000 - (positive ? -0.01f : 1);
      if (zero)
        element = 0;
    }
    std::string result = name();
    text += "  " + result + " = nn.constant dense<\"0x" +
            llvm::toHex(llvm::StringRef(
                reinterpret_cast<const char *>(data.data()), count * 4)) +
            "\"> : " + type(dims) + " -> " + type(dims) + "\n";
    return result;
  }
  void setShape() { shape = type({1, channels, size, size}); }

  void addConv(int outputs, int kernel, int stride, bool depthwise) {
    int groups = depthwise ? channels : 1, pad = kernel / 2;
    std::vector<int> dims = {outputs, channels / groups, kernel, kernel};
    std::string weights = constant(dims), bias;
    bool hasBias = random() % 2;
    if (hasBias)
      bias = constant({outputs});
    std::string from = value, before = type({1, channels, size, size});
    size = (size + 2 * pad - kernel) / stride + 1;
    channels = outputs;
    setShape();
    auto pair = [](int v) {
      return "array<i64: " + std::to_string(v) + ", " + std::to_string(v) + ">";
    };
    std::string p = std::to_string(pad);
    emit(name(), "nn.conv " + from + ", " + weights +
                     (hasBias ? " bias " + bias : "") + " {dilations = " +
                     pair(1) + ", groups = " + std::to_string(groups) +
                     " : i64, pads = array<i64: " + p + ", " + p + ", " + p +
                     ", " + p + ">, strides = " + pair(stride) + "} : (" +
                     before + ", " + type(dims) +
                     (hasBias ? ", " + type({outputs}) : "") + ") -> " + shape);
  }
  void addNorm() {
    std::string c = type({channels});
    bool centred = random() % 3 == 0;
    std::string scale = constant({channels}),
                shift = constant({channels}, false, centred),
                mean = constant({channels}, false, centred),
                variance = constant({channels}, true);
    emit(name(), "nn.batch_norm " + value + ", " + scale + ", " + shift + ", " +
                     mean + ", " + variance + " {epsilon = 1.0e-5 : f32} : (" +
                     shape + ", " + c + ", " + c + ", " + c + ", " + c +
                     ") -> " + shape);
  }
  void addActivation() {
    const char *ops[] = {"relu", "sigmoid", "hard_swish"};
    emit(name(), std::string("nn.") + ops[random() % 3] + " " + value + " : (" +
                     shape + ") -> " + shape);
  }
  void addLayer() {
    if (random() % 4 == 0)
      addNorm(); // before the convolution, which is another fold
    std::string skip = value;
    int before = channels, beforeSize = size;
    addConv(1 + int(random() % 40), random() % 2 ? 3 : 1, 1 + random() % 2,
            false);
    if (random() % 3)
      addNorm();
    if (random() % 3)
      addActivation();
    if (random() % 3 == 0)
      addConv(channels, 3, 1, true);
    if (random() % 2 && before == channels && beforeSize == size)
      emit(name(), "nn.add " + value + ", " + skip + " : (" + shape + ", " +
                       shape + ") -> " + shape);
    else if (random() % 2) {
      std::string fork = value;
      addConv(channels, 3, 1, false);
      emit(name(), "nn.add " + value + ", " + fork + " : (" + shape + ", " +
                       shape + ") -> " + shape);
    }
  }
  void addHead() {
    std::string before = shape, flat = type({1, channels * size * size});
    emit(name(), "nn.reshape " + value + " : (" + before + ") -> " + flat);
    std::vector<int> dims = {10, channels * size * size};
    std::string weights = constant(dims), bias = constant({10});
    shape = type({1, 10});
    emit(name(), "nn.gemm " + value + ", " + weights + " bias " + bias +
                     " {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, "
                     "trans_b = true} : (" +
                     flat + ", " + type(dims) + ", " + type({10}) + ") -> " +
                     shape);
  }

  std::mt19937 random;
  std::string text, value, shape;
  int size = 0, channels = 0, next = 0;
};

class TuningCostService : public testing::Test {
protected:
  TuningCostService() : context(mlir::MLIRContext::Threading::DISABLED) {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  static Machine machine(llvm::StringRef name) {
    return llvm::cantFail(loadMachine(name));
  }
  /// What acc-opt reports.
  CostReport compiled(const std::string &path, const Machine &machine) {
    CompileOptions options;
    options.input = path;
    options.quiet = true;
    auto layers = compileToLayers(options, context);
    EXPECT_TRUE(layers);
    auto program = compileLayers(*layers, machine);
    EXPECT_TRUE(succeeded(program));
    auto cost = llvm::cantFail(analyzeCost(*program));
    return buildCostReport(*program, cost.layers, "analysis");
  }
  void expectEqual(const NetworkCost &cost, const CostReport &report) {
    EXPECT_EQ(cost.cycles, double(report.total.cycles));
    EXPECT_EQ(cost.energyPj, report.total.energyPj);
    EXPECT_EQ(int64_t(cost.macs), report.total.counts.macs);
    ASSERT_EQ(cost.layers.size(), report.ops.size());
    for (auto [layer, op] : llvm::zip_equal(cost.layers, report.ops)) {
      EXPECT_EQ(layer.name, op.name);
      EXPECT_EQ(layer.op, op.op);
      EXPECT_EQ(layer.cycles, double(op.cycles)) << op.name;
      EXPECT_EQ(layer.energyPj, op.energyPj()) << op.name;
    }
  }
  void fuse(mlir::ModuleOp module) {
    mlir::PassManager manager(&context);
    buildFloatPipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(module)));
  }
  static NetworkCost take(llvm::Expected<NetworkCost> cost) {
    if (cost)
      return *cost;
    ADD_FAILURE() << llvm::toString(cost.takeError());
    return {};
  }

  mlir::MLIRContext context;
};

const char *kDigits = ACCOPT_TEST_INPUTS "/../../../models/digits.onnx";
} // namespace

TEST_F(TuningCostService, DigitsCostWhatTheCompilerSays) {
  auto module = importOnnx(kDigits, {}, context, llvm::errs());
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<FuncOp>("main");
  for (const char *name : {"systolic16x16", "systolic32x32"}) {
    CostService service(machine(name));
    CostReport report = compiled(kDigits, service.machine());
    expectEqual(take(service.exact(function)), report);
  }
  // The fused function costs the same.
  fuse(*module);
  CostService service(machine("systolic16x16"));
  expectEqual(take(service.exact(function)),
              compiled(kDigits, service.machine()));
}

TEST_F(TuningCostService, RandomNetworksCostWhatTheCompilerSays) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  CostService service(machine("systolic16x16"));
  for (unsigned i = 0; i < 40; ++i) {
    SCOPED_TRACE("network " + std::to_string(i));
    std::string text = RandomNetwork(seed + i).make();
    llvm::SmallString<128> path;
    int descriptor = 0;
    ASSERT_FALSE(
        llvm::sys::fs::createTemporaryFile("net", "mlir", descriptor, path));
    llvm::raw_fd_ostream(descriptor, true) << text;
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(path, &context);
    ASSERT_TRUE(module);
    CostReport report = compiled(path.str().str(), service.machine());
    auto function = module->lookupSymbol<FuncOp>("main");
    expectEqual(take(service.exact(function)), report);
    llvm::sys::fs::remove(path);
  }
}

/// Estimates are not exact; this holds what docs/Design/CostQueries.md says.
TEST_F(TuningCostService, EstimatesComeNear) {
  CostService service(machine("systolic16x16"));
  std::vector<std::string> paths = {kDigits};
  if (const char *more = std::getenv("ACCOPT_MODELS"))
    for (llvm::StringRef path : llvm::split(more, ':'))
      paths.push_back(path.str());
  for (const std::string &path : paths) {
    SCOPED_TRACE(path);
    auto module = importOnnx(path, {}, context, llvm::errs());
    ASSERT_TRUE(module);
    auto function = module->lookupSymbol<FuncOp>("main");
    NetworkCost exact = take(service.exact(function));
    auto before = service.statistics();
    NetworkCost estimate = take(service.estimate(function));
    auto middle = service.statistics();
    for (int i = 0; i < 10; ++i)
      take(service.estimate(function));
    fuse(*module);
    auto after = service.statistics();
    for (int i = 0; i < 10; ++i)
      take(service.estimate(function));
    auto last = service.statistics();
    std::printf("%s: cycles %.0f, estimate %.3f of it, energy %.3f, first "
                "%.1f ms, again %.2f ms, fused %.2f ms, layers %zu/%zu\n",
                path.c_str(), exact.cycles, estimate.cycles / exact.cycles,
                estimate.energyPj / exact.energyPj,
                1e3 * (middle.seconds - before.seconds),
                1e2 * (after.seconds - middle.seconds),
                1e2 * (last.seconds - after.seconds), estimate.layers.size(),
                exact.layers.size());
    if (std::getenv("ACCOPT_VERBOSE")) {
      for (auto &layer : estimate.layers)
        std::printf("  ~ %-10s %8.0f %s\n", layer.op.c_str(), layer.cycles,
                    layer.name.c_str());
      for (auto &layer : exact.layers)
        std::printf("  = %-10s %8.0f %s\n", layer.op.c_str(), layer.cycles,
                    layer.name.c_str());
    }
    EXPECT_EQ(estimate.macs, exact.macs);
    EXPECT_NEAR(estimate.cycles / exact.cycles, 1, 0.2);
    EXPECT_NEAR(estimate.energyPj / exact.energyPj, 1, 0.15);
  }
}

TEST_F(TuningCostService, FewerBitsCostWhatTheCompilerSays) {
  auto module = importOnnx(kDigits, {}, context, llvm::errs());
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<FuncOp>("main");
  CostService service(machine("systolic16x16"));
  NetworkCost full = take(service.exact(function));
  fuse(*module);
  for (unsigned width : {4, 2}) {
    SCOPED_TRACE(width);
    BitAssignment bits;
    for (const auto &[value, name] : nameValues(function))
      if (mlir::isa_and_nonnull<nn::ConvOp, nn::GemmOp>(value.getDefiningOp()))
        bits[name] = {width, width};
    NetworkCost cost = take(service.exact(function, bits));
    EXPECT_LT(cost.weightBytes, full.weightBytes);
    EXPECT_LT(cost.dramBytes, full.dramBytes);
    EXPECT_EQ(cost.macs, full.macs);
    NetworkCost estimate = take(service.estimate(function, bits));
    EXPECT_NEAR(estimate.energyPj / cost.energyPj, 1, 0.15);
    EXPECT_NEAR(estimate.cycles / cost.cycles, 1, 0.2);

    // The same through the plan that training ends with, and the Driver.
    mlir::OwningOpRef<mlir::ModuleOp> planned = module->clone();
    auto main = planned->lookupSymbol<FuncOp>("main");
    RangeTable ranges = llvm::cantFail(inferRanges(main));
    QuantizationPlan plan =
        llvm::cantFail(planQuantization(main, ranges, bits));
    llvm::cantFail(applyPlan(main, plan));
    llvm::SmallString<128> path;
    int descriptor = 0;
    ASSERT_FALSE(
        llvm::sys::fs::createTemporaryFile("net", "mlir", descriptor, path));
    {
      llvm::raw_fd_ostream os(descriptor, true);
      planned->print(os, mlir::OpPrintingFlags().enableDebugInfo(true, false));
    }
    expectEqual(cost, compiled(path.str().str(), service.machine()));
    llvm::sys::fs::remove(path);
  }
}

TEST_F(TuningCostService, AsksOnceForEachLayer) {
  auto module = importOnnx(kDigits, {}, context, llvm::errs());
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<FuncOp>("main");
  CostService service(machine("systolic16x16"));
  NetworkCost first = take(service.estimate(function));
  uint64_t misses = service.statistics().layerMisses;
  EXPECT_LE(misses, first.layers.size());
  NetworkCost second = take(service.estimate(function));
  EXPECT_EQ(service.statistics().layerMisses, misses);
  EXPECT_EQ(service.statistics().layerQueries, 2 * first.layers.size());
  EXPECT_EQ(service.statistics().networkQueries, 2u);
  EXPECT_EQ(first.cycles, second.cycles);
  EXPECT_EQ(first.energyPj, second.energyPj);
  EXPECT_EQ(first.get(Objective::EnergyDelay), first.cycles * first.energyPj);
}

TEST_F(TuningCostService, ErrorsAreOneLine) {
  auto module = importOnnx(kDigits, {}, context, llvm::errs());
  ASSERT_TRUE(module);
  // Not one column of weights fits.
  Machine small = machine("systolic16x16");
  small.scratchpadBytes = 64;
  CostService service(small);
  auto cost = service.exact(module->lookupSymbol<FuncOp>("main"));
  ASSERT_FALSE(bool(cost));
  std::string text = llvm::toString(cost.takeError());
  EXPECT_THAT(text, testing::HasSubstr("scratchpad"));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}
