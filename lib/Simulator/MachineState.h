//===- MachineState.h - Memories and functional effects ---------*- C++ -*-===//
//
// Part of AccOpt. The machine's memories and what each command does to them,
// without time. Commands must be valid (validateProgram()).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SIMULATOR_MACHINESTATE_H
#define ACCOPT_LIB_SIMULATOR_MACHINESTATE_H

#include "MatmulKernel.h"
#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace accopt {

class MachineState {
public:
  MachineState(const Machine &machine, uint64_t dramBytes, unsigned threads);

  // One per kind of command of LOAD, STORE and EXEC.
  void execute(const LoadCommand &command);
  void execute(const StoreCommand &command);
  void execute(const MatmulCommand &command);
  void execute(const DepthwiseCommand &command);
  void execute(const PoolCommand &command);
  void execute(const BinaryCommand &command);
  void execute(const LookupCommand &command);
  void execute(const FillCommand &command);

  /// DRAM can be gigabytes of which a program touches little: its pages are
  /// zero and come when they are touched.
  struct Free {
    void operator()(int8_t *memory) const { std::free(memory); }
  };
  std::unique_ptr<int8_t[], Free> dram;
  std::vector<int8_t> scratchpad;
  std::vector<int32_t> accumulators;

private:
  /// Calls `copy(DRAM side, scratchpad side)` for each row.
  void forEachRow(const DmaCommand &command,
                  llvm::function_ref<void(int8_t *, int8_t *)> copy);
  /// Splits [0, count) into one range for each thread, each a multiple of
  /// `grain` but for the last, and runs them at once.
  void parallelRanges(size_t count, size_t grain,
                      llvm::function_ref<void(size_t, size_t)> run);

  const Machine &machine;
  MatmulKernel kernel;
  unsigned threads;
  /// Started at the first command that is worth it.
  std::unique_ptr<llvm::DefaultThreadPool> pool;
};

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_MACHINESTATE_H
