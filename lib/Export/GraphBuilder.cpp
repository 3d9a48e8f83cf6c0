//===- GraphBuilder.cpp - Nodes, names and initializers of a graph --------===//

#include "GraphBuilder.h"

#include "dialects/NN/NNConstants.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::exporter;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

onnx::AttributeProto &Node::add(StringRef name,
                                onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto *attribute = proto.add_attribute();
  attribute->set_name(name.str());
  attribute->set_type(type);
  return *attribute;
}

Node &Node::set(StringRef name, int64_t value) {
  add(name, onnx::AttributeProto::INT).set_i(value);
  return *this;
}

Node &Node::set(StringRef name, float value) {
  add(name, onnx::AttributeProto::FLOAT).set_f(value);
  return *this;
}

Node &Node::set(StringRef name, StringRef value) {
  add(name, onnx::AttributeProto::STRING).set_s(value.str());
  return *this;
}

Node &Node::set(StringRef name, ArrayRef<int64_t> values) {
  onnx::AttributeProto &attribute = add(name, onnx::AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
  return *this;
}

//===----------------------------------------------------------------------===//
// Names and nodes
//===----------------------------------------------------------------------===//

std::string GraphBuilder::makeUnique(StringRef wanted,
                                     llvm::StringSet<> &taken) {
  std::string unique = wanted.str();
  for (unsigned k = 1; !taken.insert(unique).second; ++k)
    unique = (wanted + ":" + llvm::Twine(k)).str();
  return unique;
}

Node GraphBuilder::addNode(StringRef type, StringRef wantedName,
                           ArrayRef<std::string> inputs, StringRef output) {
  onnx::NodeProto *node = graph.add_node();
  node->set_op_type(type.str());
  node->set_name(makeUnique(wantedName, nodes));
  if (node->name() != wantedName) {
    onnx::StringStringEntryProto *entry = node->add_metadata_props();
    entry->set_key("accopt.node");
    entry->set_value(wantedName.str());
  }
  for (const std::string &input : inputs)
    node->add_input(input);
  // Trailing inputs that are absent are not written.
  while (node->input_size() > 0 && node->input(node->input_size() - 1).empty())
    node->mutable_input()->RemoveLast();
  node->add_output(output.empty() ? makeUnique(node->name() + "/out", values)
                                  : output.str());
  return Node(*node);
}

//===----------------------------------------------------------------------===//
// Initializers
//===----------------------------------------------------------------------===//

onnx::TensorProto &GraphBuilder::addTensor(StringRef wantedName, int type,
                                           ArrayRef<int64_t> shape) {
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(makeUnique(wantedName, values));
  tensor->set_data_type(type);
  for (int64_t size : shape)
    tensor->add_dims(size);
  return *tensor;
}

std::string GraphBuilder::addConstant(StringRef wantedName,
                                      ElementsAttr value) {
  Type element = value.getElementType();
  int type = element.isF32()         ? onnx::TensorProto::FLOAT
             : element.isInteger(8)  ? onnx::TensorProto::INT8
             : element.isInteger(32) ? onnx::TensorProto::INT32
                                     : onnx::TensorProto::INT64;
  std::optional<nn::RawElements> raw = nn::readElements(value);
  if (!raw || (type == onnx::TensorProto::INT64 && !element.isInteger(64)))
    return "";
  onnx::TensorProto &tensor =
      addTensor(wantedName, type, value.getShapedType().getShape());
  std::string &bytes = *tensor.mutable_raw_data();
  int64_t size = value.getNumElements() * raw->width;
  if (!raw->splat) {
    bytes.assign(raw->bytes.data(), size);
    return tensor.name();
  }
  bytes.reserve(size);
  for (int64_t i = 0; i < value.getNumElements(); ++i)
    bytes.append(raw->bytes.data(), raw->width);
  return tensor.name();
}

template <typename T>
static void setRaw(onnx::TensorProto &tensor, ArrayRef<T> values) {
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));
}

std::string GraphBuilder::addInts(StringRef wantedName,
                                  ArrayRef<int64_t> values) {
  onnx::TensorProto &tensor =
      addTensor(wantedName, onnx::TensorProto::INT64, {int64_t(values.size())});
  setRaw(tensor, values);
  return tensor.name();
}

static SmallVector<int64_t> scalarOrVector(size_t size) {
  return size == 1 ? SmallVector<int64_t>()
                   : SmallVector<int64_t>{int64_t(size)};
}

std::string GraphBuilder::addFloats(StringRef wantedName,
                                    ArrayRef<float> values) {
  onnx::TensorProto &tensor = addTensor(wantedName, onnx::TensorProto::FLOAT,
                                        scalarOrVector(values.size()));
  setRaw(tensor, values);
  return tensor.name();
}

std::string GraphBuilder::addScalar(StringRef wantedName, float value) {
  return addFloats(wantedName, value);
}

std::string GraphBuilder::addInt8(StringRef wantedName,
                                  ArrayRef<int8_t> values) {
  onnx::TensorProto &tensor = addTensor(wantedName, onnx::TensorProto::INT8,
                                        scalarOrVector(values.size()));
  setRaw(tensor, values);
  return tensor.name();
}

void exporter::setFloatType(onnx::ValueInfoProto &info, RankedTensorType type) {
  auto *tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(onnx::TensorProto::FLOAT);
  tensor->mutable_shape();
  for (int64_t size : type.getShape())
    tensor->mutable_shape()->add_dim()->set_dim_value(size);
}
