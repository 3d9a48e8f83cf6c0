//===- Runner.h - What acc-sim does -----------------------------*- C++ -*-===//
//
// Part of AccOpt. Files in, files out: loads a binary, feeds it arrays, runs it
// and writes what was asked for.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SIMULATOR_RUNNER_H
#define ACCOPT_SIMULATOR_RUNNER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt {

/// acc-sim's options (docs of the command line: `acc-sim --help`). Empty paths
/// mean that the thing is not asked for.
struct RunnerOptions {
  std::string binary;
  std::vector<std::string> inputs; ///< [NAME=]FILE
  std::string output;              ///< .npz
  bool raw = false;                ///< outputs as int8
  std::string labels;
  std::vector<std::string> reports;
  std::string trace;
  std::string dumpDirectory;
  std::string target; ///< refuse a binary for other parameters
  bool disassemble = false;
  bool quiet = false;
  uint64_t seed = 0;    ///< of random inputs
  unsigned threads = 0; ///< 0: one for each core
};

/// Results and the summary go to `out`, remarks to `notes`.
llvm::Error runBinary(const RunnerOptions &options, llvm::raw_ostream &out,
                      llvm::raw_ostream &notes);

} // namespace accopt

#endif // ACCOPT_SIMULATOR_RUNNER_H
