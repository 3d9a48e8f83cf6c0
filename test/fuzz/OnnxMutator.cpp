//===- OnnxMutator.cpp - Mutates ONNX models as graphs --------------------===//
//
// Bytes of a protobuf message changed at random mostly make another message
// that ONNX's checker refuses at once. These mutations keep the form and break
// the sense: the code behind the checker is what they reach.
//
//===----------------------------------------------------------------------===//

#include "OnnxMutator.h"

#include "accopt/Import/Import.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"

#include "onnx/defs/schema.h"

#include <cmath>
#include <set>
#include <string>
#include <vector>

using namespace accopt;
using namespace accopt::fuzz;
using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::NodeProto;
using onnx::TensorProto;

namespace {

class Mutator {
public:
  Mutator(onnx::ModelProto &model, Choices &choices)
      : model(model), graph(*model.mutable_graph()), choices(choices) {}

  void run();

private:
  template <typename Repeated> auto *pick(Repeated *list) {
    return list->empty() ? nullptr
                         : list->Mutable(int(choices.below(list->size())));
  }
  /// One of the operators that the importer has a handler for.
  std::string anyOperator();
  /// A value that the graph knows, or, rarely, one that it does not.
  std::string anyValue();
  std::string anyName();
  std::string anyAttribute();
  std::string anyText();
  float anyFloat();
  int anyType() { return int(choices.below(24)); }

  template <typename Repeated> void mutateInts(Repeated &values);
  void addSchemaAttribute(NodeProto &node);
  void mutateAttribute(NodeProto &node);
  void mutateWires(NodeProto &node);
  void mutateNodes();
  void mutateTensor(TensorProto &tensor);
  void mutateData(TensorProto &tensor);
  void mutateConstants();
  void mutateType(onnx::TypeProto &type);
  void mutateInterface();
  void mutateOpset();
  void addFunction();

  onnx::ModelProto &model;
  GraphProto &graph;
  Choices &choices;
};

} // namespace

//===----------------------------------------------------------------------===//
// Names and numbers
//===----------------------------------------------------------------------===//

std::string Mutator::anyOperator() {
  llvm::ArrayRef<SupportedOp> all = supportedOps();
  if (choices.oneIn(16))
    return choices.oneIn(2) ? "Loop" : "NoSuchOperator";
  return all[choices.below(all.size())].name.str();
}

std::string Mutator::anyName() {
  static constexpr const char *names[] = {"",      "x",    "a\nb",  "\xff\xfe",
                                          "%s{0}", "../x", "\"'\\", "value"};
  return names[choices.below(std::size(names))];
}

std::string Mutator::anyValue() {
  switch (choices.below(8)) {
  case 0:
    return anyName();
  case 1:
  case 2:
    if (auto *tensor = pick(graph.mutable_initializer()))
      return tensor->name();
    break;
  case 3:
    if (auto *input = pick(graph.mutable_input()))
      return input->name();
    break;
  default:
    break;
  }
  auto *node = pick(graph.mutable_node());
  return node && node->output_size()
             ? node->output(int(choices.below(size_t(node->output_size()))))
             : anyName();
}

