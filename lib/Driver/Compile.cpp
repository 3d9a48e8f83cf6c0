//===- Compile.cpp - From a model to a binary -----------------------------===//
//
// Part of AccOpt. Import, transforms, ranges, quantization, conversion,
// schedule, analysis, code generation; one way, stage after stage.
//
//===----------------------------------------------------------------------===//

#include "accopt/Driver/Compile.h"

#include "Calibrate.h"
#include "ChooseBits.h"
#include "Compare.h"
#include "Explain.h"
#include "RefineWeights.h"
#include "StageNotes.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Driver/ImportFlags.h"
#include "accopt/Execution/Executor.h"
#include "accopt/Export/Export.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Report/BitReport.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Report/GateWriter.h"
#include "accopt/Report/ReadReport.h"
#include "accopt/Report/ReportWriter.h"
#include "accopt/Schedule/ProgramIR.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/QuantizationPlan.h"
#include "accopt/Transforms/ReleaseConstants.h"
#include "dialects/Accel/AccelOps.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace accopt {
namespace {

class Compiler {
public:
  Compiler(const CompileOptions &options, MLIRContext &context)
      : options(options), context(context), notes(options.input, options.quiet),
        progress(llvm::errs(), options.quiet),
        handler(&context, [&](Diagnostic &diagnostic) {
          // One line per problem: file and node, not a dump of IR.
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            printDiagnostic(options.input, diagnostic);
          return success();
        }) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    progress.leaveOutShortTasks();
  }

  llvm::Error run();
  /// Nobody else has modules in the context.
  void ownContext() { ownsContext = true; }
  /// Whether a limit on cycles or energy is exceeded, after a run.
  bool isOverLimit() const { return overLimit; }
  /// Up to the stage that the options name, at most to layers.
  llvm::Error toLayers();
  OwningOpRef<ModuleOp> takeModule() { return std::move(module); }

private:
  /// Imports the model, or reads MLIR of any stage.
  llvm::Error read();
  bool isMlir() const {
    return StringRef(options.input).ends_with(".mlir") ||
           StringRef(options.input).ends_with(".mlirbc");
  }
  llvm::Error checkOutputs() const;
  llvm::Error emitModule();
  llvm::Error emitOnnx();
  llvm::Expected<Calibration> toFused();
  llvm::Expected<ActivationBits> bitsFor(const Calibration &calibration);
  llvm::Error toQuantized();
  llvm::Error compare();
  llvm::Error emitProgram(const Machine &machine);
  llvm::Error report(const Program &program);
  llvm::Error reportGates(const CostReport &report);
  /// Whether nobody else reads the context's constants.
  bool mayRelease() const { return ownsContext && options.compare.empty(); }
  /// Frees what earlier stages left, unless others use the context.
  void release() {
    if (mayRelease())
      releaseUnusedConstants(context, module ? *module : ModuleOp());
  }
  ScheduleOptions scheduleOptions() const {
    ScheduleOptions result = options.schedule;
    result.releaseConstants = mayRelease();
    return result;
  }
  /// A stage failed after it printed its diagnostics.
  static llvm::Error reported() {
    return llvm::createStringError(std::errc::invalid_argument, "");
  }

  const CompileOptions &options;
  MLIRContext &context;
  StageNotes notes;
  Progress progress;
  ScopedDiagnosticHandler handler;
  Stage reached = Stage::NN;
  OwningOpRef<ModuleOp> module;
  OwningOpRef<ModuleOp> fused; ///< the float network, to compare with
  std::optional<CostReport> baseline;
  bool overLimit = false;
  bool ownsContext = false;
};

/// The stage that a module read from MLIR is at.
Stage stageOf(ModuleOp module) {
  if (!module.getOps<accel::ProgramOp>().empty())
    return Stage::AccelCommands;
  Stage stage = Stage::NN;
  module.walk([&](mlir::Operation *op) {
    if (isa<accel::AccelDialect>(op->getDialect()))
      stage = Stage::Accel;
    else if (stage == Stage::NN && isa<nn::NNDialect>(op->getDialect()) &&
             llvm::any_of(op->getResultTypes(),
                          [](Type type) {
                            return isa<quant::QuantizedType>(
                                getElementTypeOrSelf(type));
                          }) &&
             !isa<nn::ConstantOp>(op))
      stage = Stage::NNQuantized;
  });
  return stage;
}

