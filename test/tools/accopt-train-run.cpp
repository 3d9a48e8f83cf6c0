//===- accopt-train-run.cpp - Run a network in the training executor ------===//
//
// For tests: imports an ONNX model (or parses nn functions from .mlir) and runs
// it in LibTorch.
//
//   accopt-train-run MODEL --input=F.npz --output=G.npz [--optimize] [--batch]
//     [--device=cuda] [--gradients=H.npz] [--training]
//
// Inputs and outputs go by their ONNX names; without --batch the inputs' shapes
// replace the model's symbolic ones, with it they hold any number of samples of
// the model. --optimize runs the float pipeline first. --gradients writes, for
// every constant, its values as "before", their gradient of half the sum of
// squares of all outputs as "gradient" (trainable ones), and what they are
// afterwards as "after", each followed by the constant's number; with
// --training batch norms use the batch's statistics and move their own.
//
//===----------------------------------------------------------------------===//

#include "accopt/Import/Import.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"
#include "accopt/Training/Network.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNOps.h"
#include "lib/Training/NetworkImpl.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace accopt;
namespace cl = llvm::cl;

static cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                                      cl::desc("MODEL"));
static cl::opt<std::string> inputPath("input", cl::Required,
                                      cl::desc("inputs, .npz"));
static cl::opt<std::string> outputPath("output", cl::desc("outputs, .npz"));
static cl::opt<std::string> gradientPath("gradients",
                                         cl::desc("gradients, .npz"));
static cl::opt<std::string> device("device", cl::init("cpu"),
                                   cl::desc("cpu or cuda"));
static cl::opt<bool> optimize("optimize", cl::desc("float pipeline first"));
static cl::opt<bool> anyBatch("batch", cl::desc("inputs hold any batch"));
static cl::opt<bool> isTraining("training", cl::desc("batch statistics"));

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static std::string nameOf(Attribute attr, const char *kind, unsigned index) {
  if (auto name = dyn_cast_or_null<StringAttr>(attr))
    return name.str();
  return kind + std::to_string(index);
}

static llvm::Expected<OwningOpRef<ModuleOp>>
load(MLIRContext &context, const NamedNumpyArrays &inputs) {
  ImportOptions options;
  if (!anyBatch)
    for (const auto &[name, array] : inputs)
      options.inputShapes[name] = array.shape;
  OwningOpRef<ModuleOp> module;
  if (StringRef(modelPath).ends_with(".onnx"))
    module = importOnnx(modelPath, options, context, llvm::errs());
  else
    module = parseSourceFile<ModuleOp>(modelPath, &context);
  if (!module)
    return fail("cannot load '" + modelPath + "'");
  if (optimize) {
    PassManager manager(&context);
    buildFloatPipeline(manager, {.fuseFunctions = false});
    if (failed(manager.run(*module)))
      return fail("the float pipeline failed");
  }
  return module;
}

static llvm::Expected<std::vector<std::vector<float>>>
readInputs(func::FuncOp function, const NamedNumpyArrays &arrays,
           int64_t &count) {
  std::vector<std::vector<float>> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = nameOf(function.getArgAttr(i, "nn.name"), "input", i);
    auto found = llvm::find_if(
        arrays, [&](const auto &entry) { return entry.first == name; });
    if (found == arrays.end())
      return fail("no input '" + name + "' in the file");
    if (i == 0)
      count = found->second.shape.empty() ? 1 : found->second.shape[0];
    inputs.push_back(found->second.toFloat());
  }
  return inputs;
}

static llvm::Error writeOutputs(func::FuncOp function,
                                ArrayRef<training::Output> outputs) {
  NamedNumpyArrays arrays;
  for (auto [i, output] : llvm::enumerate(outputs))
    arrays.emplace_back(
        nameOf(function.getResultAttr(i, "nn.name"), "output", i),
        NumpyArray::create<float>(output.shape, output.values));
  return writeNpz(outputPath, arrays);
}

static NumpyArray toArray(const at::Tensor &tensor) {
  at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  return NumpyArray::create<float>(
      llvm::ArrayRef<int64_t>(host.sizes().begin(), host.sizes().end()),
      llvm::ArrayRef<float>(host.const_data_ptr<float>(),
                            static_cast<size_t>(host.numel())));
}

static llvm::Error writeGradients(training::Network::Impl &impl,
                                  ArrayRef<ArrayRef<float>> inputs,
                                  int64_t count) {
  NamedNumpyArrays arrays;
  llvm::Error error = training::guarded([&] {
    std::vector<at::Tensor> &parameters = impl.executor.parameters();
    for (auto [i, parameter] : llvm::enumerate(parameters))
      arrays.emplace_back("before" + std::to_string(i), toArray(parameter));
    std::vector<at::Tensor> arguments;
    for (auto [i, input] : llvm::enumerate(inputs))
      arguments.push_back(impl.makeInput(input, count, i));
    at::Tensor loss;
    for (const at::Tensor &result : impl.executor.run(arguments, isTraining)) {
      at::Tensor part = result.square().sum() * 0.5;
      loss = loss.defined() ? loss + part : part;
    }
    loss.backward();
    for (auto [i, parameter] : llvm::enumerate(parameters)) {
      if (parameter.grad().defined())
        arrays.emplace_back("gradient" + std::to_string(i),
                            toArray(parameter.grad()));
      arrays.emplace_back("after" + std::to_string(i), toArray(parameter));
    }
  });
  if (error)
    return error;
  return writeNpz(gradientPath, arrays);
}

static llvm::Error runModel() {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, func::FuncDialect, quant::QuantDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto arrays = readNumpyFile(inputPath);
  if (!arrays)
    return arrays.takeError();
  auto module = load(context, *arrays);
  if (!module)
    return module.takeError();
  func::FuncOp function = *(*module)->getOps<func::FuncOp>().begin();
  int64_t count = 1;
  auto inputs = readInputs(function, *arrays, count);
  if (!inputs)
    return inputs.takeError();
  auto network = training::Network::create(function, {device});
  if (!network)
    return network.takeError();
  SmallVector<ArrayRef<float>> views(inputs->begin(), inputs->end());
  auto outputs = (*network)->runAll(views, count);
  if (!outputs)
    return outputs.takeError();
  if (!outputPath.empty())
    if (llvm::Error error = writeOutputs(function, *outputs))
      return error;
  if (!gradientPath.empty())
    return writeGradients((*network)->getImpl(), views, count);
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Run a network in LibTorch\n");
  if (llvm::Error error = runModel()) {
    printError(std::move(error));
    return 1;
  }
  return 0;
}
