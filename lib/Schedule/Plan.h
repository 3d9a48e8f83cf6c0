//===- Plan.h - What is decided before commands are emitted -----*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_PLAN_H
#define ACCOPT_LIB_SCHEDULE_PLAN_H

#include "Emitter.h"
#include "Network.h"
#include "Stack.h"

#include "accopt/Schedule/Schedule.h"

namespace accopt {

/// The layers and tensors of a function: which are packed, which are slices,
/// which stay in the scratchpad, and which layers run together.
struct Plan {
  Network network;
  std::vector<ChosenStack> stacks; ///< in program order; of the cache
};

/// Plans `@main`; emits an error where it is no network of layers, or has sizes
/// that commands cannot hold.
llvm::FailureOr<Plan> planNetwork(mlir::ModuleOp module, const Machine &machine,
                                  const ScheduleOptions &options,
                                  TilingCache &tilings);

/// The network of `@main`, and its layers planned; planNetwork() does one after
/// the other. Layers have numbers (numberShapes()).
llvm::FailureOr<Network> readLayers(mlir::ModuleOp module,
                                    const Machine &machine);
std::vector<ChosenStack> planLayers(Network &network, const Machine &machine,
                                    const ScheduleOptions &options,
                                    TilingCache &tilings);

/// What reports say of a layer, without its roofline.
LayerInfo describeLayer(const Layer &layer, size_t index);

/// Where the bytes of a pixel of an image in DRAM are cut by the slices that
/// are written into it, ascending from 0; by tensor, none where there are no
/// slices or the image is resident. Emitters watch such images piece by piece.
std::vector<std::vector<int64_t>> sliceCuts(const Network &network);

/// Gives tensors and constants their places in DRAM and emits all layers. Emits
/// an error in `module` where they do not fit.
llvm::FailureOr<std::unique_ptr<Emitter>>
emitLayers(mlir::ModuleOp module, Network &network,
           llvm::ArrayRef<ChosenStack> stacks, const Machine &machine,
           const ScheduleOptions &options, TilingCache &tilings);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_PLAN_H
