//===- accopt-run.cpp - Run a network on the host in float ----------------===//
//
// For tests: imports an ONNX model (or parses nn functions from .mlir), lowers
// it to TOSA and runs it through the JIT.
//
//   accopt-run MODEL --input=F.npz --output=G.npz [--repeat=N] [--plain]
//
// Inputs and outputs go by their ONNX names; the inputs' shapes replace the
// model's symbolic ones. --plain leaves out our own vectorization; --repeat
// prints times.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/NNToTosa.h"
#include "accopt/Driver/ImportFlags.h"
#include "accopt/Execution/Executor.h"
#include "accopt/Import/Import.h"
#include "accopt/Support/Npy.h"

#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace accopt;
namespace cl = llvm::cl;

static cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                                      cl::desc("MODEL"));
static cl::opt<std::string> inputPath("input", cl::desc("inputs, .npz"));
static cl::opt<std::string> outputPath("output", cl::desc("outputs, .npz"));
static ImportFlags importFlags(cl::getGeneralCategory());
static cl::opt<unsigned> repeat("repeat", cl::init(1), cl::desc("runs"));
static cl::opt<bool> plain("plain", cl::desc("without our vectorization"));

static double seconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static OwningOpRef<ModuleOp> load(MLIRContext &context,
                                  const NamedNumpyArrays &inputs) {
  ImportOptions options;
  if (llvm::Error error = importFlags.apply(options)) {
    llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
    return nullptr;
  }
  for (const auto &[name, array] : inputs)
    options.inputShapes[name] = array.shape;
  if (StringRef(modelPath).ends_with(".onnx"))
    return importOnnx(modelPath, options, context, llvm::errs());
  return parseSourceFile<ModuleOp>(modelPath, &context);
}

static std::string nameOf(Attribute attr, const char *kind, unsigned index) {
  if (auto name = dyn_cast_or_null<StringAttr>(attr))
    return name.str();
  return kind + std::to_string(index);
}

/// NumPy's type of an nn element type; nothing where there is none.
static std::optional<NumpyType> numpyType(Type type) {
  if (type.isF32())
    return NumpyType::Float32;
  if (auto quantized = dyn_cast<quant::QuantizedType>(type))
    return quantized.isSigned() ? NumpyType::Int8 : NumpyType::UInt8;
  bool isUnsigned = type.isUnsignedInteger();
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return NumpyType::Bool;
  case 8:
    return isUnsigned ? NumpyType::UInt8 : NumpyType::Int8;
  case 16:
    return isUnsigned ? NumpyType::UInt16 : NumpyType::Int16;
  case 32:
    return isUnsigned ? NumpyType::UInt32 : NumpyType::Int32;
  case 64:
    return isUnsigned ? NumpyType::UInt64 : NumpyType::Int64;
  default:
    return std::nullopt;
  }
}

static llvm::Expected<Tensor> toTensor(const NumpyArray &array) {
  Tensor tensor;
  tensor.shape = array.shape;
  switch (array.type) {
  case NumpyType::Float32:
    tensor.kind = ElementKind::F32;
    break;
  case NumpyType::Bool:
    tensor.kind = ElementKind::I1;
    break;
  case NumpyType::Int8:
  case NumpyType::UInt8:
    tensor.kind = ElementKind::I8;
    break;
  case NumpyType::Int16:
  case NumpyType::UInt16:
    tensor.kind = ElementKind::I16;
    break;
  case NumpyType::Int32:
  case NumpyType::UInt32:
    tensor.kind = ElementKind::I32;
    break;
  case NumpyType::Int64:
  case NumpyType::UInt64:
    tensor.kind = ElementKind::I64;
    break;
  default:
    return fail("unexpected type " + getName(array.type));
  }
  tensor.bytes.assign(array.data.begin(), array.data.end());
  return tensor;
}

static NumpyArray toArray(const Tensor &tensor, NumpyType type) {
  NumpyArray array;
  array.shape = tensor.shape;
  array.type = type;
  array.data.assign(tensor.bytes.begin(), tensor.bytes.end());
  return array;
}

static llvm::Expected<std::vector<Tensor>>
readInputs(func::FuncOp function, const NamedNumpyArrays &arrays) {
  std::vector<Tensor> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = nameOf(function.getArgAttr(i, "nn.name"), "input", i);
    auto found = llvm::find_if(
        arrays, [&](const auto &entry) { return entry.first == name; });
    if (found == arrays.end())
      return fail("no input '" + name + "' in the file");
    auto tensor = toTensor(found->second);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

static llvm::Error runModel() {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, func::FuncDialect, quant::QuantDialect>();
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto arrays = readNumpyFile(inputPath);
  if (!arrays)
    return arrays.takeError();
  OwningOpRef<ModuleOp> module = load(context, *arrays);
  if (!module)
    return fail("cannot load '" + modelPath + "'");
  func::FuncOp network = *module->getOps<func::FuncOp>().begin();
  auto inputs = readInputs(network, *arrays);
  if (!inputs)
    return inputs.takeError();
  auto lowered = convertNNToTosa(network);
  if (failed(lowered))
    return fail("cannot lower to TOSA");
  SmallVector<std::string> names;
  SmallVector<NumpyType> types;
  for (unsigned i = 0; i < network.getNumResults(); ++i) {
    names.push_back(nameOf(network.getResultAttr(i, "nn.name"), "output", i));
    std::optional<NumpyType> type =
        numpyType(getElementTypeOrSelf(network.getResultTypes()[i]));
    if (!type)
      return fail("output '" + names.back() + "' has no type of NumPy's");
    types.push_back(*type);
  }
  network.erase();

  ExecutorOptions options;
  options.vectorize = !plain;
  double start = seconds();
  auto executor = Executor::create(*module, lowered->getName(), options);
  if (!executor)
    return executor.takeError();
  if (repeat > 1)
    llvm::outs() << "compile " << seconds() - start << " s\n";
  std::vector<Tensor> outputs;
  for (unsigned i = 0; i < repeat; ++i) {
    start = seconds();
    auto results = (*executor)->run(*inputs);
    if (!results)
      return results.takeError();
    if (repeat > 1)
      llvm::outs() << "run " << seconds() - start << " s\n";
    outputs = std::move(*results);
  }
  NamedNumpyArrays results;
  for (auto [name, tensor, type] : llvm::zip_equal(names, outputs, types))
    results.emplace_back(name, toArray(tensor, type));
  return outputPath.empty() ? llvm::Error::success()
                            : writeNpz(outputPath, results);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Run a network in float\n");
  if (llvm::Error error = runModel()) {
    llvm::errs() << "error: " << toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
