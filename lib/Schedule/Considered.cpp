//===- Considered.cpp - What the scheduler chose from ---------------------===//
//
// Part of AccOpt. The plan is made again, and its choices are told.
//
//===----------------------------------------------------------------------===//

#include "MemoryPlan.h"
#include "Plan.h"

using namespace mlir;

namespace accopt {

static StringRef nameOf(LoopOrder order) {
  switch (order) {
  case LoopOrder::AllWeights:
    return "all-weights";
  case LoopOrder::WeightsOuter:
    return "weights-outer";
  case LoopOrder::SpaceOuter:
    return "space-outer";
  }
  return "";
}

static TilingChoice describe(const Tiling &tiling) {
  TilingChoice choice;
  choice.order = nameOf(tiling.order).str();
  if (tiling.dataflow == Dataflow::OutputStationary)
    choice.order += ",os";
  choice.rows = tiling.rows;
  choice.columns = tiling.columns;
  choice.outputs = tiling.outputs;
  choice.channels = tiling.channels;
  choice.slots = tiling.slots;
  choice.chunkSlots = tiling.chunkSlots;
  choice.scratchpadBytes =
      tiling.slots * tiling.tileBytes + tiling.chunkSlots * tiling.chunkBytes;
  choice.estimate = tiling.estimate;
  choice.transferCycles = tiling.transfers;
  return choice;
}

static bool isSameButOrder(TilingChoice a, const TilingChoice &b) {
  a.order = b.order;
  return a == b;
}

static StackChoice describe(const Stack &stack) {
  StackChoice choice;
  for (const StackLayer &layer : stack.layers)
    choice.layers.push_back(size_t(layer.index));
  choice.strip = stack.strip;
  choice.steps = int64_t(stack.steps.size()) * stack.batch;
  choice.weightBytes = stack.weightBytes;
  choice.bufferBytes = stack.bufferBytes;
  choice.estimate = stack.estimate;
  choice.transferCycles = stack.transfers;
  choice.separateEstimate = stack.separateEstimate;
  choice.separateTransferCycles = stack.separateTransfers;
  return choice;
}

static std::vector<TilingChoice> describeTilings(const Plan &plan, int index,
                                                 const Machine &machine,
                                                 size_t most) {
  std::vector<TilingChoice> choices;
  const Layer &layer = plan.network.layers[index];
  const std::optional<WindowLayer> &window = layer.window;
  if (!window)
    return choices;
  ScratchpadRange range = freeScratchpad(plan.network, index, index, machine);
  for (const Tiling &tiling : listTilings(
           *window, placementOf(plan.network, layer, *window, range.size()),
           machine)) {
    if (choices.size() == most)
      break;
    // With one chunk of weights all orders are the same.
    TilingChoice choice = describe(tiling);
    if (choices.empty() || !isSameButOrder(choices.back(), choice))
      choices.push_back(std::move(choice));
  }
  return choices;
}

FailureOr<Considered> listConsidered(ModuleOp module, const Machine &machine,
                                     size_t most,
                                     const ScheduleOptions &options) {
  TilingCache tilings;
  FailureOr<Plan> plan = planNetwork(module, machine, options, tilings);
  if (failed(plan))
    return failure();
  Considered considered;
  for (const ChosenStack &stack : plan->stacks)
    considered.stacks.push_back(describe(stack.place()));
  for (size_t index = 0; index < plan->network.layers.size(); ++index)
    considered.tilings.push_back(
        describeTilings(*plan, int(index), machine, most));
  return considered;
}

} // namespace accopt
