//===- HostExecutor.h - Host functions by MLIR's JIT ------------*- C++ -*-===//

#ifndef ACCOPT_LIB_SIMULATOR_RUNNER_HOSTEXECUTOR_H
#define ACCOPT_LIB_SIMULATOR_RUNNER_HOSTEXECUTOR_H

#include "accopt/Execution/Executor.h"
#include "accopt/Simulator/Simulator.h"

#include <map>
#include <optional>

namespace accopt {

/// The executor's kind for a type of the binary's tables; nothing for float16
/// and float64, which no network has.
std::optional<ElementKind> kindOf(NumpyType type);

/// Compiles each function of the program's host module when it is first called.
class HostExecutor : public HostRunner {
public:
  explicit HostExecutor(const Program &program) : program(program) {}

  llvm::Error
  run(const HostFunction &function,
      llvm::ArrayRef<llvm::ArrayRef<int8_t>> inputs,
      llvm::ArrayRef<llvm::MutableArrayRef<int8_t>> outputs) override;

private:
  const Program &program;
  std::map<std::string, std::unique_ptr<Executor>> compiled;
};

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_RUNNER_HOSTEXECUTOR_H
