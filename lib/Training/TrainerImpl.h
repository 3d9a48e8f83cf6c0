//===- TrainerImpl.h - What a Trainer holds ---------------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_TRAINERIMPL_H
#define ACCOPT_LIB_TRAINING_TRAINERIMPL_H

#include "NetworkImpl.h"
#include "Optimizer.h"

#include "accopt/Training/Trainer.h"

namespace accopt::training {

struct Trainer::Impl {
  Impl(Network &network, Network *teacher, const Dataset &data,
       const TrainingOptions &options);

  Network &owner;
  Network::Impl &network;
  Network::Impl *teacher;
  const Dataset &data;
  TrainingOptions options;
  Optimizer optimizer;
  /// Moving averages of optimizer.parameters(); empty if off.
  std::vector<at::Tensor> averages;
  /// Optimizer steps so far.
  int64_t steps = 0;
  /// Values that a step computes: the output that the loss is taken on, then
  /// the hints; in the network and in the teacher.
  std::vector<int64_t> wanted, teacherWanted;

  struct BatchResult {
    double loss = 0;
    int64_t correct = 0;
  };
  BatchResult trainBatch(const Batch &batch, double learningRate);

private:
  at::Tensor lossOf(const Batch &batch, const at::Tensor &input,
                    BatchResult &result);
  at::Tensor taskLoss(const Batch &batch, const at::Tensor &output,
                      BatchResult &result) const;
  void updateAverages();
};

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_TRAINERIMPL_H
