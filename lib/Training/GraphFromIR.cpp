//===- GraphFromIR.cpp - From an nn function to a graph and back ----------===//
//
// Includes MLIR and no torch.
//
//===----------------------------------------------------------------------===//

#include "Graph.h"

#include "accopt/Transforms/Ranges.h"
#include "dialects/NN/NNOps.h"
#include "lib/Transforms/ConstantData.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::training;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static llvm::Error makeNodeError(mlir::Operation *op,
                                 const llvm::Twine &message) {
  std::string name = getNodeName(op->getLoc());
  std::string what = op->getName().getStringRef().str();
  return makeError(
      (name.empty() ? what : "node '" + name + "' (" + what + ")") + ": " +
      message);
}

//===----------------------------------------------------------------------===//
// What is refused
//===----------------------------------------------------------------------===//

static std::string toText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

static bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getElementType().isF32();
}

static llvm::Error checkOp(mlir::Operation *op) {
  if (isa<func::ReturnOp>(op))
    return llvm::Error::success();
  if (isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    return makeNodeError(op, "expected a float model, got one that is "
                             "quantized already; train the float model that "
                             "it was made from");
  if (!isa_and_nonnull<nn::NNDialect>(op->getDialect()))
    return makeNodeError(op, "expected an op of the nn dialect");
  for (Value value : llvm::concat<Value>(op->getOperands(), op->getResults()))
    if (!isFloatTensor(value.getType()))
      return makeNodeError(op, "expected float tensors, got " +
                                   toText(value.getType()));
  return llvm::Error::success();
}

static llvm::Error checkFunction(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return makeError("function '" + function.getName() +
                     "': expected one block");
  for (BlockArgument argument : function.getArguments())
    if (!isFloatTensor(argument.getType()))
      return makeError("argument " + llvm::Twine(argument.getArgNumber()) +
                       " of '" + function.getName() +
                       "': expected a float tensor, got " +
                       toText(argument.getType()));
  for (mlir::Operation &op : function.getBody().front())
    if (llvm::Error error = checkOp(&op))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Operands and their roles
//===----------------------------------------------------------------------===//

/// Operands with null where an optional one is absent.
static SmallVector<Value> operandsOf(mlir::Operation *op) {
  if (auto conv = dyn_cast<nn::ConvOp>(op))
    return {conv.getInput(), conv.getWeights(), conv.getBias(),
            conv.getResidual()};
  if (auto gemm = dyn_cast<nn::GemmOp>(op))
    return {gemm.getA(), gemm.getB(), gemm.getBias(), gemm.getResidual()};
  return SmallVector<Value>(op->getOperands());
}

/// The role that a constant has as operand `index`.
static Role constantRole(mlir::Operation *op, size_t index) {
  static constexpr Role linear[] = {Role::Weights, Role::Weights, Role::Bias,
                                    Role::Residual};
  static constexpr Role norm[] = {Role::Activation, Role::NormScale,
                                  Role::NormShift, Role::NormMean,
                                  Role::NormVariance};
  return TypeSwitch<mlir::Operation *, Role>(op)
      .Case(
          [&](nn::ConvOp) { return index ? linear[index] : Role::Activation; })
      .Case<nn::GemmOp, nn::MatMulOp>([&](auto) { return linear[index]; })
      .Case([&](nn::BatchNormOp) { return norm[index]; })
      .Default(Role::Activation);
}

static Role operandRole(mlir::Operation *op, size_t index, Value value) {
  Role role = constantRole(op, index);
  bool needsConstant = role == Role::Weights || role == Role::Bias;
  return needsConstant && !isFloatConstant(value) ? Role::Activation : role;
}

/// Whether a constant of `shape` has one value per index of one dimension of
/// `result` other than the batch.
static bool isPerChannel(ArrayRef<int64_t> shape, ArrayRef<int64_t> result) {
  if (shape.size() > result.size())
    return false;
  size_t missing = result.size() - shape.size(), wide = 0;
  for (auto [i, size] : llvm::enumerate(shape))
    if (size > 1) {
      ++wide;
      if (i + missing == 0)
        return false;
    }
  return wide == 1;
}

/// Role and trainability by the first op that does more than move the elements.
static void classify(nn::ConstantOp constant, Parameter &parameter) {
  Value value = constant.getResult();
  while (!value.use_empty()) {
    // Uses are listed last first.
    OpOperand *use = nullptr;
    for (OpOperand &each : value.getUses())
      if (!use || each.getOwner()->isBeforeInBlock(use->getOwner()))
        use = &each;
    mlir::Operation *user = use->getOwner();
    if (isa<nn::ReshapeOp, nn::TransposeOp>(user)) {
      value = user->getResult(0);
      continue;
    }
    size_t index = 0;
    SmallVector<Value> operands = operandsOf(user);
    while (index + 1 < operands.size() && operands[index] != value)
      ++index;
    parameter.role = constantRole(user, index);
    parameter.isTrainable =
        parameter.role == Role::Weights || parameter.role == Role::Bias ||
        parameter.role == Role::NormScale || parameter.role == Role::NormShift;
    if (isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp>(user))
      parameter.isTrainable = isPerChannel(
          cast<RankedTensorType>(value.getType()).getShape(),
          cast<RankedTensorType>(user->getResult(0).getType()).getShape());
    return;
  }
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static std::map<std::string, training::Attribute>
readAttributes(mlir::Operation *op) {
  std::map<std::string, training::Attribute> attributes;
  for (NamedAttribute named : op->getAttrDictionary()) {
    std::string name = named.getName().str();
    mlir::Attribute value = named.getValue();
    if (auto flag = dyn_cast<BoolAttr>(value))
      attributes[name] = flag.getValue();
    else if (auto integer = dyn_cast<IntegerAttr>(value))
      attributes[name] = integer.getInt();
    else if (auto number = dyn_cast<FloatAttr>(value))
      attributes[name] = number.getValueAsDouble();
    else if (auto text = dyn_cast<StringAttr>(value))
      attributes[name] = text.str();
    else if (auto array = dyn_cast<DenseI64ArrayAttr>(value))
      attributes[name] = array.asArrayRef().vec();
  }
  return attributes;
}

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

namespace {
class GraphBuilder {
public:
  explicit GraphBuilder(func::FuncOp function)
      : function(function), names(nameValues(function)) {}

  llvm::Expected<Graph> build() {
    for (BlockArgument argument : function.getArguments())
      graph.arguments.push_back(addValue(argument));
    for (mlir::Operation &op : function.getBody().front()) {
      if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
        if (llvm::Error error = addParameter(constant))
          return error;
      } else if (isa<func::ReturnOp>(op)) {
        for (Value value : op.getOperands())
          graph.results.push_back(indices.lookup(value));
      } else {
        addNode(&op);
      }
    }
    if (graph.results.empty())
      return makeError("function '" + function.getName() +
                       "': expected a result");
    findLogits();
    analyzeBatch(graph);
    return std::move(graph);
  }

private:
  int64_t addValue(Value value) {
    auto index = static_cast<int64_t>(graph.values.size());
    indices[value] = index;
    GraphValue entry;
    if (auto named = names.find(value); named != names.end())
      entry.name = named->second;
    entry.shape = cast<RankedTensorType>(value.getType()).getShape().vec();
    graph.values.push_back(std::move(entry));
    return index;
  }

  llvm::Error addParameter(nn::ConstantOp constant) {
    std::optional<ConstantFloats> floats =
        ConstantFloats::get(constant.getResult());
    if (!floats)
      return makeNodeError(constant, "expected a constant with its elements");
    Parameter parameter{addValue(constant.getResult()), floats->values().vec(),
                        Role::Activation, false};
    classify(constant, parameter);
    graph.parameters.push_back(std::move(parameter));
    return llvm::Error::success();
  }

  void addNode(mlir::Operation *op) {
    Node node;
    node.op = op->getName().stripDialect().str();
    node.name = getNodeName(op->getLoc());
    node.attributes = readAttributes(op);
    for (auto [index, value] : llvm::enumerate(operandsOf(op)))
      node.operands.push_back(
          value ? Operand{indices.lookup(value), operandRole(op, index, value)}
                : Operand{-1, constantRole(op, index)});
    node.result = addValue(op->getResult(0));
    graph.nodes.push_back(std::move(node));
  }

  /// A softmax over everything but the batch gives probabilities.
  void findLogits() {
    graph.logits = graph.results.front();
    for (const Node &node : graph.nodes)
      if (node.result == graph.logits && node.op == "softmax" &&
          std::get<int64_t>(node.attributes.at("axis")) > 0) {
        graph.logits = node.operands[0].value;
        return;
      }
  }

  func::FuncOp function;
  llvm::MapVector<Value, std::string> names;
  llvm::DenseMap<Value, int64_t> indices;
  Graph graph;
};
} // namespace

llvm::Expected<Graph> training::buildGraph(func::FuncOp function) {
  if (llvm::Error error = checkFunction(function))
    return error;
  return GraphBuilder(function).build();
}

llvm::Error
training::storeParameters(func::FuncOp function,
                          llvm::ArrayRef<std::vector<float>> parameters) {
  SmallVector<nn::ConstantOp> constants(
      function.getBody().getOps<nn::ConstantOp>());
  if (constants.size() != parameters.size())
    return makeError("function '" + function.getName() + "': expected " +
                     llvm::Twine(parameters.size()) + " constants, got " +
                     llvm::Twine(constants.size()));
  // Nothing is written unless all fits.
  for (auto [constant, values] : llvm::zip_equal(constants, parameters)) {
    auto type = cast<RankedTensorType>(constant.getType());
    if (!isFloatTensor(type) ||
        type.getNumElements() != static_cast<int64_t>(values.size()))
      return makeNodeError(constant, "expected " + llvm::Twine(values.size()) +
                                         " floats, got " + toText(type));
  }
  for (auto [constant, values] : llvm::zip_equal(constants, parameters)) {
    std::optional<ConstantFloats> old =
        ConstantFloats::get(constant.getResult());
    // By bits: -0.0 and NaN count too.
    if (old && std::memcmp(old->values().data(), values.data(),
                           values.size() * sizeof(float)) == 0)
      continue;
    OpBuilder builder(constant);
    Value changed = createConstant<float>(
        builder, constant.getLoc(), cast<RankedTensorType>(constant.getType()),
        values);
    changed.getDefiningOp()->setDiscardableAttrs(
        constant->getDiscardableAttrDictionary());
    constant.getResult().replaceAllUsesWith(changed);
    constant.erase();
  }
  return llvm::Error::success();
}