llvm::Error Compiler::read() {
  if (!isMlir()) {
    notes.reading();
    module = importOnnx(options.input, options.import, context, llvm::errs());
    if (!module)
      return reported();
    notes.count(*module);
    notes.begin("folding and ranges", 0);
    return llvm::Error::success();
  }
  if (!printImportOptions(options.import).empty())
    return makeFileError(options.input, "expected an ONNX model for options of "
                                        "inputs and outputs, got MLIR");
  module = parseSourceFile<ModuleOp>(options.input, &context);
  if (!module)
    return reported();
  reached = stageOf(*module);
  if (options.stage < reached ||
      (options.stage == Stage::Tosa && reached > Stage::Accel))
    return makeFileError(options.input,
                         "is at a later stage than --emit asks for");
  return llvm::Error::success();
}

llvm::Error Compiler::toLayers() {
  if (llvm::Error error = read())
    return error;
  if (reached >= Stage::Accel || options.stage <= Stage::Onnx)
    return llvm::Error::success();
  if (reached < Stage::NNQuantized)
    if (llvm::Error error = toQuantized())
      return error;
  if (options.stage == Stage::NNQuantized)
    return llvm::Error::success();
  notes.begin("conversion to layers", 0.55);
  if (failed(convertNNToAccel(*module, mayRelease())))
    return reported();
  release();
  return llvm::Error::success();
}

/// No output takes the place of an input or of another output. A report may
/// take its baseline's: that has been read by then.
llvm::Error Compiler::checkOutputs() const {
  std::vector<std::string> outputs = {
      options.output,         options.junit,      options.comparison,
      options.accuracyReport, options.bitsReport, options.saveCalibration};
  llvm::append_range(outputs, options.reports);
  llvm::erase_if(outputs,
                 [](StringRef path) { return path.empty() || path == "-"; });
  auto isSame = [](StringRef a, StringRef b) {
    return a == b || llvm::sys::fs::equivalent(a, b);
  };
  for (auto [index, path] : llvm::enumerate(outputs)) {
    for (StringRef input :
         {StringRef(options.input), StringRef(options.calibrationData),
          StringRef(options.compare), StringRef(options.calibration)})
      if (!input.empty() && isSame(path, input))
        return makeFileError(path, "expected an output, got an input's name");
    for (StringRef other : ArrayRef(outputs).take_front(index))
      if (isSame(path, other))
        return makeFileError(path, "expected one output of this name, got two");
  }
  for (StringRef path : {StringRef(options.output), StringRef(options.junit),
                         StringRef(options.comparison)})
    if (!path.empty() && !options.baseline.empty() &&
        isSame(path, options.baseline))
      return makeFileError(path, "expected an output, got the baseline's name");
  return llvm::Error::success();
}

llvm::Error Compiler::run() {
  if (llvm::Error error = checkOutputs())
    return error;
  llvm::Expected<Machine> machine = loadMachine(options.target);
  if (!machine)
    return machine.takeError();
  // Before anything is written: the new report may have its name.
  if (!options.baseline.empty())
    if (llvm::Error error = readReport(options.baseline).moveInto(baseline))
      return error;
  if (llvm::Error error = toLayers())
    return error;
  if (!options.compare.empty())
    if (llvm::Error error = compare())
      return error;
  if (options.stage == Stage::AccelCommands || options.stage == Stage::Elf)
    return emitProgram(*machine);
  if (options.stage == Stage::Onnx)
    return emitOnnx();
  if (options.stage == Stage::Tosa &&
      failed(convertAccelToTosa(module->lookupSymbol<func::FuncOp>("main"))))
    return reported();
  return emitModule();
}

/// The float pipeline, and the ranges of what it leaves.
llvm::Expected<Calibration> Compiler::toFused() {
  if (llvm::Error error = checkRefinements(options))
    return std::move(error);
  PassManager manager(&context);
  buildFloatPipeline(manager);
  if (failed(manager.run(*module)))
    return reported();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  if (llvm::Error error = levelChannels(function, options, progress))
    return std::move(error);
  if (!options.compare.empty())
    fused = module->clone();
  llvm::Expected<Calibration> calibration =
      calibrate(function, options, progress);
  if (!calibration)
    return calibration.takeError();
  WeightBits weightBits = options.weightBits;
  // All that may be chosen; what is not is taken off again.
  if (options.accuracyGoal)
    weightBits.all = kGoalWeightBits;
  llvm::Expected<ExactWeights> exact = ExactWeights::read(function, weightBits);
  if (!exact)
    return makeFileError(options.input, llvm::toString(exact.takeError()));
  if (llvm::Error error =
          refineWeights(function, *calibration, options, progress))
    return std::move(error);
  if (llvm::Error error =
          correctWeights(function, *exact, *calibration, options, progress))
    return std::move(error);
  // Its ops are those of the float network.
  calibration->patches.clear();
  if (!options.saveCalibration.empty())
    if (llvm::Error error =
            writeRanges(options.saveCalibration, calibration->ranges))
      return std::move(error);
  return calibration;
}

