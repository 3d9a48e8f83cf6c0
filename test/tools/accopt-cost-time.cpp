//===- accopt-cost-time.cpp - How long a network's cost takes -------------===//
//
//   accopt-cost-time MODEL.onnx [--target=T] [--repeat=N] [--seed=S]
//   accopt-cost-time MODEL.onnx --check=N [--seed=S]
//
// Compiles to layers once, then times cost queries (CostQuery.h): with nothing
// known; the same again; and again after the bits of one layer have changed, to
// bits that it has not had and that it has had before. Prints microseconds, the
// least of `--repeat` each but the median where layers change, and what the
// whole program takes that a query stands for.
//
// With --check, sets random bits in the layers and compares the query with the
// whole program's cost, which it must be equal to.
//
//===----------------------------------------------------------------------===//

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/Driver/Compile.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Schedule/CostQuery.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/MachineIO.h"

#include "dialects/Accel/AccelOps.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"

#include <chrono>
#include <random>

namespace cl = llvm::cl;
using namespace accopt;

static cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                                      cl::desc("MODEL.onnx"));
static cl::opt<std::string> target("target", cl::init("systolic16x16"));
static cl::opt<unsigned> repeat("repeat", cl::init(20));
static cl::opt<unsigned> check("check", cl::init(0));
static cl::opt<unsigned> seed("seed", cl::init(0));

/// Microseconds of `action`, or the error's line on standard error.
static double timeOf(llvm::function_ref<bool()> action) {
  auto begin = std::chrono::steady_clock::now();
  if (!action())
    exit(1);
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

/// What a program costs that is emitted and analysed as a whole.
static CostAnalysis wholeCost(mlir::ModuleOp module, const Machine &machine) {
  ScheduleOptions options;
  options.packConstants = false;
  llvm::FailureOr<Program> program = schedule(module, machine, options);
  if (failed(program))
    exit(1);
  return llvm::cantFail(analyzeCost(*program));
}

/// Layers whose bits can change.
static std::vector<size_t> weightedLayers(const CostQuery &query) {
  std::vector<size_t> layers;
  for (size_t i = 0; i < query.layerCount(); ++i)
    if (llvm::isa<accel::Conv2DOp, accel::DepthwiseConv2DOp>(query.layer(i)))
      layers.push_back(i);
  return layers;
}

/// In the query and in the module that it was read from.
static void setBits(CostQuery &query, size_t layer, int weights, int inputs) {
  query.setBits(layer, {weights, inputs, query.bits(layer).output});
  llvm::TypeSwitch<mlir::Operation *>(query.layer(layer))
      .Case<accel::Conv2DOp, accel::DepthwiseConv2DOp>([&](auto conv) {
        conv.setWeightBits(weights);
        conv.setInputBits(inputs);
      });
}

static int checkQueries(mlir::ModuleOp module, const Machine &machine) {
  CostCache cache(machine);
  auto query = CostQuery::read(module, cache);
  if (failed(query))
    return 1;
  std::mt19937 random(seed);
  std::vector<size_t> layers = weightedLayers(*query);
  for (unsigned i = 0; i < check; ++i) {
    for (unsigned n = random() % 4; i && n-- > 0 && !layers.empty();)
      setBits(*query, layers[random() % layers.size()], 2 + int(random() % 7),
              2 + int(random() % 7));
    auto cost = query->cost();
    if (failed(cost))
      return 1;
    CostAnalysis whole = wholeCost(module, machine);
    bool isEqual = cost->cycles == whole.cycles &&
                   cost->layers.size() == whole.layers.size();
    double energyPj = 0;
    for (auto [a, b] : llvm::zip(cost->layers, whole.layers)) {
      isEqual &= a.cycles == b.cycles && a.quantities == b.quantities;
      energyPj += energy(b.quantities, b.cycles, machine).total();
    }
    if (isEqual && energyPj == cost->energyPj)
      continue;
    llvm::errs() << "error: " << modelPath << ": query " << i << " of seed "
                 << seed << ": expected " << whole.cycles << " cycles and "
                 << energyPj << " pJ, got " << cost->cycles << " and "
                 << cost->energyPj << '\n';
    return 1;
  }
  const CostCache::Statistics &known = cache.statistics();
  llvm::outs() << check << " queries equal, seed " << seed << ", "
               << known.newUnits << " of " << known.units << " units emitted, "
               << known.newTransitions << " of " << known.transitions
               << " timed, " << known.wholePrograms << " whole programs\n";
  return 0;
}

static void show(llvm::StringRef what, double microseconds) {
  llvm::outs() << what << ' ' << llvm::format("%.1f", microseconds) << " us\n";
}

static double median(std::vector<double> times) {
  auto middle = times.begin() + times.size() / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

static int timeQueries(mlir::ModuleOp module, const Machine &machine) {
  uint64_t cycles = 0;
  double whole = HUGE_VAL, cold = HUGE_VAL, reading = HUGE_VAL,
         known = HUGE_VAL;
  auto ask = [&](CostQuery &query) {
    auto cost = query.cost();
    if (succeeded(cost))
      cycles = cost->cycles;
    return succeeded(cost);
  };
  for (unsigned i = 0; i < repeat; ++i) {
    whole = std::min(whole, timeOf([&] {
                       cycles = wholeCost(module, machine).cycles;
                       return true;
                     }));
    cold = std::min(cold, timeOf([&] {
                      CostCache cache(machine);
                      auto query = CostQuery::read(module, cache);
                      return succeeded(query) && ask(*query);
                    }));
  }
  CostCache cache(machine);
  auto query = CostQuery::read(module, cache);
  if (failed(query) || !ask(*query))
    return 1;
  for (unsigned i = 0; i < repeat; ++i) {
    reading = std::min(reading, timeOf([&] {
                         return succeeded(CostQuery::read(module, cache));
                       }));
    known = std::min(known, timeOf([&] { return ask(*query); }));
  }
  // One layer after the other goes to each of these and back.
  std::mt19937 random(seed);
  std::vector<size_t> layers = weightedLayers(*query);
  std::vector<double> changed, again;
  for (unsigned i = 0; i < 2 * repeat && !layers.empty(); ++i) {
    size_t layer = layers[random() % layers.size()];
    int weights = 2 + int(random() % 6);
    CostQuery::Bits before = query->bits(layer);
    for (std::vector<double> *times : {&changed, &again}) {
      query->setBits(layer, {weights, before.input, before.output});
      times->push_back(timeOf([&] { return ask(*query); }));
      query->setBits(layer, before);
      ask(*query);
    }
  }
  show("whole", whole);
  show("cold", cold);
  show("read", reading);
  show("known", known);
  if (!layers.empty()) {
    show("changed", median(changed));
    show("again", median(again));
  }
  llvm::outs() << "cycles " << cycles << '\n';
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "time of a cost query\n");
  llvm::Expected<Machine> machine = loadMachine(target);
  if (!machine) {
    printError(machine.takeError());
    return 1;
  }
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  CompileOptions options;
  options.input = modelPath;
  options.quiet = true;
  auto module = compileToLayers(options, context);
  if (!module)
    return 1;
  return check ? checkQueries(*module, *machine)
               : timeQueries(*module, *machine);
}
