//===- Network.cpp - The scheduler's view of a function -------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Network.h"

#include "dialects/Accel/AccelOps.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace accopt {

SmallVector<Value, 3> activationOperands(mlir::Operation *op) {
  if (auto conv = dyn_cast<accel::Conv2DOp>(op)) {
    SmallVector<Value, 3> operands = {conv.getInput()};
    if (conv.getResidual())
      operands.push_back(conv.getResidual());
    return operands;
  }
  if (auto conv = dyn_cast<accel::DepthwiseConv2DOp>(op)) {
    SmallVector<Value, 3> operands = {conv.getInput()};
    if (conv.getResidual())
      operands.push_back(conv.getResidual());
    return operands;
  }
  return SmallVector<Value, 3>(op->getOperands());
}

static void collectNames(Location location, llvm::SetVector<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(location))
    names.insert(name.getName().getValue());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location inner : fused.getLocations())
      collectNames(inner, names);
}

NumpyType numpyTypeOf(Type type) {
  if (type.isF32())
    return NumpyType::Float32;
  bool isUnsigned = type.isUnsignedInteger();
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return NumpyType::Bool;
  case 16:
    return isUnsigned ? NumpyType::UInt16 : NumpyType::Int16;
  case 32:
    return isUnsigned ? NumpyType::UInt32 : NumpyType::Int32;
  case 64:
    return isUnsigned ? NumpyType::UInt64 : NumpyType::Int64;
  default:
    return isUnsigned ? NumpyType::UInt8 : NumpyType::Int8;
  }
}

std::string locationName(Location location) {
  llvm::SetVector<StringRef> names;
  collectNames(location, names);
  return llvm::join(names, "+");
}

int Network::completedBy(const NetworkTensor &tensor) const {
  if (tensor.definedBy < 0)
    return tensor.definedBy;
  const Layer &layer = layers[tensor.definedBy];
  int last = -1;
  for (int input : layer.inputs) {
    const NetworkTensor &operand = tensors[input];
    if (operand.container != layer.outputs.front())
      return tensor.definedBy;
    last = std::max(last, completedBy(operand));
  }
  return last < 0 ? tensor.definedBy : last;
}

/// Bits that hold what a window layer writes; 8 where that is not known.
static int64_t resultBits(mlir::Operation *op) {
  int64_t low = -128, high = 127;
  auto requantized = [&](accel::RequantAttr requant) {
    low = requant.getClampMin(), high = requant.getClampMax();
    if (requant.getTable().empty())
      return;
    auto reached = requant.getTable().slice(low + 128, high - low + 1);
    low = *llvm::min_element(reached), high = *llvm::max_element(reached);
  };
  if (auto conv = dyn_cast<accel::Conv2DOp>(op)) {
    requantized(conv.getRequant());
  } else if (auto depthwise = dyn_cast<accel::DepthwiseConv2DOp>(op)) {
    requantized(depthwise.getRequant());
  } else if (auto maximum = dyn_cast<accel::MaxPoolOp>(op)) {
    low = int32_t(maximum.getClampMin()), high = int32_t(maximum.getClampMax());
  } else if (auto average = dyn_cast<accel::AvgPoolOp>(op)) {
    low = int32_t(average.getClampMin()), high = int32_t(average.getClampMax());
  }
  int64_t bits = 2;
  while (bits < 8 && (low < -(int64_t(1) << (bits - 1)) ||
                      high >= int64_t(1) << (bits - 1)))
    ++bits;
  return bits;
}

namespace {
class Reader {
public:
  LogicalResult run(func::FuncOp function);
  Network network;

private:
  static void describe(NetworkTensor &tensor, Value value) {
    auto description =
        value.getDefiningOp()->getAttrOfType<DictionaryAttr>("accel.tensor");
    if (!description || tensor.description)
      return;
    tensor.description = description;
    if (auto bits = description.getAs<IntegerAttr>("accel.bits"))
      tensor.describedBits = bits.getInt();
    tensor.described = value;
  }
  int addTensor(Value value) {
    NetworkTensor tensor;
    tensor.value = value;
    auto type = cast<RankedTensorType>(value.getType());
    tensor.elementBytes =
        int64_t(getByteWidth(numpyTypeOf(type.getElementType())));
    tensor.bytes = type.getNumElements() * tensor.elementBytes;
    network.tensors.push_back(tensor);
    return network.tensorOf[value] = int(network.tensors.size()) - 1;
  }
  LogicalResult read(mlir::Operation &op);
};
} // namespace

LogicalResult Reader::read(mlir::Operation &op) {
  if (auto constant = dyn_cast<accel::ConstantOp>(op)) {
    bool activation = llvm::any_of(op.getUsers(), [&](mlir::Operation *user) {
      return llvm::is_contained(activationOperands(user), op.getResult(0));
    });
    if (activation)
      network.tensors[addTensor(constant.getResult())].isConstant = true;
    return success();
  }
  if (auto reshape = dyn_cast<accel::ReshapeOp>(op)) {
    int tensor = network.tensorOf.at(reshape.getInput());
    network.tensorOf[reshape.getResult()] = tensor;
    describe(network.tensors[tensor], reshape.getResult());
    return success();
  }
  if (auto ret = dyn_cast<func::ReturnOp>(op)) {
    for (Value value : ret.getOperands()) {
      NetworkTensor &tensor = network.tensor(value);
      tensor.isOutput = true;
      tensor.lastLayer = int(network.layers.size());
    }
    return success();
  }
  if (!isa_and_nonnull<accel::AccelDialect>(op.getDialect()))
    return op.emitError("expected a layer op of the accel dialect");
  Layer layer;
  layer.op = &op;
  layer.window = readWindowLayer(&op);
  layer.resultBits = resultBits(&op);
  int index = int(network.layers.size());
  for (Value operand : activationOperands(&op)) {
    layer.inputs.push_back(network.tensorOf.at(operand));
    NetworkTensor &tensor = network.tensors[layer.inputs.back()];
    tensor.lastLayer = index;
    tensor.usedByHost |= isa<accel::HostOp>(op);
  }
  for (Value result : op.getResults()) {
    layer.outputs.push_back(addTensor(result));
    NetworkTensor &tensor = network.tensors.back();
    tensor.definedBy = tensor.firstLayer = tensor.lastLayer = index;
    tensor.usedByHost |= isa<accel::HostOp>(op);
    describe(tensor, result);
  }
  network.layers.push_back(std::move(layer));
  return success();
}

LogicalResult Reader::run(func::FuncOp function) {
  for (Value argument : function.getArguments())
    network.tensors[addTensor(argument)].isInput = true;
  for (mlir::Operation &op : function.getBody().front())
    if (failed(read(op)))
      return failure();
  return success();
}

FailureOr<Network> readNetwork(func::FuncOp function) {
  Reader reader;
  if (failed(reader.run(function)))
    return failure();
  return std::move(reader.network);
}

} // namespace accopt