/// The bits asked for, or those that an accuracy goal asks for; corrections
/// that it does not ask for are taken off.
llvm::Expected<ActivationBits>
Compiler::bitsFor(const Calibration &calibration) {
  if (!options.accuracyGoal)
    return options.activationBits;
  BitReport report;
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto bits = chooseBits(function, calibration, options, progress, report);
  if (!bits)
    return bits.takeError();
  bits->apply(function);
  if (!options.quiet)
    printBits(report, llvm::outs());
  if (!options.bitsReport.empty())
    if (llvm::Error error =
            writeOutputFile(options.bitsReport, [&](llvm::raw_ostream &os) {
              writeBitsJson(report, os);
              return llvm::Error::success();
            }))
      return std::move(error);
  return bits->activations;
}

llvm::Error Compiler::toQuantized() {
  llvm::Expected<Calibration> calibration = toFused();
  if (!calibration)
    return calibration.takeError();
  release();
  llvm::Expected<ActivationBits> bits = bitsFor(*calibration);
  if (!bits)
    return bits.takeError();
  notes.begin("quantization", 0.30);
  if (failed(quantize(*module, calibration->ranges, *bits)))
    return reported();
  release();
  return llvm::Error::success();
}

llvm::Error Compiler::compare() {
  if (!fused || options.stage < Stage::Accel)
    return makeFileError(options.input,
                         "--compare: expected a float network that becomes "
                         "layers, got another stage");
  llvm::Expected<AccuracyReport> report =
      compareWithFloat(fused->lookupSymbol<func::FuncOp>("main"), *module,
                       options.compare, progress);
  if (!report)
    return report.takeError();
  report->model = llvm::sys::path::stem(options.input).str();
  fused = nullptr;
  if (!options.quiet)
    printAccuracy(*report, llvm::outs());
  if (options.accuracyReport.empty())
    return llvm::Error::success();
  return writeOutputFile(options.accuracyReport, [&](llvm::raw_ostream &os) {
    writeAccuracyJson(*report, os);
    return llvm::Error::success();
  });
}

/// A model gets its quantizers; MLIR is taken at its word.
llvm::Error Compiler::emitOnnx() {
  auto function = module->lookupSymbol<func::FuncOp>("main");
  if (!function)
    return makeFileError(options.input, "expected a function 'main', got none");
  const ActivationBits &bits = options.activationBits;
  if (bits.all > 8 || !bits.byName.empty() || options.accuracyGoal)
    return makeFileError(options.input, "--activation-bits: expected a later "
                                        "stage than onnx, whose casts have 8");
  if (options.weightBits.all > 8 || !options.weightBits.byName.empty())
    return makeFileError(options.input, "--weight-bits: expected a later stage "
                                        "than onnx, whose weights have 8");
  if (!isMlir()) {
    llvm::Expected<Calibration> calibration = toFused();
    if (!calibration)
      return calibration.takeError();
    llvm::Expected<QuantizationPlan> plan =
        planQuantization(function, calibration->ranges);
    if (!plan)
      return makeFileError(options.input, llvm::toString(plan.takeError()));
    if (llvm::Error error = applyPlan(function, std::move(*plan)))
      return makeFileError(options.input, llvm::toString(std::move(error)));
  }
  expandChains(function);
  llvm::Expected<std::string> bytes = exportOnnx(function);
  if (!bytes)
    return makeFileError(options.input, llvm::toString(bytes.takeError()));
  return writeOutputFile(options.output.empty() ? "-" : options.output, *bytes);
}

llvm::Error Compiler::emitModule() {
  return writeOutputFile(options.output.empty() ? "-" : options.output,
                         [&](llvm::raw_ostream &os) {
                           module->print(os, OpPrintingFlags().enableDebugInfo(
                                                 true, /*prettyForm=*/false));
                           os << '\n';
                           return llvm::Error::success();
                         });
}

