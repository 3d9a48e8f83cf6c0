//===- Simulator.h - Runs programs of the machine ---------------*- C++ -*-===//
//
// Part of AccOpt. Moves real bytes and counts time by events, command by
// command, as docs/Machine.md specifies.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SIMULATOR_SIMULATOR_H
#define ACCOPT_SIMULATOR_SIMULATOR_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Target/Timing.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace accopt {

/// Runs the host's functions on the bytes of tensors.
class HostRunner {
public:
  virtual ~HostRunner();
  /// Runs `function`: `inputs` and `outputs` are dense tensors with the sizes
  /// of its arguments and results, in order.
  virtual llvm::Error
  run(const HostFunction &function,
      llvm::ArrayRef<llvm::ArrayRef<int8_t>> inputs,
      llvm::ArrayRef<llvm::MutableArrayRef<int8_t>> outputs) = 0;
};

/// A command's stay in its engine.
struct TraceEvent {
  Engine engine = Engine::Load;
  /// The engine is busy in [start, end); the tokens are sent at `completion`.
  uint64_t start = 0, end = 0, completion = 0;
  uint32_t command = 0, layer = 0;
};

struct RunResult {
  std::vector<LayerCost> layers; ///< one for each of the program's layers
  uint64_t cycles = 0;           ///< of the whole run: the sum of the layers'
  std::vector<TraceEvent> trace; ///< in order of start; if asked for
};

struct SimulatorOptions {
  bool trace = false;
  /// Moves bytes; without, only time and events are counted.
  bool functional = true;
  /// Threads that the array's arithmetic uses; 0: one for each core. Results do
  /// not depend on it.
  unsigned threads = 0;
};

/// A machine with a program in its DRAM. The program must pass
/// validateProgram() and outlive the simulator.
class Simulator {
public:
  /// `host` may be null if the program has no host functions.
  Simulator(const Program &program, HostRunner *host,
            SimulatorOptions options = {});
  ~Simulator();

  /// The tensor's bytes in its memory. Write inputs before run(), read outputs
  /// after.
  llvm::MutableArrayRef<int8_t> tensorBytes(const TensorInfo &tensor);

  /// The tensor's elements, of int8 one a byte also where it is packed.
  std::vector<int8_t> readTensor(const TensorInfo &tensor);

  /// Called in run() whenever all commands of a layer have completed, with the
  /// layer's index; tensors with `definedBy` equal to it can be read then,
  /// before a later layer reuses their memory. Only with `functional`.
  void onLayerComplete(std::function<void(uint32_t)> callback);

  /// Runs all commands once. Fails if a host function fails or the tokens
  /// deadlock.
  llvm::Expected<RunResult> run();

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace accopt

#endif // ACCOPT_SIMULATOR_SIMULATOR_H
