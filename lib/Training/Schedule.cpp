//===- Schedule.cpp - Learning rate over time -----------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace accopt::training {

double learningRate(const TrainingOptions &options, double time) {
  double rate = options.learningRate;
  if (time < options.warmupEpochs)
    return rate * time / options.warmupEpochs;
  switch (options.schedule) {
  case ScheduleKind::Constant:
    return rate;
  case ScheduleKind::Cosine: {
    double length = double(options.epochs) - options.warmupEpochs;
    double share =
        length > 0 ? std::min(1.0, (time - options.warmupEpochs) / length) : 1;
    return rate * 0.5 * (1 + std::cos(std::numbers::pi * share));
  }
  case ScheduleKind::Step:
    return rate * std::pow(options.stepFactor,
                           std::floor(time / double(std::max<int64_t>(
                                                 1, options.stepEpochs))));
  }
  return rate;
}

} // namespace accopt::training