/// The host's functions, without `@main`.
std::string hostBytecode(ModuleOp module) {
  OpBuilder builder(module.getContext());
  OwningOpRef<ModuleOp> host = ModuleOp::create(builder, module.getLoc());
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getName() != "main") {
      auto clone = cast<func::FuncOp>(function->clone());
      clone.setPublic();
      host->push_back(clone);
    }
  if (host->getBody()->empty())
    return {};
  return toBytecode(*host);
}

llvm::Error Compiler::emitProgram(const Machine &machine) {
  if (reached == Stage::AccelCommands && !options.explain.empty())
    return makeFileError(options.input,
                         "--explain: expected layers, got commands");
  if (reached != Stage::AccelCommands)
    for (const std::string &node : options.explain)
      if (llvm::Error error =
              explain(node, *module, machine, options.schedule, llvm::outs()))
        return makeFileError(options.input,
                             "--explain: " + llvm::toString(std::move(error)));
  notes.begin("schedule", 0.70);
  FailureOr<Program> program =
      reached == Stage::AccelCommands
          ? programFromIR(*module)
          : compileLayers(*module, machine, scheduleOptions());
  if (failed(program))
    return reported();
  if (program->modelName.empty())
    program->modelName = llvm::sys::path::stem(options.input).str();
  if (options.stage == Stage::AccelCommands) {
    module = programToIR(*program, context);
    return emitModule();
  }
  // The program has its own weights.
  module = nullptr;
  release();
  auto binary = prepareBinary(*program);
  if (!binary)
    return makeFileError(options.input, llvm::toString(binary.takeError()));
  std::string path = options.output;
  if (path.empty())
    path = (llvm::sys::path::stem(options.input) + ".elf").str();
  // Nothing is written before all that can fail has succeeded.
  if (llvm::Error error = report(*program))
    return error;
  notes.begin("writing", 0.90);
  return writeOutputFile(path, [&](llvm::raw_ostream &os) {
    (*binary)(os);
    return llvm::Error::success();
  });
}

llvm::Error Compiler::report(const Program &program) {
  llvm::Expected<CostAnalysis> cost = analyzeCost(program);
  if (!cost)
    return makeFileError(options.input, llvm::toString(cost.takeError()));
  if (options.hasGates())
    return reportGates(buildCostReport(program, cost->layers, "analysis"));
  std::vector<std::string> paths = options.reports;
  if (paths.empty() && !options.quiet && options.explain.empty() &&
      options.compare.empty())
    paths.push_back("-");
  if (paths.empty())
    return llvm::Error::success();
  return writeReports(buildCostReport(program, cost->layers, "analysis"),
                      paths);
}

/// Says on standard error what is exceeded.
llvm::Error Compiler::reportGates(const CostReport &report) {
  GateCheck check =
      checkGates(report, baseline ? &*baseline : nullptr, options.gates);
  if (llvm::Error error =
          writeGates(check, {options.reports, options.junit, options.comparison,
                             options.quiet}))
    return error;
  llvm::outs().flush();
  for (const GateResult &gate : check.gates)
    if (!gate.passed)
      printError(makeFileError(options.input, gate.message));
  overLimit = !check.hasPassed();
  return llvm::Error::success();
}
} // namespace

/// Prints what was not printed yet.
static void printRemaining(llvm::Error error) {
  llvm::handleAllErrors(std::move(error),
                        [](std::unique_ptr<llvm::ErrorInfoBase> info) {
                          if (!info->message().empty())
                            printError(llvm::Error(std::move(info)));
                        });
}

int compile(const CompileOptions &options) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  Compiler compiler(options, context);
  compiler.ownContext();
  llvm::Error error = compiler.run();
  if (!error)
    return compiler.isOverLimit() ? 3 : 0;
  printRemaining(std::move(error));
  return 1;
}

OwningOpRef<ModuleOp> compileToLayers(const CompileOptions &options,
                                      MLIRContext &context) {
  Compiler compiler(options, context);
  if (llvm::Error error = compiler.toLayers()) {
    printRemaining(std::move(error));
    return nullptr;
  }
  return compiler.takeModule();
}

FailureOr<Program> compileLayers(ModuleOp layers, const Machine &machine,
                                 const ScheduleOptions &options) {
  FailureOr<Program> program = schedule(layers, machine, options);
  if (succeeded(program))
    program->hostModule = hostBytecode(layers);
  return program;
}

} // namespace accopt
