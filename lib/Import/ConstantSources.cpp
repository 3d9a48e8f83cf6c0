//===- ConstantSources.cpp - Nodes that make constants from nothing -------===//
//
// Shape and Size read static shapes, Constant and ConstantOfShape attributes.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"

#include "TensorReader.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

LogicalResult accopt::importer::evaluateShape(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  Shape shape(node.shape(0));
  Type i64 = node.builder.getI64Type();
  if (node.proto.op_type() == "Size")
    return node.setOutput(0, ElementsAttr(toAttribute(HostTensor::ofInts(
                                 i64, {}, *nn::checkedElementCount(shape)))));
  int64_t rank = shape.size();
  auto clampAxis = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  int64_t start = clampAxis(node.intAttr("start", 0));
  int64_t end = std::max(start, clampAxis(node.intAttr("end", rank)));
  return node.setOutput(
      0, ElementsAttr(toAttribute(HostTensor::ofInts(
             i64, end - start, ArrayRef(shape).slice(start, end - start)))));
}

LogicalResult accopt::importer::evaluateConstant(NodeImporter &node) {
  Builder &builder = node.builder;
  HostTensor tensor;
  for (const onnx::AttributeProto &attr : node.proto.attribute()) {
    if (attr.name() == "value_float" || attr.name() == "value_floats") {
      tensor.type = builder.getF32Type();
      bool scalar = attr.name() == "value_float";
      if (scalar)
        tensor.floats.push_back(attr.f());
      else
        tensor.floats.append(attr.floats().begin(), attr.floats().end());
      if (!scalar)
        tensor.shape.push_back(tensor.size());
    } else if (attr.name() == "value_int" || attr.name() == "value_ints") {
      tensor.type = builder.getI64Type();
      bool scalar = attr.name() == "value_int";
      if (scalar)
        tensor.ints.push_back(attr.i());
      else
        tensor.ints.append(attr.ints().begin(), attr.ints().end());
      if (!scalar)
        tensor.shape.push_back(tensor.size());
    } else {
      return node.error("expected a dense constant of numbers, got attribute " +
                        attr.name());
    }
  }
  if (!tensor.type)
    return node.error("expected a value, got none");
  return node.setOutput(0, ElementsAttr(toAttribute(tensor)));
}

LogicalResult accopt::importer::evaluateEyeLike(NodeImporter &node) {
  if (!node.hasInput(0) || node.rank(0) != 2)
    return node.error("expected an input of rank 2");
  HostTensor tensor;
  tensor.type = node.inputs[0]->type().getElementType();
  if (node.attribute("dtype"))
    tensor.type = convertElementType(int(node.intAttr("dtype", 0)),
                                     node.builder.getContext());
  int64_t rows = node.shape(0)[0], columns = node.shape(0)[1];
  if (!tensor.type || rows * columns > evaluationLimit)
    return node.error("expected at most " + Twine(evaluationLimit) +
                      " numbers, got more, or no numbers");
  tensor.shape = {rows, columns};
  int64_t k = node.intAttr("k", 0);
  for (int64_t i = 0; i < rows * columns; ++i) {
    bool isOne = i % columns - i / columns == k;
    if (tensor.isFloat())
      tensor.floats.push_back(isOne);
    else
      tensor.ints.push_back(isOne);
  }
  return node.setOutput(0, ElementsAttr(toAttribute(tensor)));
}

LogicalResult accopt::importer::evaluateConstantOfShape(NodeImporter &node) {
  std::optional<Shape> shape = node.ints(0, "input");
  if (!shape)
    return failure();
  std::optional<int64_t> count = nn::checkedElementCount(*shape);
  if (!count || *count > maxTensorElements)
    return node.error("expected a shape of at most " +
                      Twine(maxTensorElements) + " elements, got more");
  Attribute value = node.builder.getF32FloatAttr(0.0f);
  if (node.inputs.size() > 1) {
    // The importer puts the attribute `value` here.
    std::optional<HostTensor> given = node.host(1, "value");
    if (!given || given->size() != 1)
      return node.error("expected one element as value");
    value = given->isFloat()
                ? Attribute(node.builder.getF32FloatAttr(given->floats[0]))
                : node.builder.getIntegerAttr(given->type, given->ints[0]);
  }
  auto type = RankedTensorType::get(*shape, cast<TypedAttr>(value).getType());
  if (*count == 0)
    return node.setOutput(
        0, ElementsAttr(DenseElementsAttr::getFromRawBuffer(type, {})));
  return node.setOutput(0, ElementsAttr(DenseElementsAttr::get(type, value)));
}
