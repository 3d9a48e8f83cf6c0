//===- Schedule.cpp - From layers to a program ----------------------------===//
//
// Part of AccOpt. Decides which tensors stay in the scratchpad, places the
// others in DRAM by their lifetimes, and emits layer after layer.
//
//===----------------------------------------------------------------------===//

#include "accopt/Schedule/Schedule.h"

#include "Emitter.h"
#include "MemoryPlan.h"
#include "Plan.h"
#include "Roofline.h"

using namespace mlir;

namespace accopt {

TensorInfo readDescription(Value value, DictionaryAttr attributes) {
  TensorInfo info;
  auto array = [&](StringRef name) {
    return attributes.getAs<DenseI64ArrayAttr>(name).asArrayRef().vec();
  };
  info.name = attributes.getAs<StringAttr>("accel.name").str();
  info.shape = cast<RankedTensorType>(value.getType()).getShape().vec();
  info.permutation = array("accel.permutation");
  info.modelShape = array("accel.model_shape");
  info.scale = attributes.getAs<FloatAttr>("accel.scale").getValueAsDouble();
  info.zeroPoint =
      int32_t(attributes.getAs<IntegerAttr>("accel.zero_point").getInt());
  if (auto bits = attributes.getAs<IntegerAttr>("accel.bits"))
    info.bits = int32_t(bits.getInt());
  if (auto type = attributes.getAs<TypeAttr>("accel.type"))
    info.type = numpyTypeOf(type.getValue());
  else
    info.type =
        numpyTypeOf(cast<RankedTensorType>(value.getType()).getElementType());
  return info;
}

namespace {

TensorInfo describe(const Network &network, const NetworkTensor &tensor,
                    Value value, DictionaryAttr attributes,
                    TensorInfo::Kind kind) {
  TensorInfo info = readDescription(value, attributes);
  info.kind = kind;
  info.definedBy = network.completedBy(tensor);
  info.pitch = tensor.pitch;
  info.inScratchpad = tensor.resident;
  info.address = tensor.resident ? tensor.scratchpadAddress : tensor.address;
  info.isPacked = !tensor.resident && tensor.dramBits < 8;
  return info;
}

/// The unit that reports name.
StringRef unitOf(mlir::Operation *op) {
  if (isa<accel::Conv2DOp>(op))
    return "array";
  if (isa<accel::HostOp>(op))
    return "host";
  if (isa<accel::TransposeOp, accel::ConcatOp, accel::SliceOp, accel::PadOp>(
          op))
    return "dma";
  return "vector";
}

LayerInfo describe(const Network &network, const Layer &layer, size_t index,
                   const Machine &machine) {
  LayerInfo info;
  info.name = locationName(layer.op->getLoc());
  if (info.name.empty())
    info.name = "layer_" + std::to_string(index);
  info.op = layer.op->getName().stripDialect().str();
  info.placement = unitOf(layer.op).str();
  if (auto host = dyn_cast<accel::HostOp>(layer.op)) {
    info.reason = host.getReason().str();
    info.op = "host";
  }
  info.rooflineCycles = uint64_t(rooflineCycles(network, layer, machine));
  if (std::optional<WindowLayer> window = readWindowLayer(layer.op);
      window && window->hasWeights()) {
    info.weightBits = int32_t(window->weightBits);
    info.inputBits = int32_t(window->inputBits);
  }
  return info;
}
} // namespace

/// Tells the stream of images in DRAM that are written slice by slice.
static void watchSlices(const Network &network, CommandStream &stream) {
  for (auto [index, image] : llvm::enumerate(network.tensors)) {
    std::vector<int64_t> cuts;
    int64_t pitch = 0;
    for (const NetworkTensor &slice : network.tensors) {
      if (!slice.isSlice() || slice.root != int(index))
        continue;
      pitch = slice.pitch;
      int64_t bytes =
          cast<RankedTensorType>(slice.value.getType()).getShape().back() *
          slice.elementBytes;
      cuts.push_back(slice.channelOffset);
      if (slice.channelOffset + bytes < pitch)
        cuts.push_back(slice.channelOffset + bytes);
    }
    if (cuts.empty() || image.resident)
      continue;
    cuts.push_back(0);
    llvm::sort(cuts);
    cuts.erase(llvm::unique(cuts), cuts.end());
    stream.addSlicedImage(image.address, int64_t(image.address) + image.bytes,
                          pitch, std::move(cuts));
  }
}

static LogicalResult emitLayers(const Plan &plan, const Machine &machine,
                                Emitter &emitter) {
  auto stack = plan.stacks.begin();
  int count = int(plan.network.layers.size());
  for (int index = 0; index < count; ++index) {
    bool isStack = stack != plan.stacks.end() && stack->first() == index;
    int last = isStack ? stack->last() : index;
    ScratchpadRange range = freeScratchpad(plan.network, index, last, machine);
    if (isStack)
      emitter.emit(*stack++, range);
    else if (failed(emitter.emit(index, range)))
      return failure();
    index = last;
  }
  return success();
}

FailureOr<Program> schedule(ModuleOp module, const Machine &machine,
                            const ScheduleOptions &options) {
  TilingCache own;
  TilingCache &tilings = options.cache ? *options.cache : own;
  FailureOr<Plan> plan = planNetwork(module, machine, options, tilings);
  if (failed(plan))
    return failure();
  Network *network = &plan->network;
  auto function = module.lookupSymbol<func::FuncOp>("main");
  int64_t activations = planDram(*network);
  if (activations > int64_t(UINT32_MAX))
    return module.emitError("needs ")
           << activations
           << " bytes of DRAM for tensors; addresses have 32 bits";
  Emitter emitter(*network, machine, uint32_t(activations),
                  options.packConstants, tilings);
  watchSlices(*network, emitter.commandStream());
  for (NetworkTensor &tensor : network->tensors) {
    if (!tensor.isConstant)
      continue;
    auto constant = tensor.value.getDefiningOp<accel::ConstantOp>();
    tensor.address = emitter.addConstant(
        tensor.bytes, [&] { return constantBytes(constant.getValue()); });
  }
  Program program;
  program.machine = machine;
  if (failed(emitLayers(*plan, machine, emitter)))
    return failure();
  for (auto [index, layer] : llvm::enumerate(network->layers))
    program.layers.push_back(describe(*network, layer, index, machine));
  if (emitter.dramEnd() > int64_t(UINT32_MAX))
    return module.emitError("needs ")
           << emitter.dramEnd() << " bytes of DRAM; addresses have 32 bits";
  program.dramBytes = uint32_t(emitter.dramEnd());
  program.commands = emitter.takeCommands();
  program.constants = emitter.takeConstants();
  program.missingConstantBytes = emitter.missingConstantBytes();
  program.hostFunctions = emitter.takeHostFunctions();

  auto output =
      cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    program.tensors.push_back(describe(*network, network->tensor(argument),
                                       argument, function.getArgAttrDict(i),
                                       TensorInfo::Kind::Input));
  for (auto [i, value] : llvm::enumerate(output.getOperands()))
    program.tensors.push_back(describe(*network, network->tensor(value), value,
                                       function.getResultAttrDict(i),
                                       TensorInfo::Kind::Output));
  for (const NetworkTensor &tensor : network->tensors)
    if (tensor.description && !tensor.isOutput && !tensor.inStack)
      program.tensors.push_back(describe(*network, tensor, tensor.described,
                                         tensor.description,
                                         TensorInfo::Kind::Intermediate));
  if (auto name = module->getAttrOfType<StringAttr>("nn.model_name"))
    program.modelName = name.str();
  if (auto hash = module->getAttrOfType<StringAttr>("nn.sha256"))
    program.modelSha256 = hash.str();
  return program;
}

} // namespace accopt
