//===- Session.h - The state of a run of acc-tune ---------------*- C++ -*-===//
//
// Part of AccOpt. What the steps share: the network as it is, what it was,
// data, machine, journal, and the candidates found.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_SESSION_H
#define ACCOPT_LIB_TUNING_SESSION_H

#include "accopt/Report/TunePage.h"
#include "accopt/Support/Progress.h"
#include "accopt/Tuning/Journal.h"
#include "accopt/Tuning/Tune.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <vector>

namespace accopt {

/// How good a network is on one part of the data.
struct Quality {
  double loss = 0, accuracy = 0;
  bool isClassification = true;
  /// What floors and choices compare, larger is better: the accuracy, or the
  /// negative loss of a regression.
  double get() const { return isClassification ? accuracy : -loss; }
};

/// A quantized network that could be the result.
struct Candidate {
  std::string name;
  /// The fused function, in float, and with the plan written in (QDQ form).
  mlir::OwningOpRef<mlir::ModuleOp> floating, module;
  QuantizationPlan plan;
  Quality validation; ///< of the integer network
  NetworkCost cost;
};

class Session {
public:
  Session(const TuneOptions &options, mlir::MLIRContext &context,
          Machine machine)
      : options(options), context(context), costs(std::move(machine)) {}

  const TuneOptions &options;
  mlir::MLIRContext &context;
  CostService costs;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Progress> progress;
  DataSplits data;
  std::vector<TuneRun> beside; ///< other runs, for the page

  /// As imported, with normalizations; what the teacher runs.
  mlir::OwningOpRef<mlir::ModuleOp> original;
  std::unique_ptr<training::Network> teacher;
  /// The network as it is now, in float: as imported, then, once a step needs
  /// quantizers, folded and fused (`isFused`).
  mlir::OwningOpRef<mlir::ModuleOp> network;
  bool isFused = false;
  std::optional<RangeTable> ranges;
  BitAssignment bits;
  /// Learned quantizers; without, they follow from ranges and bits.
  std::optional<QuantizationPlan> plan;

  std::vector<Candidate> candidates;
  Quality floatQuality; ///< of the unmodified model, on the validation part
  NetworkCost baseline; ///< of the unmodified model in int8
  std::string stepKey;  ///< of the step that runs: "2.prune"

  mlir::func::FuncOp function() const { return functionOf(*network); }
  static mlir::func::FuncOp functionOf(mlir::ModuleOp module);

  /// The value below which a candidate is refused, if there is a floor.
  std::optional<double> floor() const;
  /// Of this step's or the run's budget, in units of the objective.
  std::optional<double> budget(const StepSpec &step) const;

  /// The failure of `what` at `budget`, where `least` is what it can reach.
  llvm::Error outOfReach(llvm::StringRef what, double budget,
                         double least) const;

  /// A copy, in the same context.
  mlir::OwningOpRef<mlir::ModuleOp> clone(mlir::ModuleOp module) const;
  llvm::Expected<std::unique_ptr<training::Network>>
  makeNetwork(mlir::ModuleOp module) const;
  /// Runs the float pipeline on the network, once.
  llvm::Error fuse();
  /// Ranges by `method` over at most `samples` of the training data.
  llvm::Error calibrate(llvm::StringRef method, int64_t samples);

  /// Trains the network, which holds its parameters afterwards; epoch by epoch
  /// in the journal under `key`, so that a resumed run goes on where it was.
  /// With a plan, that learns as well.
  llvm::Error train(training::TrainingOptions options, llvm::StringRef key,
                    llvm::StringRef title);

  /// Quantizes a copy of the network (folding, calibrating where nothing did
  /// yet), measures and prices it, and adds it to the candidates.
  llvm::Expected<const Candidate *> addCandidate(llvm::StringRef name);

  /// `compute`'s result, from the journal if it is there.
  llvm::Expected<std::string>
  memo(llvm::StringRef key,
       llvm::function_ref<llvm::Expected<std::string>()> compute);
  llvm::Expected<Quality> measure(training::Network &network,
                                  const Dataset &data, training::Mode mode,
                                  llvm::StringRef key);
  /// A seed of its own for each use.
  uint64_t seedFor(llvm::StringRef use) const;
};

/// Whether `error` is of Session::outOfReach().
bool isOutOfReach(llvm::Error &error);

/// An option of a step, or `otherwise`; parseSteps() has checked its form.
int64_t getInteger(const StepSpec &step, llvm::StringRef name,
                   int64_t otherwise);
double getNumber(const StepSpec &step, llvm::StringRef name, double otherwise);
std::string getText(const StepSpec &step, llvm::StringRef name,
                    llvm::StringRef otherwise);

/// The steps, each in its own file.
llvm::Error runFinetune(Session &session, const StepSpec &step);
llvm::Error runPrune(Session &session, const StepSpec &step);
llvm::Error runMixedPrecision(Session &session, const StepSpec &step);
llvm::Error runQat(Session &session, const StepSpec &step);

/// The array layers of a fused function, in program order, by result name.
std::vector<std::string> arrayLayers(mlir::func::FuncOp function);
/// Bits for every layer: `inner` but for the first and last, which get `edges`.
BitAssignment uniformBits(mlir::func::FuncOp function, LayerBits inner,
                          unsigned edges);

/// The best candidate: of those that meet floor and budget the one of the least
/// cost if there is a floor, else of the best quality; where none does, the
/// nearest. Without floor and budget, the last one. `meets` says which.
struct Choice {
  size_t index = 0;
  bool meets = false;
  std::string reason; ///< why not
};
Choice chooseCandidate(const Session &session, std::optional<double> budget);

/// Writes model.onnx, model.elf, report.json and the curves; prints the
/// summary.
llvm::Error writeResults(Session &session, const Choice &choice,
                         std::optional<double> budget, llvm::raw_ostream &out);

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_SESSION_H
