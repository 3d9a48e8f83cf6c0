//===- acc-tune.cpp - Retraining driven by the compiler's cost ------------===//
//
// Part of AccOpt. The command line; lib/Tuning does the work.
//
//===----------------------------------------------------------------------===//

#include "accopt/Driver/Compile.h"
#include "accopt/Driver/ImportFlags.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Tuning/Tune.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

#include <csignal>

namespace cl = llvm::cl;
using namespace accopt;
using training::OptimizerKind;
using training::ScheduleKind;

static std::string overview() {
  return "acc-tune: make a trained model cheaper on a machine, and train it to "
         "make up for it\n\n"
         "  acc-tune model.onnx --target=systolic16x16 --data=images.npz "
         "--budget=50%\n"
         "      prunes to half the cycles, trains, quantizes; writes tuned/\n"
         "  acc-tune model.onnx --data=digits --max-drop=0.5 "
         "--objective=energy\n"
         "      as little energy as half a point of accuracy allows\n"
         "  acc-tune model.onnx --data=cifar10:DIR --budget=30% "
         "--steps='prune{budget=60%},mixed-precision,qat{epochs=20}'\n"
         "      steps compose; each has options in braces\n"
         "  acc-tune ... --resume\n"
         "      goes on where a run was cut off\n\n"
         "Steps:\n" +
         describeSteps() +
         "\nExit status: 0, or 3 where nothing meets the floor and the budget "
         "(the nearest is written),\n1 after an error, 2 for wrong usage.\n";
}

