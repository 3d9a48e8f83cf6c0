//===- Schedule.h - Learning rate over time ---------------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_SCHEDULE_H
#define ACCOPT_LIB_TRAINING_SCHEDULE_H

#include "accopt/Training/Trainer.h"

namespace accopt::training {

/// The learning rate after `time` epochs (a fraction counts batches). During
/// warm-up it rises linearly to the full rate; then
///   Constant: the full rate;
///   Cosine:   half a cosine from the full rate to 0 at options.epochs
///             (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5);
///   Step:     multiplied by stepFactor after every stepEpochs epochs.
double learningRate(const TrainingOptions &options, double time);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_SCHEDULE_H
