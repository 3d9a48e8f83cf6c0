//===- CostService.h - What a network would cost ----------------*- C++ -*-===//
//
// Part of AccOpt. The compiler asked as a function: a float nn function (before
// or after the float pipeline; its weights are never looked at) with bits per
// layer in, cycles and energy out. Every layer is scheduled and analysed once
// for each signature (op, shapes, attributes, bits, which of its tensors stay
// in the scratchpad) and machine.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TUNING_COSTSERVICE_H
#define ACCOPT_TUNING_COSTSERVICE_H

#include "accopt/Schedule/Schedule.h"
#include "accopt/Target/Machine.h"
#include "accopt/Transforms/QuantizationPlan.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace accopt {

struct CostEntry {
  std::string name, op;
  double cycles = 0, energyPj = 0;
  uint64_t macs = 0, dramBytes = 0;
  LayerBits bits;
};

struct NetworkCost {
  double cycles = 0, energyPj = 0;
  uint64_t macs = 0, dramBytes = 0, weightBytes = 0;
  std::vector<CostEntry> layers;

  /// Cycles, pJ, or their product.
  double get(Objective objective) const;
};

class CostService {
public:
  explicit CostService(Machine machine);
  ~CostService();

  /// The whole network scheduled and analysed: what acc-opt reports, to the
  /// cycle. Also cached.
  llvm::Expected<NetworkCost> exact(mlir::func::FuncOp function,
                                    const BitAssignment &bits = {});
  /// The sum of its layers, each priced alone: what a search asks for thousands
  /// of variants. Only layers of a new signature are scheduled.
  llvm::Expected<NetworkCost> estimate(mlir::func::FuncOp function,
                                       const BitAssignment &bits = {});

  struct Statistics {
    uint64_t networkQueries = 0, layerQueries = 0, layerMisses = 0;
    uint64_t bitQueries = 0; ///< of these, by BitCosts without compiling
    double seconds = 0;
  };
  const Statistics &statistics() const;
  const Machine &machine() const;

private:
  friend class BitCosts;
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// What CostService::exact() says of one network at many bits. It is compiled a
/// few times at first; a query then costs what its changed layers cost.
class BitCosts {
public:
  /// `function` is float, after the float pipeline; it is copied.
  BitCosts(CostService &service, mlir::func::FuncOp function);
  ~BitCosts();
  llvm::Expected<NetworkCost> exact(const BitAssignment &bits);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace accopt

#endif // ACCOPT_TUNING_COSTSERVICE_H