static int usage(const llvm::Twine &message) {
  llvm::WithColor::error() << message << "; see acc-tune --help\n";
  return 2;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // A file that may not grow is an error of the write, as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);
  cl::OptionCategory category("acc-tune options");
  TuneOptions options;
  training::TrainingOptions &training = options.training;
  training.epochs = 20;
  training.distillation = 0.5;
  training.hintWeight = 1;
  cl::opt<std::string, true> model(cl::Positional, cl::desc("model.onnx"),
                                   cl::location(options.model));
  auto string = [&](const char *name, const char *help, const char *form,
                    std::string &value) {
    return std::make_unique<cl::opt<std::string, true>>(
        llvm::StringRef(name), cl::desc(help), cl::value_desc(form),
        cl::location(value), cl::cat(category), cl::init(value));
  };
  auto number = [&](const char *name, const char *help, double &value) {
    return std::make_unique<cl::opt<double, true>>(
        llvm::StringRef(name), cl::desc(help), cl::value_desc("x"),
        cl::location(value), cl::cat(category), cl::init(value));
  };
  std::string maxDrop, minAccuracy, augment = "none", hints;
  auto target = string("target", "NAME, FILE.yaml or NAME{key=value,...}",
                       "machine", options.target);
  auto data =
      string("data", "FILE.npz, digits, cifar10:DIR, mnist:DIR or folder:DIR",
             "spec", options.data);
  ImportFlags importFlags(category);
  auto steps =
      string("steps", "What to do, in order (below)", "list", options.steps);
  auto budget = string("budget", "Of the objective: 50% or a number", "b",
                       options.budget);
  auto drop = string("max-drop",
                     "Points of validation accuracy that may be lost "
                     "(regression: per cent of the loss)",
                     "points", maxDrop);
  auto least = string("min-accuracy", "Least validation accuracy, as 0.98",
                      "share", minAccuracy);
  auto teacher =
      string("teacher", "Model to distill from; default: the unmodified one",
             "onnx", options.teacher);
  auto augmentation =
      string("augment", "Of images: none, or flip,shift=2,crop=4,cutout=8",
             "list", augment);
  auto hintNames = string("hints",
                          "Activations that follow the teacher's, by name, "
                          "separated by commas",
                          "names", hints);
  auto directory = string("output-dir", "Where the results go", "folder",
                          options.outputDirectory);
  cl::list<std::string, std::vector<std::string>> beside(
      "beside", cl::location(options.beside),
      cl::desc("A report.json of another run, such as one with method=random, "
               "to show beside this one in report.html; may be repeated"),
      cl::value_desc("FILE"), cl::cat(category));
  auto device = string("device", "cpu or cuda", "name", options.device);
  cl::opt<Objective, true> objective(
      "objective", cl::desc("What the budget counts"),
      cl::location(options.objective), cl::init(Objective::Cycles),
      cl::cat(category),
      cl::values(clEnumValN(Objective::Cycles, "cycles", "cycles (default)"),
                 clEnumValN(Objective::Energy, "energy", "pJ"),
                 clEnumValN(Objective::EnergyDelay, "edp", "pJ x cycles")));
  cl::opt<int64_t, true> epochs("epochs", cl::desc("Epochs of a training step"),
                                cl::location(training.epochs), cl::init(20),
                                cl::cat(category));
  cl::opt<int64_t, true> batch("batch-size", cl::desc("Samples in a step"),
                               cl::location(training.batchSize), cl::init(64),
                               cl::cat(category));
  cl::opt<OptimizerKind, true> optimizer(
      "optimizer", cl::desc("How weights move"),
      cl::location(training.optimizer), cl::init(OptimizerKind::AdamW),
      cl::cat(category),
      cl::values(clEnumValN(OptimizerKind::AdamW, "adamw", "AdamW (default)"),
                 clEnumValN(OptimizerKind::Sgd, "sgd", "SGD with momentum")));
  cl::opt<ScheduleKind, true> schedule(
      "schedule", cl::desc("Of the learning rate"),
      cl::location(training.schedule), cl::init(ScheduleKind::Cosine),
      cl::cat(category),
      cl::values(
          clEnumValN(ScheduleKind::Cosine, "cosine", "(default)"),
          clEnumValN(ScheduleKind::Step, "step", "a tenth every --step-epochs"),
          clEnumValN(ScheduleKind::Constant, "constant", "")));
  cl::opt<int64_t, true> stepEpochs(
      "step-epochs", cl::desc("See --schedule=step"),
      cl::location(training.stepEpochs), cl::init(10), cl::cat(category));
  auto rate = number("learning-rate", "At its highest", training.learningRate);
  auto momentum = number("momentum", "Of sgd", training.momentum);
  auto decay = number("weight-decay", "Spares normalizations and biases",
                      training.weightDecay);
  auto warmup =
      number("warmup-epochs", "Of rising rate", training.warmupEpochs);
  auto clip = number("clip-norm", "Largest norm of the gradient; 0: off",
                     training.clipNorm);
  auto smoothing = number("label-smoothing", "Share spread over all classes",
                          training.labelSmoothing);
  auto average = number("ema", "Decay of a moving average of weights; 0: off",
                        training.averageDecay);
  auto distill = number("distillation", "Weight of the teacher, 0 to 1",
                        training.distillation);
  auto temperature =
      number("temperature", "Of distillation", training.temperature);
  auto hintWeight = number("hint-weight", "Of --hints", training.hintWeight);
  auto validation = number("validation-share",
                           "Of the training data, where it has no such part",
                           options.validationShare);
  cl::opt<uint64_t, true> seed("seed", cl::desc("Of everything random"),
                               cl::location(training.seed), cl::init(0),
                               cl::cat(category));
  cl::opt<int64_t, true> verify(
      "verify-samples",
      cl::desc("Test samples that the binary runs at the end; 0: all"),
      cl::location(options.verifySamples), cl::init(256), cl::cat(category));
  cl::opt<bool, true> resume("resume", cl::desc("Go on from the journal"),
                             cl::location(options.resume), cl::init(false),
                             cl::cat(category));
  cl::opt<bool, true> quiet("quiet", cl::desc("No progress, no remarks"),
                            cl::location(options.quiet), cl::init(false),
                            cl::cat(category));
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "acc-tune (AccOpt) " ACCOPT_VERSION "\n";
  });
  if (!cl::ParseCommandLineOptions(argc, argv, overview(), &llvm::errs()))
    return 2;
  if (options.model.empty())
    return usage("expected a model: acc-tune MODEL.onnx --data=SPEC [options]");
  if (options.data.empty())
    return usage("expected --data=SPEC: a file such as images.npz, or digits");
  auto parse = [](const std::string &text, std::optional<double> &value) {
    double parsed = 0;
    if (text.empty())
      return true;
    if (llvm::StringRef(text).getAsDouble(parsed))
      return false;
    value = parsed;
    return true;
  };
  if (!parse(maxDrop, options.maxDrop) || options.maxDrop.value_or(0) < 0)
    return usage("--max-drop: expected points from 0, got '" + maxDrop + "'");
  if (!parse(minAccuracy, options.minAccuracy) ||
      options.minAccuracy.value_or(0) < 0 ||
      options.minAccuracy.value_or(0) > 1)
    return usage("--min-accuracy: expected a share from 0 to 1, got '" +
                 minAccuracy + "'");
  if (llvm::Error error = importFlags.apply(options.import))
    return usage(llvm::toString(std::move(error)));
  if (training.epochs < 0 || training.batchSize < 1 ||
      !(training.learningRate > 0))
    return usage("expected epochs >= 0, a batch size >= 1 and a learning rate "
                 "> 0");
  if (options.verifySamples < 0)
    return usage("--verify-samples: expected a number from 0");
  if (training.distillation < 0 || training.distillation > 1)
    return usage("--distillation: expected 0 to 1");
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(hints).split(names, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef name : names)
    training.hints.push_back(name.str());
  auto wanted = parseAugmentation(augment);
  if (!wanted)
    return usage(llvm::toString(wanted.takeError()));
  training.augmentation = *wanted;
  if (auto parsed = parseSteps(options.steps); !parsed)
    return usage(llvm::toString(parsed.takeError()));

  llvm::Expected<int> status = tune(options, llvm::outs(), llvm::errs());
  if (status)
    return *status;
  printError(status.takeError());
  return 1;
}