template <typename Repeated> void Mutator::mutateInts(Repeated &values) {
  size_t size = size_t(values.size());
  switch (choices.below(4)) {
  case 0:
    values.Add(choices.integer());
    break;
  case 1:
    if (size)
      values.RemoveLast();
    break;
  case 2:
    if (size)
      values.SwapElements(int(choices.below(size)), int(choices.below(size)));
    break;
  default:
    if (size)
      values.Set(int(choices.below(size)), choices.integer());
  }
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// An attribute of ONNX's own operators, as their schemas declare it.
struct SchemaAttribute {
  std::string name;
  AttributeProto::AttributeType type;
};

/// Those of the latest version of `op`; none of an operator that is unknown.
static std::vector<SchemaAttribute> attributesOf(const std::string &op) {
  std::vector<SchemaAttribute> result;
  if (const onnx::OpSchema *schema = onnx::OpSchemaRegistry::Schema(op, ""))
    for (const auto &[name, attribute] : schema->attributes())
      result.push_back({name, attribute.type});
  // The schema's own order is that of a hash table.
  llvm::sort(result, [](const SchemaAttribute &a, const SchemaAttribute &b) {
    return a.name < b.name;
  });
  return result;
}

/// The names that supported operators have in any of their versions, in order.
static const std::vector<std::string> &allAttributes() {
  static const std::vector<std::string> names = [] {
    std::set<std::string> ops, found{"other"}; // one that nobody reads
    for (const SupportedOp &op : supportedOps())
      ops.insert(op.name.str());
    for (const onnx::OpSchema &schema :
         onnx::OpSchemaRegistry::get_all_schemas_with_history())
      if (ops.count(schema.Name()))
        for (const auto &[name, attribute] : schema.attributes())
          found.insert(name);
    return std::vector<std::string>(found.begin(), found.end());
  }();
  return names;
}

std::string Mutator::anyAttribute() {
  return allAttributes()[choices.below(allAttributes().size())];
}

float Mutator::anyFloat() {
  static constexpr float floats[] = {0.0f,   1.0f,     0.5f,   -1.0f,
                                     1e-30f, 1e38f,    -1e38f, 1e-45f,
                                     3e9f,   INFINITY, NAN};
  return floats[choices.below(std::size(floats))];
}

/// What attributes of text may say; schemas tell it in prose alone.
std::string Mutator::anyText() {
  static constexpr const char *texts[] = {"",
                                          "SAME_UPPER",
                                          "SAME_LOWER",
                                          "VALID",
                                          "NOTSET",
                                          "reflect",
                                          "edge",
                                          "wrap",
                                          "constant",
                                          "DCR",
                                          "CRD",
                                          "linear",
                                          "nearest",
                                          "cubic",
                                          "bilinear",
                                          "zeros",
                                          "border",
                                          "reflection",
                                          "none",
                                          "tanh",
                                          "add",
                                          "mul",
                                          "max",
                                          "forward",
                                          "reverse",
                                          "bidirectional",
                                          "Relu",
                                          "Sigmoid",
                                          "Tanh",
                                          "ij,jk",
                                          "...i,i->...",
                                          "ii->i",
                                          "->",
                                          "half_pixel",
                                          "half_pixel_symmetric",
                                          "pytorch_half_pixel",
                                          "align_corners",
                                          "asymmetric",
                                          "tf_crop_and_resize",
                                          "tf_half_pixel_for_nn",
                                          "round_prefer_floor",
                                          "round_prefer_ceil",
                                          "floor",
                                          "ceil",
                                          "stretch",
                                          "not_larger",
                                          "not_smaller",
                                          "LEFT",
                                          "RIGHT",
                                          "output_size",
                                          "\xff"};
  return texts[choices.below(std::size(texts))];
}

/// Adds what the node's own schema knows, in the schema's type, so that values
/// reach the handler and not its check of types alone.
void Mutator::addSchemaAttribute(NodeProto &node) {
  std::vector<SchemaAttribute> known = attributesOf(node.op_type());
  if (known.empty())
    return;
  const SchemaAttribute &chosen = known[choices.below(known.size())];
  AttributeProto *attribute = nullptr;
  for (AttributeProto &old : *node.mutable_attribute())
    if (old.name() == chosen.name)
      attribute = &old;
  if (!attribute)
    attribute = node.add_attribute();
  attribute->set_name(chosen.name);
  attribute->set_type(chosen.type);
  switch (chosen.type) {
  case AttributeProto::FLOAT:
    return attribute->set_f(anyFloat());
  case AttributeProto::FLOATS:
    return attribute->add_floats(anyFloat());
  case AttributeProto::INT:
    return attribute->set_i(choices.integer());
  case AttributeProto::INTS:
    for (size_t n = 1 + choices.below(3); n; --n)
      mutateInts(*attribute->mutable_ints());
    return;
  case AttributeProto::STRING:
    return attribute->set_s(anyText());
  case AttributeProto::STRINGS:
    return attribute->add_strings(anyText());
  case AttributeProto::TENSOR:
    if (const TensorProto *tensor = pick(graph.mutable_initializer()))
      *attribute->mutable_t() = *tensor;
    return mutateTensor(*attribute->mutable_t());
  default: // graphs and types: what is in them comes from seeds
    return;
  }
}

void Mutator::mutateAttribute(NodeProto &node) {
  if (choices.oneIn(2))
    return addSchemaAttribute(node);
  AttributeProto *attribute = pick(node.mutable_attribute());
  if (!attribute || choices.oneIn(4)) {
    attribute = node.add_attribute();
    attribute->set_name(anyAttribute());
    attribute->set_type(AttributeProto::INT);
    attribute->set_i(choices.integer());
  }
  switch (choices.below(8)) {
  case 0:
    attribute->set_name(anyAttribute());
    break;
  case 1:
    attribute->set_type(AttributeProto::AttributeType(choices.below(15)));
    break;
  case 2:
    attribute->set_type(AttributeProto::FLOAT);
    attribute->set_f(anyFloat());
    break;
  case 3:
    attribute->set_type(AttributeProto::STRING);
    attribute->set_s(anyText());
    break;
  case 4:
    if (attribute->has_t())
      mutateTensor(*attribute->mutable_t());
    else
      attribute->set_i(choices.integer());
    break;
  case 5:
    attribute->set_type(AttributeProto::INT);
    attribute->set_i(choices.integer());
    break;
  case 6:
    node.mutable_attribute()->DeleteSubrange(
        int(choices.below(size_t(node.attribute_size()))), 1);
    break;
  default:
    if (attribute->ints_size() || choices.oneIn(2)) {
      attribute->set_type(AttributeProto::INTS);
      mutateInts(*attribute->mutable_ints());
    } else {
      attribute->set_i(choices.integer());
    }
  }
}

void Mutator::mutateWires(NodeProto &node) {
  switch (choices.below(6)) {
  case 0:
    node.add_input(anyValue());
    break;
  case 1:
    if (node.input_size())
      node.mutable_input()->RemoveLast();
    break;
  case 2:
    node.add_output(anyName());
    break;
  case 3:
    if (std::string *output = pick(node.mutable_output()))
      *output = choices.oneIn(2) ? anyValue() : *output + "_";
    break;
  default:
    if (std::string *input = pick(node.mutable_input()))
      *input = anyValue();
  }
}

void Mutator::mutateNodes() {
  size_t count = size_t(graph.node_size());
  auto &nodes = *graph.mutable_node();
  switch (choices.below(6)) {
  case 0:
    if (count)
      nodes.DeleteSubrange(int(choices.below(count)), 1);
    break;
  case 1:
    if (count)
      nodes.SwapElements(int(choices.below(count)), int(choices.below(count)));
    break;
  case 2: {
    // A copy behind the node reads what the node makes.
    NodeProto *node = pick(&nodes);
    if (!node || !node->output_size())
      break;
    NodeProto copy = *node;
    std::string value = copy.output(0);
    if (copy.input_size())
      *copy.mutable_input(0) = value + "_first";
    *node->mutable_output(0) = value + "_first";
    *nodes.Add() = copy;
    for (int i = nodes.size() - 1; i > 0 && &nodes.Get(i - 1) != node; --i)
      nodes.SwapElements(i, i - 1);
    break;
  }
  case 3: {
    NodeProto &node = *nodes.Add();
    node.set_op_type(anyOperator());
    node.add_input(anyValue());
    if (choices.oneIn(2))
      node.add_input(anyValue());
    node.add_output("new" + std::to_string(choices.below(100)));
    if (auto *output = pick(graph.mutable_output()); output && choices.oneIn(2))
      output->set_name(node.output(0));
    break;
  }
  case 4:
    if (NodeProto *node = pick(&nodes))
      node->set_domain(choices.oneIn(2) ? "ai.onnx" : "com.microsoft");
    break;
  default:
    if (NodeProto *node = pick(&nodes))
      node->set_op_type(anyOperator());
  }
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

void Mutator::mutateData(TensorProto &tensor) {
  std::string data = tensor.raw_data();
  switch (choices.below(6)) {
  case 0:
    tensor.set_raw_data(data.substr(0, choices.below(data.size())));
    break;
  case 1:
    tensor.set_raw_data(data + data + "x");
    break;
  case 2:
    for (size_t n = 1 + choices.below(8); n && !data.empty(); --n)
      data[choices.below(data.size())] = char(choices.below(256));
    tensor.set_raw_data(data);
    break;
  case 3:
    tensor.clear_raw_data();
    break;
  case 4:
    tensor.add_int64_data(choices.integer());
    break;
  default:
    if (data.size() >= 8) {
      int64_t value = choices.integer();
      data.replace(choices.below(data.size() / 8) * 8, 8,
                   reinterpret_cast<const char *>(&value), 8);
      tensor.set_raw_data(data);
    } else if (tensor.int64_data_size()) {
      mutateInts(*tensor.mutable_int64_data());
    } else if (tensor.float_data_size()) {
      tensor.set_float_data(int(choices.below(tensor.float_data_size())),
                            choices.oneIn(2) ? NAN : -1e38f);
    }
  }
}

void Mutator::mutateTensor(TensorProto &tensor) {
  switch (choices.below(6)) {
  case 0:
    tensor.set_data_type(anyType());
    break;
  case 1: {
    // The values stay outside: a file that is there, too short, or missing.
    tensor.set_data_location(TensorProto::EXTERNAL);
    tensor.clear_raw_data();
    const std::pair<const char *, std::string> entries[] = {
        {"location", choices.oneIn(4) ? kMissingFile : kDataFile},
        {"offset", std::to_string(choices.integer())},
        {"length", std::to_string(choices.integer())}};
    for (const auto &[key, value] : entries) {
      if (choices.oneIn(4))
        continue;
      auto *entry = tensor.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    break;
  }
  case 2:
    tensor.set_name(choices.oneIn(2) ? anyName() : anyValue());
    break;
  case 3:
    // Another shape of as many elements.
    if (tensor.dims_size() > 1 && choices.oneIn(2)) {
      int i = int(choices.below(size_t(tensor.dims_size())));
      tensor.mutable_dims()->SwapElements(0, i);
      break;
    }
    tensor.add_dims(1);
    break;
  case 4:
    mutateInts(*tensor.mutable_dims());
    break;
  default:
    mutateData(tensor);
  }
}

void Mutator::mutateConstants() {
  auto &constants = *graph.mutable_initializer();
  switch (choices.below(8)) {
  case 0:
    if (!constants.empty())
      constants.DeleteSubrange(int(choices.below(size_t(constants.size()))), 1);
    break;
  case 1:
    if (TensorProto *tensor = pick(&constants))
      *constants.Add() = TensorProto(*tensor);
    break;
  case 2: {
    // A list of integers, with which Reshape, Slice, Pad, ... begin.
    TensorProto &tensor = *constants.Add();
    tensor.set_name(anyValue());
    tensor.set_data_type(TensorProto::INT64);
    size_t size = choices.below(5);
    if (!choices.oneIn(8))
      tensor.add_dims(int64_t(size));
    for (size_t i = 0; i < size; ++i)
      tensor.add_int64_data(choices.integer());
    break;
  }
  case 3: {
    // An initializer becomes a Constant.
    TensorProto *tensor = pick(&constants);
    if (!tensor)
      break;
    NodeProto &node = *graph.add_node();
    node.set_op_type("Constant");
    node.add_output(tensor->name());
    AttributeProto &value = *node.add_attribute();
    value.set_name("value");
    value.set_type(AttributeProto::TENSOR);
    *value.mutable_t() = *tensor;
    for (int i = graph.node_size() - 1; i > 0; --i)
      graph.mutable_node()->SwapElements(i, i - 1);
    tensor->set_name(tensor->name() + "_unused");
    break;
  }
  default:
    if (TensorProto *tensor = pick(&constants))
      mutateTensor(*tensor);
  }
}

//===----------------------------------------------------------------------===//
// The graph's interface and the model
//===----------------------------------------------------------------------===//

void Mutator::mutateType(onnx::TypeProto &type) {
  switch (choices.below(8)) {
  case 0:
    type.mutable_tensor_type()->set_elem_type(anyType());
    break;
  case 1:
    type.mutable_tensor_type()->clear_shape();
    break;
  case 2:
    type.mutable_sequence_type();
    break;
  case 3:
    type.Clear();
    break;
  default: {
    auto &dims = *type.mutable_tensor_type()->mutable_shape()->mutable_dim();
    auto *dim = choices.oneIn(4) ? nullptr : pick(&dims);
    if (!dim)
      dim = dims.Add();
    else if (choices.oneIn(6))
      return dims.RemoveLast();
    if (choices.oneIn(6))
      dim->set_dim_param(anyName());
    else
      dim->set_dim_value(choices.integer());
  }
  }
}

void Mutator::mutateInterface() {
  auto *list = choices.oneIn(3)   ? graph.mutable_input()
               : choices.oneIn(2) ? graph.mutable_output()
                                  : graph.mutable_value_info();
  onnx::ValueInfoProto *info = pick(list);
  if (!info || choices.oneIn(8)) {
    info = list->Add();
    info->set_name(anyValue());
    mutateType(*info->mutable_type());
    return;
  }
  if (choices.oneIn(4))
    info->set_name(anyValue());
  else if (choices.oneIn(8))
    list->RemoveLast();
  else
    mutateType(*info->mutable_type());
}

void Mutator::mutateOpset() {
  onnx::OperatorSetIdProto *opset = pick(model.mutable_opset_import());
  if (!opset || choices.oneIn(8))
    opset = model.add_opset_import();
  if (choices.oneIn(4))
    opset->set_domain(choices.oneIn(2) ? "ai.onnx" : "local");
  opset->set_version(choices.oneIn(8) ? choices.integer()
                                      : int64_t(choices.below(28)));
  if (choices.oneIn(8))
    model.set_ir_version(choices.integer());
}

/// A node becomes the call of a function that holds it.
void Mutator::addFunction() {
  NodeProto *node = pick(graph.mutable_node());
  if (!node)
    return;
  onnx::FunctionProto &function = *model.add_functions();
  function.set_domain("local");
  function.set_name(choices.oneIn(8) ? node->op_type() : "Call");
  auto *opset = function.add_opset_import();
  opset->set_version(int64_t(choices.below(28)));
  for (const std::string &input : node->input())
    function.add_input(input);
  for (const std::string &output : node->output())
    function.add_output(output);
  *function.add_node() = *node;
  if (choices.oneIn(8)) // of itself
    function.mutable_node(0)->set_op_type("Call");
  node->set_op_type("Call");
  node->set_domain("local");
  node->clear_attribute();
  auto *import = model.add_opset_import();
  import->set_domain("local");
  import->set_version(1);
}

void Mutator::run() {
  size_t kind = choices.below(16);
  NodeProto *node = pick(graph.mutable_node());
  if (kind < 5 && node)
    mutateAttribute(*node);
  else if (kind < 8 && node)
    mutateWires(*node);
  else if (kind < 10)
    mutateNodes();
  else if (kind < 12)
    mutateConstants();
  else if (kind < 14)
    mutateInterface();
  else if (kind < 15)
    mutateOpset();
  else if (node && choices.oneIn(2))
    addFunction();
  else if (node)
    node->set_name(anyName());
}

void accopt::fuzz::mutateModel(onnx::ModelProto &model, Choices &choices) {
  Mutator(model, choices).run();
}

void accopt::fuzz::mergeModel(onnx::ModelProto &model,
                              const onnx::ModelProto &other, Choices &choices) {
  GraphProto &graph = *model.mutable_graph();
  for (const NodeProto &node : other.graph().node())
    if (!choices.oneIn(4))
      *graph.add_node() = node;
  for (const TensorProto &tensor : other.graph().initializer())
    if (!choices.oneIn(4))
      *graph.add_initializer() = tensor;
  for (const onnx::ValueInfoProto &input : other.graph().input())
    if (choices.oneIn(2))
      *graph.add_input() = input;
  for (const onnx::ValueInfoProto &output : other.graph().output())
    if (choices.oneIn(2))
      *graph.add_output() = output;
}
