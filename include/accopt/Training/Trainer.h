//===- Trainer.h - Loss, optimizer, schedule, epochs ------------*- C++ -*-===//
//
// Part of AccOpt. An epoch is a deterministic function of the state before it,
// the options and the number of the epoch, so that a run can go on from any
// epoch's state.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRAINING_TRAINER_H
#define ACCOPT_TRAINING_TRAINER_H

#include "accopt/Data/BatchLoader.h"
#include "accopt/Training/Network.h"

namespace accopt::training {

enum class OptimizerKind { Sgd, AdamW };
enum class ScheduleKind { Constant, Cosine, Step };

struct TrainingOptions {
  int64_t epochs = 10, batchSize = 64;
  OptimizerKind optimizer = OptimizerKind::AdamW;
  double learningRate = 1e-3, momentum = 0.9;
  /// Not applied to normalizations, biases and quantizer steps.
  double weightDecay = 1e-4;
  ScheduleKind schedule = ScheduleKind::Cosine;
  double warmupEpochs = 0;
  int64_t stepEpochs = 10; ///< Step: every so many epochs ...
  double stepFactor = 0.1; ///< ... the rate is multiplied by this
  double clipNorm = 0;     ///< of the whole gradient; 0: off
  double labelSmoothing = 0;
  double averageDecay = 0; ///< exponential moving average; 0: off
  /// (1 - a) task loss + a t^2 KL(teacher || student) (Hinton et al. 2015); for
  /// regression, a times the squared distance to the teacher.
  double distillation = 0, temperature = 4;
  /// Names of activations (in both networks) whose squared distance is added,
  /// with this weight.
  std::vector<std::string> hints;
  double hintWeight = 0;
  /// Learning rate of quantizer steps, relative to the others.
  double stepRate = 0.1;
  Mode mode = Mode::Float; ///< or FakeQuantized
  Augmentation augmentation;
  uint64_t seed = 0;
};

struct EpochResult {
  int64_t epoch = 0;
  double loss = 0, accuracy = 0, learningRate = 0;
};

class Trainer {
public:
  ~Trainer();
  /// All must outlive the trainer; `teacher` may be null. Refuses data that
  /// does not fit the network and a network without parameters.
  static llvm::Expected<std::unique_ptr<Trainer>>
  create(Network &network, Network *teacher, const Dataset &data,
         const TrainingOptions &options);

  /// Trains epoch number `epoch` (from 0; `progress` is called with the share
  /// of it that is done). Fails, naming epoch and batch, if the loss is not
  /// finite.
  llvm::Expected<EpochResult>
  runEpoch(int64_t epoch, llvm::function_ref<void(double)> progress);

  /// Replaces the parameters by their moving average, at the end.
  void useAverage();

  /// Network, optimizer and average as bytes, and back.
  std::string saveState() const;
  llvm::Error loadState(llvm::StringRef state);

  struct Impl;

private:
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace accopt::training

#endif // ACCOPT_TRAINING_TRAINER_H
