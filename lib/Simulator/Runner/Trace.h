//===- Trace.h - Timelines for Perfetto -------------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_SIMULATOR_RUNNER_TRACE_H
#define ACCOPT_LIB_SIMULATOR_RUNNER_TRACE_H

#include "accopt/Simulator/Simulator.h"

#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// Writes the run as Chrome's trace event format, which Perfetto opens: a track
/// for each engine with a slice for each command, and arrows for the tokens
/// that commands wait for; a track of layers; counters of DRAM traffic and of
/// the bytes in use in both memories. Needs a run with `trace`.
void writeTrace(const Program &program, const RunResult &result,
                llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_RUNNER_TRACE_H
