//===- MatmulTiming.h - The array, by dataflow ------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_TARGET_MATMULTIMING_H
#define ACCOPT_LIB_TARGET_MATMULTIMING_H

#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include <cstdint>

namespace accopt {

/// What the array does for a matmul: cycles from the first operand that enters
/// to the last sum that leaves, without issue and output stage, and the bytes
/// of operands and of sums that it moves.
struct ArrayWork {
  uint64_t cycles = 0;
  uint64_t inputBytes = 0, weightBytes = 0; ///< scratchpad reads
  uint64_t accumulatorReadBytes = 0, accumulatorWriteBytes = 0;
};

/// By the machine's dataflow; docs/Machine.md, "The array".
ArrayWork arrayWork(const MatmulCommand &command, const Machine &machine);

} // namespace accopt

#endif // ACCOPT_LIB_TARGET_MATMULTIMING_H
