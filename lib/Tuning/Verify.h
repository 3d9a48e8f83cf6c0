//===- Verify.h - The binary against the training side ----------*- C++ -*-===//

#ifndef ACCOPT_LIB_TUNING_VERIFY_H
#define ACCOPT_LIB_TUNING_VERIFY_H

#include "Session.h"

namespace accopt {

struct Agreement {
  int64_t samples = 0, equalDecisions = 0;
  /// Of any output, in steps of the output's scale.
  double largestSteps = 0;
  uint64_t cycles = 0; ///< that the simulator counted
};

/// Runs the first `samples` (0: all) of `data` through `binary` as acc-sim does
/// and through `network` in integer mode.
llvm::Expected<Agreement> compareWithBinary(training::Network &network,
                                            const Dataset &data,
                                            int64_t samples,
                                            llvm::StringRef binary,
                                            const Candidate &candidate);

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_VERIFY_H
