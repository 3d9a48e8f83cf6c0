//===- SampleLoss.h - The loss that sensitivities are of --------*- C++ -*-===//
//
// Part of AccOpt. Shared by importance and Hessian (Importance.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_SAMPLELOSS_H
#define ACCOPT_LIB_TRAINING_SAMPLELOSS_H

#include "NetworkImpl.h"

namespace accopt::training {

/// The value of the graph that the loss reads: logits, or the first result.
int64_t lossValue(const Network::Impl &network, const Dataset &data);

/// The sum over `count` samples of `data` from `first` on of the cross-entropy,
/// or of the mean squared error; `result` is what lossValue() became.
at::Tensor sampleLosses(const Network::Impl &network, const Dataset &data,
                        int64_t first, int64_t count, const at::Tensor &result);

/// The value with this name. Throws ExecutionError.
int64_t findActivation(const Network::Impl &network, llvm::StringRef name);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_SAMPLELOSS_H
