//===- Tune.cpp - A run of acc-tune ---------------------------------------===//
//
// Part of AccOpt. Loads model, machine and data, runs the steps and writes what
// was found. A run is a deterministic function of its fingerprint; what takes
// long is read back from the journal when it is resumed.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/Tune.h"

#include "Session.h"

#include "accopt/Driver/ImportFlags.h"
#include "accopt/Import/Import.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Transforms/Passes.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

namespace {

llvm::Error usageError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// The model as it is trained: imported, constants folded.
llvm::Expected<OwningOpRef<ModuleOp>>
loadModel(StringRef path, const ImportOptions &options, MLIRContext &context) {
  std::string text;
  llvm::raw_string_ostream errors(text);
  OwningOpRef<ModuleOp> module = importOnnx(path, options, context, errors);
  if (!module) {
    StringRef message = StringRef(text).trim();
    message.consume_front("error: ");
    return usageError(message);
  }
  bool isQuantized = false;
  module->walk([&](mlir::Operation *op) {
    isQuantized |= op->getName().getDialectNamespace() == "quant";
  });
  if (isQuantized)
    return makeFileError(path, "expected a float model, got one with "
                               "QuantizeLinear or DequantizeLinear: tune the "
                               "model that it was made from");
  PassManager manager(&context);
  manager.addPass(createFoldConstants());
  manager.addPass(createNormalize());
  if (failed(manager.run(*module)))
    return makeFileError(path, "folding constants failed");
  return module;
}

/// Shapes of the only input and output, without the batch.
llvm::Error findShapes(StringRef model, func::FuncOp function,
                       DataOptions &data) {
  FunctionType type = function.getFunctionType();
  if (type.getNumInputs() != 1 || type.getNumResults() != 1)
    return makeFileError(model, "expected one input and one output, got " +
                                    llvm::Twine(type.getNumInputs()) + " and " +
                                    llvm::Twine(type.getNumResults()));
  auto tail = [](Type tensor) {
    llvm::ArrayRef<int64_t> shape = cast<ShapedType>(tensor).getShape();
    return std::vector<int64_t>(shape.begin() + !shape.empty(), shape.end());
  };
  data.sampleShape = tail(type.getInput(0));
  data.outputShape = tail(type.getResult(0));
  return llvm::Error::success();
}

std::string sha256Of(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return "";
  return llvm::toHex(
      llvm::SHA256::hash(llvm::arrayRefFromStringRef((*buffer)->getBuffer())),
      /*LowerCase=*/true);
}

/// What makes two runs the same run.
std::vector<std::pair<std::string, std::string>>
fingerprintOf(const Session &session, const TuneOptions &o) {
  const training::TrainingOptions &t = o.training;
  std::string training;
  llvm::raw_string_ostream(training)
      << t.epochs << ' ' << t.batchSize << ' ' << int(t.optimizer) << ' '
      << t.learningRate << ' ' << t.momentum << ' ' << t.weightDecay << ' '
      << int(t.schedule) << ' ' << t.warmupEpochs << ' ' << t.stepEpochs << ' '
      << t.stepFactor << ' ' << t.clipNorm << ' ' << t.labelSmoothing << ' '
      << t.averageDecay << ' ' << t.distillation << ' ' << t.temperature << ' '
      << llvm::join(t.hints, "+") << ' ' << t.hintWeight << ' ' << t.stepRate
      << ' ' << t.augmentation.flip << ' ' << t.augmentation.shift << ' '
      << t.augmentation.crop << ' ' << t.augmentation.cutout;
  std::string goal = std::to_string(int(o.objective)) + " " + o.budget;
  if (o.maxDrop)
    goal += " drop " + std::to_string(*o.maxDrop);
  if (o.minAccuracy)
    goal += " least " + std::to_string(*o.minAccuracy);
  return {{"model", sha256Of(o.model)},
          {"shapes", printImportOptions(o.import)},
          {"teacher", o.teacher.empty() ? "" : sha256Of(o.teacher)},
          {"target", machineHash(session.costs.machine())},
          {"data", session.data.sha256},
          {"steps", o.steps},
          {"goal", goal},
          {"training", training},
          {"seed", std::to_string(t.seed)},
          {"device", o.device}};
}

class Run {
public:
  Run(const TuneOptions &options, MLIRContext &context, Machine machine,
      llvm::raw_ostream &out, llvm::raw_ostream &notes)
      : options(options), session(options, context, std::move(machine)),
        out(out), notes(notes) {}

