//===- Plan.cpp - What is decided before commands are emitted -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

#include "MemoryPlan.h"

#include "dialects/Accel/AccelOps.h"

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

/// Values of two bytes need a machine that has them.
static LogicalResult checkWidths(const Network &network,
                                 const Machine &machine) {
  auto isWide = [](Value value) {
    return cast<RankedTensorType>(value.getType())
        .getElementType()
        .isInteger(16);
  };
  for (const Layer &layer : network.layers)
    if (!machine.arrayPes16Bit && !isa<accel::HostOp>(layer.op) &&
        (llvm::any_of(layer.op->getOperands(), isWide) ||
         llvm::any_of(layer.op->getResults(), isWide)))
      return layer.op->emitOpError("expected a machine with values of 16 bits "
                                   "(array_pes_16bit above 0), got ")
             << machine.name;
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
  if (failed(checkSizes(*network)) || failed(checkWidths(*network, machine)))
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
