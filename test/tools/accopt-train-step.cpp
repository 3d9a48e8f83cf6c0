//===- accopt-train-step.cpp - How long a step of training takes ----------===//
//
// For benchmarks: trains an ONNX model on random data and prints the seconds of
// each epoch's steps, in float or quantization-aware.
//
//   accopt-train-step MODEL.onnx [--bits=4] [--batch-size=64] [--steps=20]
//     [--epochs=3] [--classes=10]
//
//===----------------------------------------------------------------------===//

#include "accopt/Data/Random.h"
#include "accopt/Import/Import.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Training/Trainer.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/Ranges.h"

#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"

#include <chrono>

using namespace mlir;
using namespace accopt;
namespace cl = llvm::cl;

static cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                                      cl::desc("MODEL.onnx"));
static cl::opt<unsigned>
    bits("bits", cl::init(0),
         cl::desc("train with quantizers of so many bits"));
static cl::opt<int64_t> batchSize("batch-size", cl::init(64));
static cl::opt<int64_t> steps("steps", cl::init(20), cl::desc("of an epoch"));
static cl::opt<int64_t> epochs("epochs", cl::init(3));
static cl::opt<int64_t> classes("classes", cl::init(10));

static Dataset randomData(func::FuncOp function) {
  Dataset data;
  auto type = cast<RankedTensorType>(function.getArgumentTypes().front());
  data.sampleShape.assign(type.getShape().begin() + 1, type.getShape().end());
  SplitMix64 random({1});
  data.inputs.resize(batchSize * steps * data.sampleElements());
  for (float &value : data.inputs)
    value = float(random.uniform());
  for (int64_t i = 0; i < batchSize * steps; ++i)
    data.labels.push_back(int32_t(random.below(classes)));
  return data;
}

static llvm::Error run() {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, func::FuncDialect, quant::QuantDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module =
      importOnnx(modelPath, {}, context, llvm::errs());
  if (!module)
    return llvm::createStringError("cannot load " + modelPath);
  auto function = *module->getOps<func::FuncOp>().begin();
  if (bits) {
    PassManager manager(&context);
    buildFloatPipeline(manager, {.fuseFunctions = false});
    if (failed(manager.run(*module)))
      return llvm::createStringError("the float pipeline failed");
  }
  Dataset data = randomData(function);
  auto network = training::Network::create(function);
  if (!network)
    return network.takeError();
  training::TrainingOptions options;
  options.batchSize = batchSize;
  options.epochs = epochs;
  if (bits) {
    auto ranges = (*network)->collectRanges(data, 64);
    if (!ranges)
      return ranges.takeError();
    BitAssignment assignment;
    for (const auto &[value, name] : nameValues(function))
      if (isa_and_nonnull<nn::ConvOp, nn::GemmOp>(value.getDefiningOp()))
        assignment[name] = {bits, bits};
    auto plan = planQuantization(function, *ranges, assignment);
    if (!plan)
      return plan.takeError();
    if (llvm::Error error = (*network)->setPlan(*plan))
      return error;
    options.mode = training::Mode::FakeQuantized;
  }
  auto trainer = training::Trainer::create(**network, nullptr, data, options);
  if (!trainer)
    return trainer.takeError();
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    auto start = std::chrono::steady_clock::now();
    auto result = (*trainer)->runEpoch(epoch, [](double) {});
    if (!result)
      return result.takeError();
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    llvm::outs() << llvm::format("%.6f\n", time.count() / double(steps));
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Time steps of training\n");
  if (llvm::Error error = run()) {
    printError(std::move(error));
    return 1;
  }
  return 0;
}
