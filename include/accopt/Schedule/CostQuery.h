//===- CostQuery.h - What a network of layers costs, again ------*- C++ -*-===//
//
// Part of AccOpt. The cycles and the energy of what schedule() would emit,
// without emitting it: units (layers, stacks) that were met before are not
// emitted again, nor timed where the machine was in the state that it is in
// now. docs/Design/CostQueries.md explains what is remembered.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SCHEDULE_COSTQUERY_H
#define ACCOPT_SCHEDULE_COSTQUERY_H

#include "accopt/Schedule/Schedule.h"
#include "accopt/Target/Timing.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace accopt {

/// All that queries remember, of one machine and one set of options. One query
/// at a time.
class CostCache {
public:
  /// Of `options`, those that decide the schedule.
  explicit CostCache(Machine machine, ScheduleOptions options = {});
  ~CostCache();

  struct Statistics {
    uint64_t queries = 0;
    uint64_t units = 0, newUnits = 0;             ///< emitted
    uint64_t transitions = 0, newTransitions = 0; ///< timed
    /// Queries whose host functions meet the engines in a way that only the
    /// whole program shows; they emitted it.
    uint64_t wholePrograms = 0;
  };
  const Statistics &statistics() const;
  const Machine &machine() const;

  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// What a layer adds to its network (LayerCost).
struct QueriedLayer {
  uint64_t cycles = 0;
  Quantities quantities;
  double energyPj = 0;
};

struct QueriedCost {
  uint64_t cycles = 0;
  double energyPj = 0;
  uint64_t constantBytes = 0;       ///< in DRAM, of weights and parameters
  std::vector<QueriedLayer> layers; ///< in program order
};

/// A network of layers that can be asked again with other bits.
class CostQuery {
public:
  /// Reads `@main` of `module`, which must live as long as this. Emits an error
  /// where schedule() would.
  static llvm::FailureOr<CostQuery> read(mlir::ModuleOp module,
                                         CostCache &cache);
  CostQuery(CostQuery &&);
  ~CostQuery();

  /// Layers in program order.
  size_t layerCount() const;
  mlir::Operation *layer(size_t index) const;
  /// As in reports, without its roofline.
  LayerInfo describe(size_t index) const;
  /// Bits of the weights and the input of a layer with weights, and those that
  /// what it writes is described to have and fits. Others have 8.
  struct Bits {
    int64_t weights = 8, input = 8, output = 8;
    bool operator==(const Bits &) const = default;
  };
  Bits bits(size_t layer) const;
  /// Whether layer `index` of both is the same but for bits and data.
  bool hasShapeOf(const CostQuery &other, size_t index) const;
  const Machine &machine() const;
  void setBits(size_t layer, Bits bits);

  /// Equal to what analyzeCost() says of schedule()'s program. Emits an error
  /// at the op that does not fit.
  llvm::FailureOr<QueriedCost> cost();

private:
  struct Impl;
  explicit CostQuery(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace accopt

#endif // ACCOPT_SCHEDULE_COSTQUERY_H
