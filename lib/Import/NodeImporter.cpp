//===- NodeImporter.cpp - What a handler of an operator works with --------===//

#include "NodeImporter.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

LogicalResult NodeImporter::error(const Twine &message) {
  if (reason.empty())
    reason = message.str();
  return failure();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const onnx::AttributeProto *NodeImporter::attribute(StringRef name) const {
  for (const onnx::AttributeProto &attribute : proto.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t NodeImporter::intAttr(StringRef name, int64_t missing) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? found->i() : missing;
}

float NodeImporter::floatAttr(StringRef name, float missing) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? found->f() : missing;
}

std::string NodeImporter::stringAttr(StringRef name, StringRef missing) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? found->s() : missing.str();
}

std::optional<Shape> NodeImporter::intsAttr(StringRef name) const {
  const onnx::AttributeProto *found = attribute(name);
  if (!found)
    return std::nullopt;
  return Shape(found->ints().begin(), found->ints().end());
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

static std::string printType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

Value NodeImporter::operand(size_t i) {
  if (hasInput(i)) {
    Type element = inputs[i]->type().getElementType();
    if (!element.isF32() && !isa<quant::QuantizedType>(element)) {
      (void)error("expected input " + Twine(i) + " of float type, got " +
                  printType(inputs[i]->type()));
      return nullptr;
    }
  }
  return number(i);
}

Value NodeImporter::number(size_t i) {
  if (!hasInput(i)) {
    (void)error("expected input " + Twine(i) + ", got none");
    return nullptr;
  }
  Entry &entry = *inputs[i];
  if (!entry.value) {
    entry.value =
        nn::ConstantOp::create(builder, entry.loc ? Location(entry.loc) : loc,
                               entry.type(), entry.constant);
  }
  return entry.value;
}

std::optional<HostTensor> NodeImporter::host(size_t i, StringRef what) {
  if (!hasInput(i)) {
    (void)error("expected an input '" + what + "', got none");
    return std::nullopt;
  }
  if (!inputs[i]->constant) {
    dependsOnData |= reason.empty();
    (void)error("expected a constant as input '" + what +
                "', got a computed value");
    return std::nullopt;
  }
  std::optional<HostTensor> tensor = toHost(inputs[i]->constant);
  if (!tensor)
    (void)error("expected at most " + Twine(evaluationLimit) +
                " numbers as input '" + what + "', got " +
                printType(inputs[i]->type()));
  return tensor;
}

std::optional<Shape> NodeImporter::ints(size_t i, StringRef what) {
  std::optional<HostTensor> tensor = host(i, what);
  if (!tensor)
    return std::nullopt;
  if (tensor->isFloat() || tensor->rank() > 1) {
    (void)error("expected a list of integers as input '" + what + "', got " +
                printType(inputs[i]->type()));
    return std::nullopt;
  }
  return Shape(ArrayRef<int64_t>(tensor->ints));
}

std::optional<float> NodeImporter::scalar(size_t i, StringRef what,
                                          float missing) {
  if (!hasInput(i))
    return missing;
  std::optional<HostTensor> tensor = host(i, what);
  if (!tensor)
    return std::nullopt;
  if (tensor->size() != 1) {
    (void)error("expected a scalar as input '" + what + "', got " +
                printType(inputs[i]->type()));
    return std::nullopt;
  }
  return tensor->isFloat() ? tensor->floats[0]
                           : static_cast<float>(tensor->ints[0]);
}

std::optional<int64_t> NodeImporter::integer(size_t i, StringRef what,
                                             int64_t missing) {
  if (!hasInput(i))
    return missing;
  std::optional<HostTensor> tensor = host(i, what);
  if (!tensor)
    return std::nullopt;
  if (tensor->size() != 1 || tensor->isFloat()) {
    (void)error("expected an integer as input '" + what + "', got " +
                printType(inputs[i]->type()));
    return std::nullopt;
  }
  return tensor->ints[0];
}

std::optional<int64_t> NodeImporter::axis(int64_t axis, int64_t rank,
                                          bool endAllowed) {
  int64_t end = rank + (endAllowed ? 1 : 0);
  if (axis < -rank || axis >= end) {
    (void)error("expected an axis in [" + Twine(-rank) + ", " + Twine(end) +
                "), got " + Twine(axis));
    return std::nullopt;
  }
  return axis < 0 ? axis + rank : axis;
}

std::optional<Shape> NodeImporter::axes(ArrayRef<int64_t> given, int64_t rank) {
  Shape sorted;
  for (int64_t entry : given) {
    std::optional<int64_t> positive = axis(entry, rank);
    if (!positive)
      return std::nullopt;
    sorted.push_back(*positive);
  }
  llvm::sort(sorted);
  if (llvm::adjacent_find(sorted) != sorted.end()) {
    (void)error("expected unique axes, got one twice");
    return std::nullopt;
  }
  return sorted;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

Value NodeImporter::finish(Operation *op) {
  std::string message;
  ScopedDiagnosticHandler handler(op->getContext(),
                                  [&](Diagnostic &diagnostic) {
                                    if (message.empty())
                                      message = diagnostic.str();
                                    return success();
                                  });
  if (auto inferred = dyn_cast<InferTypeOpInterface>(op)) {
    SmallVector<Type> types;
    if (succeeded(inferred.inferReturnTypes(
            op->getContext(), op->getLoc(), op->getOperands(),
            op->getRawDictionaryAttrs(), op->getPropertiesStorage(),
            op->getRegions(), types)))
      op->getResult(0).setType(types[0]);
    else if (message.empty())
      message = "expected operands that fit together";
  }
  if (message.empty() && failed(verify(op)) && message.empty())
    message = "expected operands that fit together";
  if (message.empty())
    return op->getResult(0);
  // "'nn.conv' op expected ..." reads better without the op: the node is named.
  StringRef text = message;
  if (text.consume_front("'" + op->getName().getStringRef().str() + "' op "))
    message = text.str();
  op->erase();
  (void)error(message);
  return nullptr;
}

Value NodeImporter::reshape(Value input, ArrayRef<int64_t> shape) {
  if (!input)
    return nullptr;
  auto type = cast<RankedTensorType>(input.getType());
  if (type.getShape() == shape)
    return input;
  if (isa<quant::UniformQuantizedPerAxisType>(type.getElementType())) {
    (void)error("expected per-tensor quantization of a value that is "
                "reshaped, got " +
                printType(type));
    return nullptr;
  }
  return finish(nn::ReshapeOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()),
      input));
}

Value NodeImporter::constant(ElementsAttr value) {
  return nn::ConstantOp::create(
      builder, loc, cast<RankedTensorType>(Type(value.getShapedType())), value);
}

Value NodeImporter::constant(ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return constant(DenseElementsAttr::get(type, values));
}

Value NodeImporter::constantI64(ArrayRef<int64_t> shape,
                                ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(shape, builder.getI64Type());
  return constant(ElementsAttr(DenseElementsAttr::get(type, values)));
}

LogicalResult NodeImporter::setOutput(size_t i, Value value) {
  if (!value)
    return failure();
  outputs[i].value = value;
  return success();
}

LogicalResult NodeImporter::setOutput(size_t i, ElementsAttr constant) {
  outputs[i].constant = constant;
  outputs[i].loc = loc;
  return success();
}

LogicalResult NodeImporter::forward(size_t output, size_t input) {
  if (!hasInput(input))
    return error("expected input " + Twine(input) + ", got none");
  outputs[output] = *inputs[input];
  return success();
}
