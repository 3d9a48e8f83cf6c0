//===- acc-opt.cpp - The compiler's command line --------------------------===//
//
// Part of AccOpt. An ONNX file is compiled; with MLIR input this is mlir-opt
// with our dialects and passes.
//
//===----------------------------------------------------------------------===//

#include "GateFlags.h"

#include "accopt/Driver/Compile.h"
#include "accopt/Driver/ImportFlags.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/Area.h"
#include "accopt/Target/MachineIO.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

namespace cl = llvm::cl;
using namespace accopt;

static constexpr const char *kOverview =
    "acc-opt: compile an ONNX model for an accelerator\n\n"
    "  acc-opt model.onnx --target=systolic16x16\n"
    "      prints cycles and energy of every op and writes model.elf\n"
    "  acc-opt model.onnx --calibration-data=images.npz --report=cost.json\n"
    "      quantizes with measured ranges; the report is JSON\n"
    "  acc-opt model.onnx --baseline=main.json --max-regression=1%\n"
    "      compares with an earlier report; exit status 3 if it got worse\n"
    "  acc-opt model.onnx --emit=accel -o model.mlir\n"
    "      stops at a stage and writes it as MLIR\n"
    "  acc-opt model.mlir --emit=elf\n"
    "      goes on from any stage\n"
    "  acc-opt file.mlir --nn-fold-batch-norm\n"
    "      runs passes as mlir-opt does (acc-opt file.mlir --help lists "
    "them)\n";

/// mlir-opt's mode: MLIR is named, and no stage to compile it to.
static bool isMlir(int argc, char **argv) {
  bool named = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument(argv[i]);
    if (argument.ends_with(".mlir") || argument.ends_with(".mlirbc") ||
        argument == "-")
      named |= !llvm::StringRef(argv[i - 1]).ends_with("-o") &&
               !argument.starts_with("-o") && !argument.starts_with("--");
    if (argument.ltrim('-').starts_with("emit="))
      return false;
    if (argument.starts_with("--pass-pipeline") ||
        argument == "--show-dialects")
      named = true;
  }
  return named;
}

static int fail(llvm::Error error) {
  printError(std::move(error));
  return 1;
}

static int listTargets() {
  for (const BuiltinMachine &machine : builtinMachines())
    llvm::outs() << machine.name << '\n';
  return 0;
}

/// An accuracy goal, which "auto" bits have too, chooses the bits itself.
static llvm::Error applyAccuracyGoal(const cl::opt<std::string> &bits,
                                     const cl::opt<std::string> &weights,
                                     const cl::opt<std::string> &goal,
                                     CompileOptions &options) {
  bool isAuto = bits == "auto";
  if (weights.getNumOccurrences() && (isAuto || goal.getNumOccurrences()))
    return llvm::createStringError(
        "--accuracy-goal: expected no --weight-bits, which it chooses, got '" +
        weights + "'");
  if (bits.getNumOccurrences() && !isAuto && goal.getNumOccurrences())
    return llvm::createStringError(
        "--accuracy-goal: expected --activation-bits=auto or none, got '" +
        bits + "'");
  if (goal.getNumOccurrences())
    return parseAccuracyGoal(goal).moveInto(options.accuracyGoal.emplace());
  if (isAuto)
    options.accuracyGoal.emplace();
  else if (!options.bitsReport.empty() || options.bitsControl)
    return llvm::createStringError("--bits-report, --bits-control: expected "
                                   "--accuracy-goal with them");
  return llvm::Error::success();
}

