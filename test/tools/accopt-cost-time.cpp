//===- accopt-cost-time.cpp - How long a network's cost takes -------------===//
//
//   accopt-cost-time MODEL.onnx [--target=T] [--repeat=N]
//
// Compiles to layers once, then times what a cost query does: the search for
// mappings and the analysis. Prints milliseconds, the first query's first.
//
//===----------------------------------------------------------------------===//

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/Driver/Compile.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/MachineIO.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"

#include <chrono>

namespace cl = llvm::cl;
using namespace accopt;

static cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                                      cl::desc("MODEL.onnx"));
static cl::opt<std::string> target("target", cl::init("systolic16x16"));
static cl::opt<unsigned> repeat("repeat", cl::init(5));
static cl::opt<bool> fresh("fresh", cl::desc("forget layers between queries"));

/// Milliseconds of one query, and its cycles.
static llvm::Expected<double> query(mlir::ModuleOp module,
                                    const Machine &machine, TilingCache &cache,
                                    uint64_t &cycles) {
  auto begin = std::chrono::steady_clock::now();
  ScheduleOptions options;
  options.packConstants = false;
  options.cache = &cache;
  llvm::FailureOr<Program> program = schedule(module, machine, options);
  if (failed(program))
    return llvm::createStringError("no schedule");
  llvm::Expected<CostAnalysis> cost = analyzeCost(*program);
  if (!cost)
    return cost.takeError();
  cycles = cost->cycles;
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
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
  auto module = compileToLayers(options, context);
  if (!module)
    return 1;
  uint64_t cycles = 0;
  auto cache = std::make_unique<TilingCache>();
  for (unsigned i = 0; i < std::max(1u, repeat.getValue()); ++i) {
    llvm::Expected<double> time = query(*module, *machine, *cache, cycles);
    if (!time) {
      printError(time.takeError());
      return 1;
    }
    llvm::outs() << llvm::format("%.3f ", *time);
    if (fresh)
      cache = std::make_unique<TilingCache>();
  }
  llvm::outs() << "ms, " << cycles << " cycles\n";
  return 0;
}
