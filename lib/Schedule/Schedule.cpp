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

} // namespace

LayerInfo describeLayer(const Layer &layer, size_t index) {
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
  if (layer.window && layer.window->hasWeights()) {
    info.weightBits = int32_t(layer.window->weightBits);
    info.inputBits = int32_t(layer.window->inputBits);
  }
  return info;
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
  auto emitted =
      emitLayers(module, *network, plan->stacks, machine, options, tilings);
  if (failed(emitted))
    return failure();
  Emitter &emitter = **emitted;
  Program program;
  program.machine = machine;
  for (auto [index, layer] : llvm::enumerate(network->layers)) {
    program.layers.push_back(describeLayer(layer, index));
    program.layers.back().rooflineCycles =
        uint64_t(rooflineCycles(*network, layer, machine));
  }
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
