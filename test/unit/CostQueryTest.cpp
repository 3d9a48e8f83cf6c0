//===- CostQueryTest.cpp - Costs asked again and programs emitted ---------===//

#include "RandomNetwork.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/Driver/Compile.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Schedule/CostQuery.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/QuantizationPlan.h"

#include "dialects/Accel/AccelOps.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <random>

using namespace accopt;
using accopt::test::RandomNetwork;

namespace {

class CostQueryTest : public testing::Test {
protected:
  CostQueryTest() : context(mlir::MLIRContext::Threading::DISABLED) {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Layers of a random network with random bits.
  mlir::OwningOpRef<mlir::ModuleOp> makeLayers(std::mt19937 &random) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        RandomNetwork(random(), /*isVaried=*/true).make(), &context);
    EXPECT_TRUE(module);
    mlir::PassManager manager(&context);
    buildFloatPipeline(manager);
    EXPECT_TRUE(succeeded(manager.run(*module)));
    auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
    BitAssignment bits;
    if (random() % 2)
      for (const auto &[value, name] : nameValues(main))
        if (mlir::isa_and_nonnull<nn::ConvOp, nn::GemmOp>(
                value.getDefiningOp()))
          bits[name] = {2 + unsigned(random() % 7), 2 + unsigned(random() % 7)};
    RangeTable ranges = llvm::cantFail(inferRanges(main));
    QuantizationPlan plan =
        llvm::cantFail(planQuantization(main, ranges, bits));
    llvm::cantFail(applyPlan(main, plan));
    llvm::SmallString<128> path;
    int descriptor = 0;
    EXPECT_FALSE(
        llvm::sys::fs::createTemporaryFile("net", "mlir", descriptor, path));
    {
      llvm::raw_fd_ostream os(descriptor, true);
      module->print(os, mlir::OpPrintingFlags().enableDebugInfo(true, false));
    }
    CompileOptions options;
    options.input = path.str().str();
    options.quiet = true;
    auto layers = compileToLayers(options, context);
    EXPECT_TRUE(layers);
    llvm::sys::fs::remove(path);
    return layers;
  }

  Machine makeMachine(std::mt19937 &random) {
    Machine machine = llvm::cantFail(loadMachine("systolic16x16"));
    machine.rows = 4u << random() % 4;
    machine.columns = 4u << random() % 4;
    machine.scratchpadBytes = 8192u << random() % 6;
    machine.accumulatorBytes = 4096u << random() % 5;
    machine.dramBytesPerCycle = 4u << random() % 4;
    machine.dramBurstBytes = 1u << random() % 6;
    machine.dramLatency = unsigned(random() % 300);
    machine.lanes = 8u << random() % 4;
    machine.hostOverheadCycles = unsigned(random() % 3000);
    const Dataflow dataflows[] = {
        Dataflow::WeightStationary, Dataflow::OutputStationary,
        Dataflow::InputStationary, Dataflow::WeightOrOutput};
    machine.dataflow = dataflows[random() % 4];
    machine.arrayRate4Bit = 1 + unsigned(random() % 2);
    return machine;
  }

  /// Asks, and emits the whole program. Whether the network fits.
  bool expectEqual(CostQuery &query, mlir::ModuleOp layers,
                   const CostCache &cache, ScheduleOptions options) {
    mlir::ScopedDiagnosticHandler quiet(
        &context, [](mlir::Diagnostic &) { return mlir::success(); });
    auto cost = query.cost();
    options.packConstants = false;
    auto program = schedule(layers, cache.machine(), options);
    EXPECT_EQ(succeeded(cost), succeeded(program));
    if (failed(cost) || failed(program))
      return false;
    CostAnalysis whole = llvm::cantFail(analyzeCost(*program));
    EXPECT_EQ(cost->cycles, whole.cycles);
    EXPECT_EQ(cost->constantBytes, program->missingConstantBytes);
    EXPECT_EQ(cost->layers.size(), whole.layers.size());
    double energyPj = 0;
    for (auto [index, layer] : llvm::enumerate(whole.layers)) {
      SCOPED_TRACE("layer " + std::to_string(index));
      const QueriedLayer &asked = cost->layers[index];
      EXPECT_EQ(asked.cycles, layer.cycles);
      EXPECT_EQ(asked.quantities, layer.quantities);
      double own =
          energy(layer.quantities, layer.cycles, cache.machine()).total();
      EXPECT_EQ(asked.energyPj, own);
      energyPj += own;
    }
    EXPECT_EQ(cost->energyPj, energyPj);
    return true;
  }

  mlir::MLIRContext context;
};

void setBits(CostQuery &query, size_t layer, int weights, int inputs) {
  llvm::TypeSwitch<mlir::Operation *>(query.layer(layer))
      .Case<accel::Conv2DOp, accel::DepthwiseConv2DOp>([&](auto conv) {
        conv.setWeightBits(weights);
        conv.setInputBits(inputs);
        query.setBits(layer, {weights, inputs, query.bits(layer).output});
      });
}
} // namespace

TEST_F(CostQueryTest, EqualsTheProgramOfRandomNetworksOnRandomMachines) {
  const char *given = std::getenv("ACCOPT_SEED");
  unsigned seed = given ? unsigned(std::stoul(given)) : std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  unsigned fitting = 0;
  uint64_t queries = 0, wholePrograms = 0;
  for (unsigned m = 0; m < 10; ++m) {
    ScheduleOptions options;
    options.objective = Objective(random() % 3);
    options.stacks = random() % 4 != 0;
    CostCache cache(makeMachine(random), options);
    for (unsigned n = 0; n < 12; ++n) {
      SCOPED_TRACE("machine " + std::to_string(m) + ", network " +
                   std::to_string(n));
      auto layers = makeLayers(random);
      ASSERT_TRUE(layers);
      auto query = CostQuery::read(*layers, cache);
      ASSERT_TRUE(succeeded(query));
      // As it is, again, and after a change of one layer each.
      for (unsigned i = 0; i < 4; ++i) {
        if (i > 1)
          setBits(*query, random() % query->layerCount(), 2 + int(random() % 7),
                  2 + int(random() % 7));
        fitting += expectEqual(*query, *layers, cache, options);
      }
      ASSERT_FALSE(HasFailure());
    }
    const CostCache::Statistics &known = cache.statistics();
    queries += known.queries;
    wholePrograms += known.wholePrograms;
    EXPECT_LT(known.newUnits, known.units);
    EXPECT_LT(known.newTransitions, known.transitions);
  }
  std::printf("%u of %zu fit, %zu needed the whole program\n", fitting,
              size_t(queries), size_t(wholePrograms));
  EXPECT_GT(fitting, queries / 4);
  // Or the rest tests nothing.
  EXPECT_LT(wholePrograms, queries / 4);
}