  llvm::Expected<int> execute();

private:
  llvm::Error load();
  llvm::Error readBeside();
  llvm::Error openJournal();
  llvm::Error measureBaseline();
  llvm::Error runStep(const StepSpec &step);
  llvm::Error checkGoals() const;
  llvm::Expected<std::unique_ptr<training::Network>> loadTeacher();

  const TuneOptions &options;
  Session session;
  llvm::raw_ostream &out, &notes;
  std::vector<StepSpec> steps;
};

/// Every step knows when it has done enough.
llvm::Error Run::checkGoals() const {
  for (const StepSpec &step : steps) {
    if (!getText(step, "budget", options.budget).empty())
      continue;
    if (step.name == "mixed-precision")
      return usageError("--steps: 'mixed-precision' needs a budget: "
                        "--budget=50%, or one in braces");
    if (step.name == "prune" && !options.maxDrop && !options.minAccuracy)
      return usageError(
          "--steps: 'prune' needs a goal: --budget=50%, or --max-drop=0.5 for "
          "as few cycles as that accuracy allows");
  }
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<training::Network>> Run::loadTeacher() {
  if (options.teacher.empty())
    return session.makeNetwork(*session.original);
  auto other = loadModel(options.teacher, options.import, session.context);
  if (!other)
    return other.takeError();
  DataOptions own, teacher;
  if (llvm::Error error = findShapes(options.model, session.function(), own))
    return std::move(error);
  if (llvm::Error error =
          findShapes(options.teacher, Session::functionOf(**other), teacher))
    return std::move(error);
  if (own.sampleShape != teacher.sampleShape ||
      own.outputShape != teacher.outputShape)
    return makeFileError(
        options.teacher,
        "expected input and output of the shapes of the model that it teaches");
  return session.makeNetwork(**other);
}

llvm::Error Run::load() {
  llvm::Expected<std::vector<StepSpec>> parsed = parseSteps(options.steps);
  if (!parsed)
    return parsed.takeError();
  steps = std::move(*parsed);
  if (!options.budget.empty())
    if (llvm::Expected<Budget> budget = parseBudget(options.budget); !budget)
      return budget.takeError();
  if (options.maxDrop && options.minAccuracy)
    return usageError(
        "expected one of --max-drop and --min-accuracy, got both");
  if (llvm::Error error = checkGoals())
    return error;

  auto module = loadModel(options.model, options.import, session.context);
  if (!module)
    return module.takeError();
  session.original = std::move(*module);
  session.network = session.clone(*session.original);
  llvm::Expected<std::unique_ptr<training::Network>> teacher = loadTeacher();
  if (!teacher)
    return teacher.takeError();
  session.teacher = std::move(*teacher);
  if (session.teacher->parameterCount() == 0 && options.teacher.empty())
    return makeFileError(options.model,
                         "expected parameters to train, got none");

  DataOptions dataOptions;
  dataOptions.validationShare = options.validationShare;
  dataOptions.testShare = options.testShare;
  dataOptions.seed = options.training.seed;
  if (llvm::Error error =
          findShapes(options.model, session.function(), dataOptions))
    return error;
  llvm::Expected<DataSplits> data = loadData(options.data, dataOptions);
  if (!data)
    return data.takeError();
  session.data = std::move(*data);
  if (llvm::Error error = checkAugmentation(options.training.augmentation,
                                            dataOptions.sampleShape))
    return error;
  if (!session.data.train.isClassification() && options.minAccuracy)
    return usageError("--min-accuracy: expected labels, got a regression; use "
                      "--max-drop, in per cent of the loss");
  return llvm::Error::success();
}

/// Reads the runs that report.html shows beside this one, before hours pass.
llvm::Error Run::readBeside() {
  for (const std::string &path : options.beside) {
    auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
    if (!text)
      return makeFileError(path, "cannot read: " + text.getError().message());
    std::string json = (*text)->getBuffer().str();
    if (llvm::Error error = checkTuneReport(json, path))
      return error;
    llvm::SmallString<128> full(path);
    if (std::error_code code = llvm::sys::fs::make_absolute(full))
      return makeFileError(path, code.message());
    StringRef folder =
        llvm::sys::path::filename(llvm::sys::path::parent_path(full));
    session.beside.push_back({folder.str(), std::move(json)});
  }
  return llvm::Error::success();
}

llvm::Error Run::openJournal() {
  if (std::error_code code =
          llvm::sys::fs::create_directories(options.outputDirectory))
    return makeFileError(options.outputDirectory, code.message());
  llvm::SmallString<128> path(options.outputDirectory);
  llvm::sys::path::append(path, "journal.sqlite");
  auto journal =
      Journal::open(path, fingerprintOf(session, options), options.resume);
  if (!journal)
    return journal.takeError();
  session.journal = std::move(*journal);
  return llvm::Error::success();
}

/// The unmodified model: in float, and in int8 after calibration, which is the
/// first candidate.
llvm::Error Run::measureBaseline() {
  auto original = session.makeNetwork(*session.original);
  if (!original)
    return original.takeError();
  auto quality = session.measure(**original, session.data.validation,
                                 training::Mode::Float, "baseline/float");
  if (!quality)
    return quality.takeError();
  session.floatQuality = *quality;
  auto candidate = session.addCandidate("int8");
  if (!candidate)
    return candidate.takeError();
  session.baseline = (*candidate)->cost;
  if (!options.quiet)
    notes << "baseline: " << llvm::format("%.0f", session.baseline.cycles)
          << " cycles, "
          << llvm::format("%.3f", session.baseline.energyPj / 1e6)
          << " uJ in int8\n";
  return llvm::Error::success();
}

llvm::Error Run::runStep(const StepSpec &step) {
  if (step.name == "evaluate")
    return session.addCandidate("evaluate " + session.stepKey).takeError();
  if (step.name == "calibrate") {
    if (llvm::Error error = session.calibrate(getText(step, "method", "minmax"),
                                              getInteger(step, "samples", 512)))
      return error;
    return session.addCandidate(session.stepKey).takeError();
  }
  if (step.name == "finetune")
    return runFinetune(session, step);
  if (step.name == "prune")
    return runPrune(session, step);
  if (step.name == "mixed-precision")
    return runMixedPrecision(session, step);
  return runQat(session, step);
}

llvm::Expected<int> Run::execute() {
  if (llvm::Error error = load())
    return std::move(error);
  if (llvm::Error error = readBeside())
    return std::move(error);
  if (llvm::Error error = openJournal())
    return std::move(error);
  session.progress = std::make_unique<Progress>(notes, options.quiet);
  if (llvm::Error error = measureBaseline())
    return std::move(error);
  std::string shortfall;
  for (size_t i = 0; i < steps.size() && shortfall.empty(); ++i) {
    session.stepKey = std::to_string(i + 1) + "." + steps[i].name;
    if (llvm::Error error = runStep(steps[i])) {
      // What earlier steps found is worth having.
      if (session.candidates.size() == 1 || !isOutOfReach(error))
        return std::move(error);
      shortfall = llvm::toString(std::move(error));
    }
  }
  std::optional<double> budget = session.budget(StepSpec());
  Choice choice = chooseCandidate(session, budget);
  if (llvm::Error error = writeResults(session, choice, budget, out))
    return std::move(error);
  if (choice.meets && shortfall.empty())
    return 0;
  printError(usageError(shortfall.empty()
                            ? choice.reason
                            : session.stepKey + ": " + shortfall +
                                  "; written is what was found before"),
             notes);
  return 3;
}

} // namespace

llvm::Expected<int> accopt::tune(const TuneOptions &options,
                                 llvm::raw_ostream &out,
                                 llvm::raw_ostream &notes) {
  llvm::Expected<Machine> machine = loadMachine(options.target);
  if (!machine)
    return machine.takeError();
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  // Diagnostics of passes become part of the errors that are returned.
  std::string diagnostics;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error) {
      std::string name = getNodeName(diagnostic.getLocation());
      diagnostics += (diagnostics.empty() ? "" : "; ") +
                     (name.empty() ? "" : "node '" + name + "': ") +
                     diagnostic.str();
    }
    return success();
  });
  Run run(options, context, std::move(*machine), out, notes);
  llvm::Expected<int> status = run.execute();
  if (status || diagnostics.empty())
    return status;
  return llvm::createStringError(std::errc::invalid_argument, "%s: %s",
                                 llvm::toString(status.takeError()).c_str(),
                                 diagnostics.c_str());
}
