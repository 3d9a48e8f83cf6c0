//===- Plan.cpp - What is decided before commands are emitted -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Plan.h"

#include "MemoryPlan.h"
#include "TilingCache.h"

#include "dialects/NN/NNConstantUses.h"

#include "dialects/Accel/AccelOps.h"

using namespace mlir;

namespace accopt {

/// What fields of 16 bits hold.
static LogicalResult checkSizes(const Network &network) {
  for (const Layer &layer : network.layers) {
    const std::optional<WindowLayer> &w = layer.window;
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

FailureOr<Network> readLayers(ModuleOp module, const Machine &machine) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || !function.getBody().hasOneBlock())
    return module.emitError("expected a function @main of one block");
  FailureOr<Network> network = readNetwork(function);
  if (failed(network) || failed(checkSizes(*network)) ||
      failed(checkWidths(*network, machine)))
    return failure();
  return network;
}

std::vector<ChosenStack> planLayers(Network &network, const Machine &machine,
                                    const ScheduleOptions &options,
                                    TilingCache &tilings) {
  planPacking(network, machine);
  planConcats(network, machine);
  planResidency(network, machine, tilings);
  if (!options.stacks)
    return {};
  return planStacks(network, machine, tilings, options.objective);
}

FailureOr<Plan> planNetwork(ModuleOp module, const Machine &machine,
                            const ScheduleOptions &options,
                            TilingCache &tilings) {
  FailureOr<Network> network = readLayers(module, machine);
  if (failed(network))
    return failure();
  numberShapes(*network, tilings);
  std::vector<ChosenStack> stacks =
      planLayers(*network, machine, options, tilings);
  return Plan{std::move(*network), std::move(stacks)};
}

std::vector<std::vector<int64_t>> sliceCuts(const Network &network) {
  std::vector<std::vector<int64_t>> cuts(network.tensors.size());
  for (const NetworkTensor &slice : network.tensors) {
    if (!slice.isSlice() || network.tensors[slice.root].resident)
      continue;
    std::vector<int64_t> &image = cuts[slice.root];
    int64_t bytes =
        cast<RankedTensorType>(slice.value.getType()).getShape().back() *
        slice.elementBytes;
    image.push_back(slice.channelOffset);
    if (slice.channelOffset + bytes < slice.pitch)
      image.push_back(slice.channelOffset + bytes);
  }
  for (std::vector<int64_t> &image : cuts) {
    if (image.empty())
      continue;
    image.push_back(0);
    llvm::sort(image);
    image.erase(llvm::unique(image), image.end());
  }
  return cuts;
}

/// Tells the stream of images in DRAM that are written slice by slice.
static void watchSlices(const Network &network, CommandStream &stream) {
  std::vector<std::vector<int64_t>> cuts = sliceCuts(network);
  for (auto [image, own] : llvm::zip_equal(network.tensors, cuts))
    if (!own.empty())
      stream.addSlicedImage(
          image.address, int64_t(image.address) + image.bytes,
          cast<RankedTensorType>(image.value.getType()).getShape().back() *
              image.elementBytes,
          std::move(own));
}

FailureOr<std::unique_ptr<Emitter>>
emitLayers(ModuleOp module, Network &network, ArrayRef<ChosenStack> stacks,
           const Machine &machine, const ScheduleOptions &options,
           TilingCache &tilings) {
  int64_t activations = planDram(network);
  if (activations > int64_t(UINT32_MAX))
    return module.emitError("needs ")
           << activations
           << " bytes of DRAM for tensors; addresses have 32 bits";
  auto emitter = std::make_unique<Emitter>(
      network, machine, uint32_t(activations), options.packConstants, tilings);
  watchSlices(network, emitter->commandStream());
  for (NetworkTensor &tensor : network.tensors) {
    if (!tensor.isConstant)
      continue;
    auto constant = tensor.value.getDefiningOp<accel::ConstantOp>();
    tensor.address = emitter->addConstant(
        tensor.bytes, [&] { return constantBytes(constant.getValue()); });
  }
  std::optional<nn::ConstantUses> uses;
  if (options.releaseConstants)
    uses.emplace(module);
  const ChosenStack *stack = stacks.begin();
  int count = int(network.layers.size());
  for (int index = 0; index < count; ++index) {
    bool isStack = stack != stacks.end() && stack->first() == index;
    int last = isStack ? stack->last() : index;
    ScratchpadRange range = freeScratchpad(network, index, last, machine);
    if (isStack)
      emitter->emit((stack++)->place(), range);
    else if (failed(emitter->emit(index, range)))
      return failure();
    for (; uses && index <= last; ++index)
      uses->release(network.layers[index].op);
    index = last;
  }
  if (emitter->dramEnd() > int64_t(UINT32_MAX))
    return module.emitError("needs ")
           << emitter->dramEnd() << " bytes of DRAM; addresses have 32 bits";
  return emitter;
}

} // namespace accopt