static int compileMain(int argc, char **argv) {
  cl::OptionCategory category("acc-opt options");
  CompileOptions options;
  cl::opt<std::string, true> input(cl::Positional, cl::desc("model.onnx"),
                                   cl::location(options.input));
  cl::opt<std::string, true> target(
      "target", cl::desc("The machine: NAME, FILE.yaml or NAME{key=value,...}"),
      cl::location(options.target), cl::init("systolic16x16"),
      cl::cat(category));
  cl::opt<Stage, true> emit(
      "emit", cl::desc("Where to stop:"), cl::location(options.stage),
      cl::init(Stage::Elf), cl::cat(category),
      cl::values(clEnumValN(Stage::NN, "nn", "the imported model"),
                 clEnumValN(Stage::Onnx, "onnx",
                            "quantized ONNX (QDQ) of a model; nn MLIR as it "
                            "is"),
                 clEnumValN(Stage::NNQuantized, "nn-quantized",
                            "folded, fused, quantized"),
                 clEnumValN(Stage::Tosa, "tosa",
                            "quantized layers as TOSA, for any MLIR tool"),
                 clEnumValN(Stage::Accel, "accel", "layers of the accelerator"),
                 clEnumValN(Stage::AccelCommands, "accel-commands",
                            "the machine's commands as MLIR"),
                 clEnumValN(Stage::Elf, "elf", "the binary (default)")));
  cl::opt<Objective, true> objective(
      "objective", cl::desc("What decides which layers run strip by strip:"),
      cl::location(options.schedule.objective),
      cl::values(clEnumValN(Objective::EnergyDelay, "edp",
                            "energy times cycles (default)"),
                 clEnumValN(Objective::Cycles, "cycles", "cycles"),
                 clEnumValN(Objective::Energy, "energy", "energy")),
      cl::cat(category));
  cl::opt<bool, true> stacks(
      "stacks",
      cl::desc("Run layers strip by strip where that gains; =false "
               "runs one after another (default: true)"),
      cl::location(options.schedule.stacks), cl::init(true), cl::cat(category));
  cl::opt<std::string, true> output(
      "o",
      cl::desc("Output file; default: the model's stem + .elf, or "
               "standard output for other stages"),
      cl::value_desc("file"), cl::location(options.output), cl::cat(category));
  cl::opt<std::string, true> data(
      "calibration-data",
      cl::desc("Real inputs (.npz, .npy) to measure ranges"),
      cl::value_desc("file"), cl::location(options.calibrationData),
      cl::cat(category));
  cl::opt<std::string, true> method(
      "calibration-method",
      cl::desc("minmax (default), percentile[=99.99] or mse"),
      cl::location(options.calibrationMethod), cl::init("minmax"),
      cl::cat(category));
  cl::opt<bool, true> equalize(
      "equalize",
      cl::desc("Level channels between layers before quantizing (needs "
               "--calibration-data)"),
      cl::location(options.equalize), cl::cat(category));
  cl::opt<bool, true> correctBias(
      "correct-bias",
      cl::desc("Undo the shift of means that rounding weights makes (needs "
               "--calibration-data)"),
      cl::location(options.correctBias), cl::cat(category));
  cl::opt<bool> compensate(
      "compensate-rounding",
      cl::desc("Round each weight with what the others lost in view (GPTQ); "
               "=false rounds it for itself (default: true with "
               "--calibration-data, which it needs)"),
      cl::cat(category));
  cl::opt<std::string> activationBits(
      "activation-bits",
      cl::desc("Bits of activations, 8 (default) to 16: of all, of those of a "
               "node, or both: 16, NODE=16, 16,NODE=8; auto: 16 where "
               "--accuracy-goal=30dB needs them"),
      cl::value_desc("bits"), cl::init("8"), cl::cat(category));
  cl::opt<std::string> weightBits(
      "weight-bits",
      cl::desc(
          "Bits of weights, 8 (default) or 10 to 16, of all layers, of one "
          "or both, as those of activations. Layers of more than 8 cost a "
          "second layer that adds what the first one lost"),
      cl::value_desc("bits"), cl::init("8"), cl::cat(category));
  cl::opt<std::string> accuracyGoal(
      "accuracy-goal",
      cl::desc("Give activations and weights more bits where the results need "
               "them to be so near to float on --calibration-data: 30dB of "
               "signal to noise in each, or 99.5% of decisions alike, for the "
               "fewest cycles"),
      cl::value_desc("goal"), cl::cat(category));
  cl::opt<std::string, true> bitsReport(
      "bits-report", cl::desc("Write what --accuracy-goal chose as JSON"),
      cl::value_desc("json"), cl::location(options.bitsReport),
      cl::cat(category));
  cl::opt<uint64_t> bitsControl(
      "bits-control",
      cl::desc("Beside --accuracy-goal, let chance choose as well, in as many "
               "experiments, to compare with"),
      cl::value_desc("seed"), cl::cat(category));
  cl::opt<std::string, true> compare(
      "compare",
      cl::desc("Run float and int8 on real inputs (.npz, .npy) and show each "
               "tensor's noise, the first that falls off, and why"),
      cl::value_desc("file"), cl::location(options.compare), cl::cat(category));
  cl::opt<std::string, true> accuracy(
      "accuracy-report", cl::desc("Write what --compare shows as JSON"),
      cl::value_desc("json"), cl::location(options.accuracyReport),
      cl::cat(category));
  cl::opt<std::string, true> calibration(
      "calibration",
      cl::desc("Ranges to use, as --save-calibration wrote them"),
      cl::value_desc("json"), cl::location(options.calibration),
      cl::cat(category));
  cl::opt<std::string, true> save(
      "save-calibration", cl::desc("Write the ranges used, to edit and reuse"),
      cl::value_desc("json"), cl::location(options.saveCalibration),
      cl::cat(category));
  ImportFlags importFlags(category);
  cl::list<std::string> reports(
      "report",
      cl::desc("Cost report, .json, .csv, .md or .html (a page for a browser) "
               "by its ending; - is the table on standard output (default). "
               "With --baseline, .md is the comparison; with limits, .xml is "
               "JUnit. May be repeated"),
      cl::value_desc("file"), cl::cat(category));
  GateFlags gates(category);
  cl::list<std::string> explain(
      "explain",
      cl::desc("Say of an ONNX node what its op costs and why, which tilings "
               "were considered, and what a better machine would bring. May be "
               "repeated"),
      cl::value_desc("node"), cl::cat(category));
  cl::opt<bool> quiet("quiet", cl::desc("Print errors only"),
                      cl::cat(category));
  cl::opt<bool> targets("list-targets", cl::desc("Names of built-in machines"),
                        cl::cat(category));
  cl::opt<std::string> print(
      "print-target", cl::desc("A machine as YAML, complete, reloadable"),
      cl::value_desc("machine"), cl::cat(category));
  cl::opt<bool> schema("print-target-schema",
                       cl::desc("JSON Schema of machine files, for editors"),
                       cl::cat(category));
  cl::opt<OpSupportFormat> support(
      "print-op-support", cl::desc("The ONNX operators that import takes"),
      cl::ValueOptional,
      cl::values(clEnumValN(OpSupportFormat::Text, "text", "a line for each"),
                 clEnumValN(OpSupportFormat::Text, "", ""),
                 clEnumValN(OpSupportFormat::Markdown, "markdown",
                            "a table with opsets and types"),
                 clEnumValN(OpSupportFormat::Json, "json",
                            "the same, with attributes, for programs")),
      cl::cat(category));
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "acc-opt (AccOpt) " ACCOPT_VERSION "\n";
  });
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &llvm::errs()))
    return 2;
  if (targets)
    return listTargets();
  if (schema) {
    printMachineSchema(llvm::outs());
    return 0;
  }
  if (support.getNumOccurrences()) {
    writeOpSupport(support, llvm::outs());
    return 0;
  }
  if (!print.empty()) {
    llvm::Expected<Machine> machine = loadMachine(print);
    if (!machine)
      return fail(machine.takeError());
    llvm::outs() << printMachine(*machine);
    printArea(*machine, llvm::outs());
    return 0;
  }
  if (options.input.empty()) {
    llvm::WithColor::error() << "expected a model: acc-opt MODEL.onnx "
                                "[options], or acc-opt --help\n";
    return 2;
  }
  exitWhereMemoryEnds(options.input);
  if (llvm::Error error = importFlags.apply(options.import)) {
    printError(std::move(error));
    return 2;
  }
  if (compensate.getNumOccurrences())
    options.compensateRounding = compensate;
  if (bitsControl.getNumOccurrences())
    options.bitsControl = bitsControl;
  if (llvm::Error error = applyAccuracyGoal(activationBits, weightBits,
                                            accuracyGoal, options)) {
    printError(std::move(error));
    return 2;
  }
  if (options.accuracyGoal)
    activationBits = "8";
  if (llvm::Error error = parseActivationBits(activationBits)
                              .moveInto(options.activationBits)) {
    llvm::WithColor::error()
        << "--activation-bits: " << llvm::toString(std::move(error)) << '\n';
    return 2;
  }
  if (llvm::Error error =
          parseWeightBits(weightBits).moveInto(options.weightBits)) {
    llvm::WithColor::error()
        << "--weight-bits: " << llvm::toString(std::move(error)) << '\n';
    return 2;
  }
  if (llvm::Error error = gates.apply(options)) {
    printError(std::move(error));
    return 2;
  }
  options.reports = reports;
  options.quiet = quiet;
  options.explain = explain;
  if (!options.explain.empty() && options.stage != Stage::Elf) {
    llvm::WithColor::error()
        << "--explain: expected --emit=elf, got a stage that has no costs\n";
    return 2;
  }
  return compile(options);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  if (!isMlir(argc, argv))
    return compileMain(argc, argv);
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "acc-opt: mlir-opt with AccOpt's passes\n", registry));
}
