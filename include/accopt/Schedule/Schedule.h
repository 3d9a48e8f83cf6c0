//===- Schedule.h - From layers to a program --------------------*- C++ -*-===//
//
// Part of AccOpt. docs/Design/Scheduling.md explains the decisions.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SCHEDULE_SCHEDULE_H
#define ACCOPT_SCHEDULE_SCHEDULE_H

#include "accopt/CodeGen/Program.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>
#include <vector>

namespace accopt {

/// Remembers which tiles were chosen for a layer. For schedules on one machine,
/// one after another.
class TilingCache {
public:
  TilingCache();
  ~TilingCache();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// What is to be small.
enum class Objective {
  Cycles,
  Energy,
  EnergyDelay ///< the product of energy and cycles
};

struct ScheduleOptions {
  /// What decides which layers run strip by strip. Tiles are chosen for cycles.
  Objective objective = Objective::EnergyDelay;
  /// Without, layers run one after another.
  bool stacks = true;
  /// Without, constants have addresses but no bytes: enough to know the cost,
  /// not to run.
  bool packConstants = true;
  /// Frees the module's weights as they are packed (NNConstantUses.h): for who
  /// needs the program only, and nobody else the context.
  bool releaseConstants = false;
  TilingCache *cache = nullptr; ///< to share between schedules
};

/// Schedules `@main`, whose ops are accel layer ops, for `machine`: tiles,
/// addresses, tokens. The host's functions are not in the program yet
/// (`hostModule` is empty). Emits an error at the op that does not fit.
llvm::FailureOr<Program> schedule(mlir::ModuleOp module, const Machine &machine,
                                  const ScheduleOptions &options = {});

/// How a stored tensor stands for the model's: name, shapes, type and
/// quantization, from its description (`accel.tensor`, or the attributes of an
/// argument or result of `@main`). Where it lies is not in it.
TensorInfo readDescription(mlir::Value value, mlir::DictionaryAttr attributes);

/// A way to tile a layer that the scheduler considered.
struct TilingChoice {
  std::string order; ///< of the loops: "all-weights", "weights-outer", ...
  int64_t rows = 0, columns = 0;     ///< of the output, in a tile
  int64_t outputs = 0, channels = 0; ///< of a chunk of weights
  int64_t slots = 0, chunkSlots = 0; ///< in flight
  int64_t scratchpadBytes = 0;       ///< of all slots
  int64_t estimate = 0;              ///< cycles, if the layer stood alone
  int64_t transferCycles = 0;        ///< LOAD's and STORE's together
  bool operator==(const TilingChoice &) const = default;
};

/// Layers that run strip by strip.
struct StackChoice {
  std::vector<size_t> layers;               ///< by their index
  int64_t strip = 0, steps = 0;             ///< rows of the last output in each
  int64_t weightBytes = 0, bufferBytes = 0; ///< of scratchpad
  int64_t estimate = 0, transferCycles = 0; ///< as in TilingChoice
  int64_t separateEstimate = 0, separateTransferCycles = 0; ///< one by one
};

/// What schedule() considered for the layers of `@main`.
struct Considered {
  /// For each layer in program order, the best first, at most so many as asked
  /// for; empty for layers that slide no window. A layer in a stack uses none.
  std::vector<std::vector<TilingChoice>> tilings;
  std::vector<StackChoice> stacks; ///< those chosen
};
llvm::FailureOr<Considered> listConsidered(mlir::ModuleOp module,
                                           const Machine &machine, size_t most,
                                           const ScheduleOptions &options = {});

} // namespace accopt

#endif // ACCOPT_SCHEDULE_SCHEDULE_H
