//===- ProgramIR.cpp - Programs as MLIR -----------------------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Schedule/ProgramIR.h"

#include "accopt/Target/Encoding.h"
#include "accopt/Target/MachineIO.h"
#include "dialects/Accel/AccelOps.h"
#include "dialects/NN/NNConstants.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBufferRef.h"

using namespace mlir;

namespace accopt {
namespace {

constexpr StringLiteral kKinds[] = {"input", "output", "intermediate"};

class Writer {
public:
  Writer(const Program &program, MLIRContext &context)
      : program(program), builder(UnknownLoc::get(&context), &context) {}

  OwningOpRef<ModuleOp> run() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder, builder.getLoc());
    builder.setInsertionPointToEnd(module->getBody());
    auto op = accel::ProgramOp::create(
        builder, builder.getStringAttr(program.modelName),
        builder.getStringAttr(printMachine(program.machine)),
        builder.getStringAttr(program.modelSha256),
        builder.getI64IntegerAttr(program.dramBytes),
        builder.getStringAttr(llvm::toHex(program.hostModule)));
    builder.setInsertionPointToEnd(&op.getBody().emplaceBlock());
    for (const Constant &constant : program.constants)
      write(constant);
    for (const TensorInfo &tensor : program.tensors)
      write(tensor);
    for (auto [index, layer] : llvm::enumerate(program.layers))
      write(layer, int32_t(index));
    for (const HostFunction &function : program.hostFunctions)
      write(function);
    for (const Command &command : program.commands)
      write(command);
    return module;
  }

private:
  void write(const Constant &constant) {
    auto type = RankedTensorType::get({int64_t(constant.bytes.size())},
                                      builder.getI8Type());
    ArrayRef<int8_t> bytes(
        reinterpret_cast<const int8_t *>(constant.bytes.data()),
        constant.bytes.size());
    auto value = DenseI8ResourceElementsAttr::get(
        type, "constant",
        HeapAsmResourceBlob::allocateAndCopyInferAlign(bytes));
    accel::DramConstantOp::create(builder,
                                  builder.getI64IntegerAttr(constant.address),
                                  cast<ElementsAttr>(value));
  }
  void write(const TensorInfo &tensor) {
    accel::TensorOp::create(
        builder, builder.getStringAttr(tensor.name),
        builder.getStringAttr(kKinds[unsigned(tensor.kind)]),
        builder.getI64IntegerAttr(tensor.address),
        builder.getBoolAttr(tensor.inScratchpad),
        builder.getDenseI64ArrayAttr(tensor.shape),
        builder.getDenseI64ArrayAttr(tensor.permutation),
        builder.getDenseI64ArrayAttr(tensor.modelShape),
        builder.getF64FloatAttr(tensor.scale),
        builder.getI32IntegerAttr(tensor.zeroPoint),
        builder.getI32IntegerAttr(tensor.definedBy),
        builder.getI32IntegerAttr(tensor.bits),
        builder.getBoolAttr(tensor.isPacked),
        builder.getI64IntegerAttr(tensor.pitch),
        builder.getStringAttr(getName(tensor.type)));
  }
  void write(const LayerInfo &layer, int32_t index) {
    accel::LayerInfoOp::create(
        builder, builder.getI32IntegerAttr(index),
        builder.getStringAttr(layer.name), builder.getStringAttr(layer.op),
        builder.getStringAttr(layer.placement),
        builder.getStringAttr(layer.reason),
        builder.getI64IntegerAttr(int64_t(layer.rooflineCycles)),
        builder.getI32IntegerAttr(layer.weightBits),
        builder.getI32IntegerAttr(layer.inputBits));
  }
  void write(const HostFunction &function) {
    auto split = [&](ArrayRef<HostFunction::Argument> arguments,
                     SmallVector<int64_t> &addresses,
                     SmallVector<Attribute> &shapes,
                     SmallVector<Attribute> &types) {
      for (const HostFunction::Argument &argument : arguments) {
        types.push_back(builder.getStringAttr(getName(argument.type)));
        addresses.push_back(argument.address);
        shapes.push_back(builder.getDenseI64ArrayAttr(argument.shape));
      }
    };
    SmallVector<int64_t> inputs, results;
    SmallVector<Attribute> inputShapes, resultShapes, inputTypes, resultTypes;
    split(function.arguments, inputs, inputShapes, inputTypes);
    split(function.results, results, resultShapes, resultTypes);
    accel::HostFunctionOp::create(
        builder, builder.getStringAttr(function.symbol),
        builder.getDenseI64ArrayAttr(inputs), builder.getArrayAttr(inputShapes),
        builder.getArrayAttr(inputTypes), builder.getDenseI64ArrayAttr(results),
        builder.getArrayAttr(resultShapes), builder.getArrayAttr(resultTypes));
  }
  void write(const Command &command) {
    SmallVector<NamedAttribute> fields;
    for (const auto &[name, value] : commandFields(command))
      fields.push_back(
          builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
    SmallVector<int64_t> take(command.take.begin(), command.take.end());
    const std::string &name = program.layers[command.layer].name;
    builder.setLoc(NameLoc::get(builder.getStringAttr(name)));
    accel::CommandOp::create(
        builder, builder.getStringAttr(operationName(command)),
        builder.getI32IntegerAttr(int32_t(command.layer)),
        builder.getDenseI64ArrayAttr(take), builder.getDictionaryAttr(fields));
  }

  const Program &program;
  ImplicitLocOpBuilder builder;
};

class Reader {
public:
  Program program;

