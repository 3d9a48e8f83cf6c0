//===- Plan.cpp - What is decided before commands are emitted -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

#include "MemoryPlan.h"

using namespace mlir;

namespace accopt {

/// What fields of 16 bits hold.
static LogicalResult checkSizes(const Network &network) {
  for (const Layer &layer : network.layers) {
    std::optional<WindowLayer> w = readWindowLayer(layer.op);
    if (!w)
      continue;
    for (int64_t size :
         {w->height, w->width, w->outHeight, w->outWidth, w->kernelY,
          w->kernelX, w->strideY, w->strideX, w->dilationY, w->dilationX})
      if (size > 65535)
        return layer.op->emitOpError("expected sizes of at most 65535, got ")
               << size;
    for (int64_t pad : {w->padTop, w->padLeft})
      if (pad > 32767 || pad < -32768)
        return layer.op->emitOpError("expected pads of at most 32767, got ")
               << pad;
  }
  return success();
}

FailureOr<Plan> planNetwork(ModuleOp module, const Machine &machine,
                            const ScheduleOptions &options,
                            TilingCache &tilings) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || !function.getBody().hasOneBlock())
    return module.emitError("expected a function @main of one block");
  FailureOr<Network> network = readNetwork(function);
  if (failed(network))
    return failure();
  if (failed(checkSizes(*network)))
    return failure();
  planPacking(*network, machine);
  planConcats(*network, machine);
  planResidency(*network, machine, tilings);
  std::vector<Stack> stacks;
  if (options.stacks)
    stacks = planStacks(*network, machine, tilings, options.objective);
  return Plan{std::move(*network), std::move(stacks)};
}

} // namespace accopt
