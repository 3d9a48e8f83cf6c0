//===- TuningCostServiceTest.cpp - Costs asked and costs compiled ---------===//

#include "RandomNetwork.h"

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
using accopt::test::RandomNetwork;
using mlir::func::FuncOp;

namespace {

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
    buildFloatPipeline(manager, {.fuseFunctions = false});
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
    auto start = service.statistics();
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
    CostService other(service.machine());
    take(other.exact(function));
    double compiled = other.statistics().seconds;
    BitCosts costs(other, function);
    double prepared = other.statistics().seconds - compiled;
    // One layer after the other at fewer bits.
    unsigned queries = 0;
    double asked = -other.statistics().seconds;
    for (const auto &[value, name] : nameValues(function))
      if (mlir::isa_and_nonnull<nn::ConvOp, nn::GemmOp>(
              value.getDefiningOp())) {
        take(costs.exact({{name, {4, 4}}}));
        ++queries;
      }
    double again = -other.statistics().seconds;
    asked -= again;
    for (const auto &[value, name] : nameValues(function))
      if (mlir::isa_and_nonnull<nn::ConvOp, nn::GemmOp>(value.getDefiningOp()))
        take(costs.exact({{name, {4, 4}}}));
    again += other.statistics().seconds;
    std::printf("  exact: %.1f ms, fused %.1f ms; of bits: %.0f ms at first, "
                "then %.0f us for each new, %.0f us again (%zu of %u without "
                "compiling)\n",
                1e3 * (before.seconds - start.seconds), 1e3 * compiled,
                1e3 * prepared, 1e6 * asked / queries, 1e6 * again / queries,
                size_t(other.statistics().bitQueries) / 2, queries);
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

/// What a search for bits asks is what compiling with those bits says.
TEST_F(TuningCostService, BitsOfRandomNetworksCostWhatTheCompilerSays) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  CostService service(machine("systolic16x16{scratchpad_bytes=32768}"));
  uint64_t asked = 0;
  for (unsigned i = 0; i < 12; ++i) {
    SCOPED_TRACE("network " + std::to_string(i));
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        RandomNetwork(random(), /*isVaried=*/true).make(), &context);
    ASSERT_TRUE(module);
    fuse(*module);
    auto function = module->lookupSymbol<FuncOp>("main");
    // Some have a layer whose smallest tile is larger than the scratchpad; with
    // fewer bits none is larger than with 8.
    llvm::Expected<NetworkCost> whole =
        CostService(service.machine()).exact(function);
    if (!whole) {
      EXPECT_NE(llvm::toString(whole.takeError()).find("scratchpad"),
                std::string::npos);
      continue;
    }
    BitCosts costs(service, function);
    for (unsigned n = 0; n < 6; ++n, ++asked) {
      BitAssignment bits;
      for (const auto &[value, name] : nameValues(function))
        if (mlir::isa_and_nonnull<nn::ConvOp, nn::GemmOp>(
                value.getDefiningOp()) &&
            random() % 3)
          bits[name] = {2 + unsigned(random() % 7), 2 + unsigned(random() % 7)};
      CostService other(service.machine());
      NetworkCost cost = take(costs.exact(bits));
      NetworkCost compiled = take(other.exact(function, bits));
      EXPECT_EQ(cost.cycles, compiled.cycles);
      EXPECT_EQ(cost.energyPj, compiled.energyPj);
      EXPECT_EQ(cost.weightBytes, compiled.weightBytes);
      EXPECT_EQ(cost.dramBytes, compiled.dramBytes);
      ASSERT_EQ(cost.layers.size(), compiled.layers.size());
      for (auto [a, b] : llvm::zip_equal(cost.layers, compiled.layers)) {
        EXPECT_EQ(a.name, b.name);
        EXPECT_EQ(a.cycles, b.cycles) << a.name;
        EXPECT_EQ(a.bits, b.bits) << a.name;
      }
    }
  }
  // Of the others it is not known beforehand what bits make of them.
  std::printf("%zu of %zu without compiling\n",
              size_t(service.statistics().bitQueries), size_t(asked));
  EXPECT_GT(service.statistics().bitQueries, asked / 2);
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