  LogicalResult run(accel::ProgramOp op) {
    llvm::MemoryBufferRef yaml(op.getTarget(), "target");
    llvm::Expected<Machine> machine = parseMachine(yaml);
    if (!machine)
      return op.emitOpError(llvm::toString(machine.takeError()));
    program.machine = *machine;
    program.modelName = op.getSymName().str();
    program.modelSha256 = op.getModelSha256().str();
    program.dramBytes = uint32_t(op.getDramBytes());
    if (!llvm::tryGetFromHex(op.getHostModule(), program.hostModule))
      return op.emitOpError("expected hexadecimal digits in host_module");
    for (mlir::Operation &inner : op.getBody().front())
      if (failed(read(&inner)))
        return failure();
    return success();
  }

private:
  LogicalResult read(mlir::Operation *op) {
    if (auto constant = dyn_cast<accel::DramConstantOp>(op))
      return read(constant);
    if (auto tensor = dyn_cast<accel::TensorOp>(op))
      return read(tensor);
    if (auto function = dyn_cast<accel::HostFunctionOp>(op))
      return read(function);
    if (auto command = dyn_cast<accel::CommandOp>(op))
      return read(command);
    if (auto layer = dyn_cast<accel::LayerInfoOp>(op)) {
      if (layer.getIndex() != program.layers.size())
        return layer.emitOpError("expected index ") << program.layers.size();
      program.layers.push_back(
          {layer.getName().str(), layer.getOp().str(),
           layer.getPlacement().str(), layer.getReason().str(),
           uint64_t(layer.getRooflineCycles()), int32_t(layer.getWeightBits()),
           int32_t(layer.getInputBits())});
      return success();
    }
    return op->emitOpError("expected an op of a program");
  }
  LogicalResult read(accel::DramConstantOp op) {
    auto elements = nn::readElements(op.getValue());
    if (!elements)
      return op.emitOpError("expected bytes");
    Constant constant{uint32_t(op.getAddress()), {}};
    for (int64_t i = 0, n = op.getValue().getNumElements(); i < n; ++i)
      constant.bytes.push_back(uint8_t(elements->element(i).front()));
    program.constants.push_back(std::move(constant));
    return success();
  }
  LogicalResult read(accel::TensorOp op) {
    const auto *kind = llvm::find(kKinds, op.getKind());
    if (kind == std::end(kKinds))
      return op.emitOpError("unknown kind '") << op.getKind() << "'";
    TensorInfo tensor;
    tensor.kind = TensorInfo::Kind(kind - kKinds);
    tensor.name = op.getName().str();
    tensor.address = uint32_t(op.getAddress());
    tensor.inScratchpad = op.getInScratchpad();
    tensor.shape = op.getShape().vec();
    tensor.permutation = op.getPermutation().vec();
    tensor.modelShape = op.getModelShape().vec();
    tensor.scale = op.getScale().convertToDouble();
    tensor.zeroPoint = int32_t(op.getZeroPoint());
    tensor.definedBy = int32_t(op.getDefinedBy());
    tensor.bits = int32_t(op.getBits());
    tensor.isPacked = op.getPacked();
    tensor.pitch = int64_t(op.getPitch());
    std::optional<NumpyType> type = findNumpyType(op.getType());
    if (!type)
      return op.emitOpError("expected NumPy's name of an element type, got '")
             << op.getType() << "'";
    tensor.type = *type;
    program.tensors.push_back(std::move(tensor));
    return success();
  }
  LogicalResult read(accel::HostFunctionOp op) {
    auto join = [&](ArrayRef<int64_t> addresses, ArrayAttr shapes,
                    ArrayAttr types,
                    std::vector<HostFunction::Argument> &arguments) {
      if (addresses.size() != shapes.size() || addresses.size() != types.size())
        return failure();
      for (auto [address, shape, name] :
           llvm::zip_equal(addresses, shapes, types)) {
        auto array = dyn_cast<DenseI64ArrayAttr>(shape);
        std::optional<NumpyType> type =
            findNumpyType(cast<StringAttr>(name).getValue());
        if (!array || !type)
          return failure();
        arguments.push_back(
            {uint32_t(address), array.asArrayRef().vec(), *type});
      }
      return success();
    };
    HostFunction function;
    function.symbol = op.getFunction().str();
    if (failed(join(op.getArgumentAddresses(), op.getArgumentShapes(),
                    op.getArgumentTypes(), function.arguments)) ||
        failed(join(op.getResultAddresses(), op.getResultShapes(),
                    op.getResultTypes(), function.results)))
      return op.emitOpError("expected one shape and one type for each address");
    program.hostFunctions.push_back(std::move(function));
    return success();
  }
  LogicalResult read(accel::CommandOp op) {
    std::vector<CommandField> fields;
    for (NamedAttribute field : op.getFields()) {
      auto value = dyn_cast<IntegerAttr>(field.getValue());
      if (!value)
        return op.emitOpError("expected an integer for '")
               << field.getName().getValue() << "'";
      fields.emplace_back(field.getName().str(), value.getInt());
    }
    llvm::Expected<Command> command = commandFromFields(op.getOpcode(), fields);
    if (!command)
      return op.emitOpError(llvm::toString(command.takeError()));
    command->layer = uint32_t(op.getLayer());
    for (auto [take, count] : llvm::zip_equal(command->take, op.getTake()))
      take = uint32_t(count);
    program.commands.push_back(std::move(*command));
    return success();
  }
};
} // namespace

OwningOpRef<ModuleOp> programToIR(const Program &program,
                                  MLIRContext &context) {
  context.loadDialect<accel::AccelDialect>();
  return Writer(program, context).run();
}

FailureOr<Program> programFromIR(ModuleOp module) {
  auto programs = llvm::to_vector(module.getOps<accel::ProgramOp>());
  if (programs.size() != 1)
    return module.emitError("expected one accel.program, got ")
           << programs.size();
  Reader reader;
  if (failed(reader.run(programs.front())))
    return failure();
  return std::move(reader.program);
}

} // namespace accopt
