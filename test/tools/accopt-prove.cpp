//===- accopt-prove.cpp - Machine, analysis and JIT agree -----------------===//
//
// Part of AccOpt. Compiles a model and runs it twice on the same random int8
// inputs: as a binary in the simulator, and as TOSA in MLIR's execution engine.
// Every layer's integers must be equal; the analysis must have found what the
// simulator counted, layer by layer.
//
//===----------------------------------------------------------------------===//

#include "NarrowTypes.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/CodeGen/LayerGroups.h"
#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Driver/Compile.h"
#include "accopt/Driver/ImportFlags.h"
#include "accopt/Execution/Executor.h"
#include "accopt/Simulator/Simulator.h"
#include "accopt/Target/Arithmetic.h"
#include "accopt/Target/MachineIO.h"
#include "dialects/Accel/AccelOps.h"
#include "lib/Driver/LayerRunner.h"
#include "lib/Simulator/Runner/HostExecutor.h"
#include "lib/Simulator/Runner/Inputs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstring>
#include <random>

namespace cl = llvm::cl;
using namespace accopt;

static cl::opt<std::string> input(cl::Positional, cl::Required);
static cl::opt<std::string> target("target", cl::init("systolic16x16"));
static cl::opt<std::string> calibrationData("calibration-data");
static ImportFlags importFlags(cl::getGeneralCategory());
static cl::opt<unsigned> seed("seed", cl::init(0));
static cl::opt<bool> costOnly("cost-only",
                              cl::desc("Compare analysis and simulator only"));
static cl::opt<std::string> activationBits("activation-bits", cl::init("8"));
static cl::opt<std::string> weightBits("weight-bits", cl::init("8"));
static cl::opt<uint64_t>
    narrowSeed("narrow-seed", cl::desc("Give values random bits from 2 to 8"));
static llvm::ExitOnError exitOnError("accopt-prove: ");

namespace {
[[noreturn]] void fail(const llvm::Twine &message) {
  llvm::errs() << "accopt-prove: " << input << ": " << message << '\n';
  exit(1);
}

/// The name under which a described value stands in the table of tensors.
llvm::StringRef nameOf(mlir::Value value) {
  return value.getDefiningOp()
      ->getAttrOfType<mlir::DictionaryAttr>("accel.tensor")
      .getAs<mlir::StringAttr>("accel.name")
      .getValue();
}

llvm::ArrayRef<int8_t> bytesOf(const Tensor &tensor) {
  return {reinterpret_cast<const int8_t *>(tensor.bytes.data()),
          tensor.bytes.size()};
}

/// Integers to the bit. The network as one function and op by op may round
/// floats differently, where a multiplication and an addition fuse.
bool isEqual(const TensorInfo &info, llvm::ArrayRef<int8_t> got,
             llvm::ArrayRef<int8_t> want) {
  if (info.type != NumpyType::Float32 || got.size() != want.size())
    return got == want;
  for (size_t i = 0; i < got.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, &got[i], sizeof(a));
    std::memcpy(&b, &want[i], sizeof(b));
    bool isClose = std::fabs(a - b) <= 1e-5f * std::max(1.0f, std::fabs(b));
    if (!isClose && !(std::isnan(a) && std::isnan(b)) && a != b)
      return false;
  }
  return true;
}

struct Checker {
  const Program &program;
  llvm::ArrayRef<mlir::Value> described;
  const std::vector<Tensor> &expected;
  size_t outputs;
  Simulator &simulator;
  uint64_t elements = 0;
  unsigned tensors = 0, wrong = 0;

  void compare(const TensorInfo &info, const Tensor &want) {
    std::vector<int8_t> got = simulator.readTensor(info);
    llvm::ArrayRef<int8_t> values = bytesOf(want);
    ++tensors;
    elements += uint64_t(want.numElements());
    if (isEqual(info, got, values))
      return;
    ++wrong;
    size_t at = 0, count = 0;
    for (size_t i = 0; i < values.size(); ++i)
      if (got[i] != values[i] && !count++)
        at = i;
    llvm::errs() << input << ": tensor '" << info.name << "': " << count
                 << " of " << values.size() << " elements differ, first at "
                 << at << ": expected " << int(values[at]) << ", got "
                 << int(got[at]) << '\n';
  }
  /// Several ops may have come from one node and have its name: one of them is
  /// meant.
  void compareNamed(const TensorInfo &info) {
    std::vector<int8_t> got = simulator.readTensor(info);
    const Tensor *meant = nullptr;
    for (size_t i = 0; i < described.size(); ++i) {
      if (nameOf(described[i]) != info.name)
        continue;
      const Tensor &want = expected[outputs + i];
      if (!meant || isEqual(info, got, bytesOf(want)))
        meant = &want;
    }
    if (meant)
      compare(info, *meant);
  }
  /// Intermediate tensors stand in the table in the order of the function,
  /// less those that are outputs.
  void layerComplete(uint32_t layer) {
    for (const TensorInfo &info : program.tensors) {
      if (info.kind != TensorInfo::Kind::Intermediate ||
          info.definedBy != int32_t(layer))
        continue;
      compareNamed(info);
    }
  }
};

std::vector<Tensor> randomInputs(const Program &program) {
  std::mt19937 random(seed);
  std::mt19937_64 typed(seed);
  std::vector<Tensor> inputs;
  for (const TensorInfo &info : program.tensors) {
    if (info.kind != TensorInfo::Kind::Input)
      continue;
    // What is no byte keeps its type.
    if (info.type != NumpyType::Int8) {
      Tensor &tensor = inputs.emplace_back();
      tensor.shape.assign(info.shape.begin(), info.shape.end());
      tensor.kind = *kindOf(info.type);
      std::vector<int8_t> bytes = randomValues(info, typed);
      tensor.bytes.assign(bytes.begin(), bytes.end());
      continue;
    }
    int64_t size = 1;
    for (int64_t extent : info.shape)
      size *= extent;
    std::vector<int8_t> values(size);
    for (int8_t &value : values)
      value = signExtend(int8_t(random()), unsigned(info.bits));
    inputs.push_back(Tensor::create<int8_t>(info.shape, values));
  }
  return inputs;
}

/// Layers whose commands come in turn with others'.
static unsigned layersInStrips(const Program &program) {
  std::vector<size_t> groups = layerGroups(program);
  unsigned count = 0;
  for (size_t group : groups)
    count += llvm::count(groups, group) > 1;
  return count;
}

void compareCosts(const Program &program, const RunResult &run) {
  CostAnalysis analysis = exitOnError(analyzeCost(program));
  if (analysis.cycles != run.cycles)
    fail("analysis: " + llvm::Twine(analysis.cycles) +
         " cycles, simulator: " + llvm::Twine(run.cycles));
  for (size_t i = 0; i < run.layers.size(); ++i)
    if (!(analysis.layers[i] == run.layers[i]))
      fail("layer '" + program.layers[i].name +
           "': analysis and simulator "
           "differ (cycles " +
           llvm::Twine(analysis.layers[i].cycles) + " and " +
           llvm::Twine(run.layers[i].cycles) + ")");
}
} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Proves a model's binary\n");
  CompileOptions options;
  options.input = input;
  options.target = target;
  options.calibrationData = calibrationData;
  options.quiet = true;
  options.activationBits = exitOnError(parseActivationBits(activationBits));
  options.weightBits = exitOnError(parseWeightBits(weightBits));
  exitOnError(importFlags.apply(options.import));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  if (narrowSeed.getNumOccurrences())
    options.stage = Stage::NNQuantized;
  auto layers = compileToLayers(options, context);
  if (!layers)
    return 1;
  if (narrowSeed.getNumOccurrences()) {
    test::narrowTypes(layers->lookupSymbol<mlir::func::FuncOp>("main"),
                      narrowSeed);
    if (mlir::failed(convertNNToAccel(*layers)) ||
        mlir::failed(mlir::verify(*layers)))
      return 1;
  }
  auto compiled = compileLayers(*layers, exitOnError(loadMachine(target)));
  if (mlir::failed(compiled))
    return 1;
  // Through the bytes of the binary, as acc-sim gets it.
  auto bytes = exitOnError(writeBinary(*compiled));
  Program program = exitOnError(loadProgram(llvm::MemoryBufferRef(
      llvm::StringRef(bytes.data(), bytes.size()), "binary")));

  std::vector<Tensor> inputs = randomInputs(program);
  std::vector<Tensor> expected;
  std::vector<mlir::Value> described;
  size_t outputs = 0;
  if (!costOnly) {
    LayerRunner runner = exitOnError(LayerRunner::create(*layers));
    described = runner.described();
    outputs = runner.outputs();
    expected = exitOnError(runner.run(inputs));
  }
  HostExecutor host(program);
  SimulatorOptions simulatorOptions;
  simulatorOptions.functional = !costOnly;
  Simulator simulator(program, &host, simulatorOptions);
  Checker checker{program, described, expected, outputs, simulator};
  if (costOnly) {
    compareCosts(program, exitOnError(simulator.run()));
    llvm::outs() << "costs equal\n";
    return 0;
  }
  size_t next = 0;
  for (const TensorInfo &info : program.tensors)
    if (info.kind == TensorInfo::Kind::Input)
      llvm::copy(bytesOf(inputs[next++]), simulator.tensorBytes(info).begin());
  simulator.onLayerComplete(
      [&](uint32_t layer) { checker.layerComplete(layer); });
  RunResult run = exitOnError(simulator.run());
  next = 0;
  for (const TensorInfo &info : program.tensors)
    if (info.kind == TensorInfo::Kind::Output)
      checker.compare(info, expected[next++]);
  compareCosts(program, run);
  auto packed = llvm::count_if(
      program.tensors, [](const TensorInfo &info) { return info.isPacked; });
  llvm::outs() << llvm::format(
      "%u tensors, %llu elements, %u tensors differ; %llu cycles, costs equal; "
      "%d packed, %u layers in strips\n",
      checker.tensors, (unsigned long long)checker.elements, checker.wrong,
      (unsigned long long)run.cycles, int(packed), layersInStrips(program));
  return checker.wrong ? 1 : 0;
}
