//===- PrepareModel.cpp - ONNX's own passes over a model ------------------===//
//
// The one file that is compiled with exceptions: ONNX's library throws, and
// nothing that it throws leaves this file.
//
//===----------------------------------------------------------------------===//

#include "ConvertBodies.h"
#include "InferenceGuards.h"
#include "ModelLimits.h"
#include "OnnxModel.h"

#include "OpTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/inliner/inliner.h>
#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <exception>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

/// ONNX's messages have several lines, and name its source files.
static std::string oneLine(const char *text) {
  SmallVector<StringRef> words;
  SplitString(text, words);
  std::string line = join(words, " ");
  size_t assertion = line.find("Assertion `");
  return assertion == std::string::npos ? line : line.substr(assertion);
}

/// Runs a step of ONNX's library; `what` it could not do begins the error.
static Error guard(const Twine &what, function_ref<void()> step) {
  try {
    step();
    return Error::success();
  } catch (const std::exception &exception) {
    return createStringError(what + ": " + oneLine(exception.what()));
  } catch (...) {
    return createStringError(what + ": unknown error");
  }
}

static std::string printShape(const onnx::TensorShapeProto &shape) {
  std::string text;
  for (const auto &dim : shape.dim()) {
    if (!text.empty())
      text += "x";
    if (dim.has_dim_value() && dim.dim_value() > 0)
      text += std::to_string(dim.dim_value());
    else
      text += dim.dim_param().empty() ? "?" : dim.dim_param();
  }
  return text.empty() ? "scalar" : text;
}

static Error setShape(onnx::ValueInfoProto &input, ArrayRef<int64_t> shape) {
  auto *type = input.mutable_type()->mutable_tensor_type();
  bool hasRank = type->has_shape();
  if (hasRank && type->shape().dim_size() != static_cast<int>(shape.size()))
    return createStringError("input '" + input.name() + "': expected a shape " +
                             "of rank " + Twine(type->shape().dim_size()) +
                             " (" + printShape(type->shape()) + "), got rank " +
                             Twine(shape.size()));
  type->clear_shape();
  type->mutable_shape();
  for (int64_t size : shape)
    type->mutable_shape()->add_dim()->set_dim_value(size);
  return Error::success();
}

/// The graph's inputs that are not constants.
static SmallVector<onnx::ValueInfoProto *> realInputs(OnnxModel &model) {
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  SmallVector<onnx::ValueInfoProto *> inputs;
  for (onnx::ValueInfoProto &input : *graph.mutable_input())
    if (!initializers.contains(input.name()) &&
        !model.weights.count(input.name()))
      inputs.push_back(&input);
  return inputs;
}

/// Puts the given shapes in.
static Error setInputShapes(OnnxModel &model, const ImportOptions &options) {
  if (options.inputShapes.empty())
    return Error::success();
  SmallVector<StringRef> unknown(options.inputShapes.keys());
  sort(unknown);
  std::string names;
  for (onnx::ValueInfoProto *input : realInputs(model)) {
    names += (names.empty() ? "'" : ", '") + input->name() + "'";
    auto shape = options.inputShapes.find(input->name());
    if (shape == options.inputShapes.end())
      continue;
    if (Error error = setShape(*input, shape->second))
      return error;
    erase(unknown, input->name());
  }
  if (!unknown.empty())
    return createStringError("expected an input's name in --input-shape (" +
                             names + "), got '" + unknown.front() + "'");
  // What the file says of other shapes holds for other inputs.
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  graph.clear_value_info();
  for (onnx::ValueInfoProto &output : *graph.mutable_output()) {
    if (!output.type().tensor_type().has_shape())
      continue;
    auto *type = output.mutable_type()->mutable_tensor_type();
    for (auto &dim : *type->mutable_shape()->mutable_dim())
      dim.Clear();
  }
  return Error::success();
}

/// `values` as the typed fields of a tensor hold them; false for a type that
/// has none for numbers.
static bool addNumbers(onnx::TensorProto &tensor, ArrayRef<double> values) {
  switch (tensor.data_type()) {
  case onnx::TensorProto::FLOAT:
    for (double value : values)
      tensor.add_float_data(static_cast<float>(value));
    return true;
  case onnx::TensorProto::DOUBLE:
    for (double value : values)
      tensor.add_double_data(value);
    return true;
  case onnx::TensorProto::INT64:
    for (double value : values)
      tensor.add_int64_data(static_cast<int64_t>(value));
    return true;
  case onnx::TensorProto::INT8:
  case onnx::TensorProto::UINT8:
  case onnx::TensorProto::INT16:
  case onnx::TensorProto::UINT16:
  case onnx::TensorProto::INT32:
  case onnx::TensorProto::BOOL:
    for (double value : values)
      tensor.add_int32_data(static_cast<int32_t>(value));
    return true;
  default:
    return false;
  }
}

/// Makes a constant of the input `value`, whose shape is known.
static Error fixInput(onnx::GraphProto &graph,
                      const onnx::ValueInfoProto &value,
                      ArrayRef<double> given) {
  const auto &type = value.type().tensor_type();
  onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(value.name());
  tensor.set_data_type(type.elem_type());
  int64_t count = 1;
  for (const auto &dim : type.shape().dim()) {
    tensor.add_dims(dim.dim_value());
    if (MulOverflow(count, dim.dim_value(), count) ||
        count > maxPropagatedElements)
      return createStringError("input '" + value.name() + "': expected at " +
                               "most " + Twine(maxPropagatedElements) +
                               " elements for --input-value, got more");
  }
  SmallVector<double> numbers(given);
  if (numbers.size() == 1)
    numbers.assign(count, given[0]);
  if (static_cast<int64_t>(numbers.size()) != count)
    return createStringError("input '" + value.name() + "': expected " +
                             Twine(count) + " numbers or one in " +
                             "--input-value, got " + Twine(numbers.size()));
  if (!addNumbers(tensor, numbers))
    return createStringError("input '" + value.name() + "': expected numbers " +
                             "of at most 32 bits or of 64 signed for "
                             "--input-value, got another type");
  return Error::success();
}

/// Makes constants of the inputs that are given values. Their shapes are
/// static.
static Error fixInputs(OnnxModel &model, const ImportOptions &options) {
  if (options.inputValues.empty())
    return Error::success();
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  SmallVector<StringRef> unknown(options.inputValues.keys());
  sort(unknown);
  std::string names;
  for (const onnx::ValueInfoProto *input : realInputs(model)) {
    names += (names.empty() ? "'" : ", '") + input->name() + "'";
    auto given = options.inputValues.find(input->name());
    if (given == options.inputValues.end())
      continue;
    if (Error error = fixInput(graph, *input, given->second))
      return error;
    erase(unknown, input->name());
  }
  if (!unknown.empty())
    return createStringError("expected an input's name in --input-value (" +
                             names + "), got '" + unknown.front() + "'");
  auto &inputs = *graph.mutable_input();
  for (int i = inputs.size() - 1; i >= 0; --i)
    if (options.inputValues.count(inputs[i].name()))
      inputs.DeleteSubrange(i, 1);
  return Error::success();
}

/// Demands that no input is left symbolic.
static Error checkInputShapes(OnnxModel &model) {
  for (onnx::ValueInfoProto *input : realInputs(model)) {
    if (!input->type().has_tensor_type())
      return createStringError("input '" + input->name() +
                               "': expected a tensor, got another type");
    const onnx::TensorShapeProto &shape = input->type().tensor_type().shape();
    std::string example;
    bool isStatic = true;
    for (auto [i, dim] : enumerate(shape.dim())) {
      bool known = dim.has_dim_value() && dim.dim_value() > 0;
      isStatic &= known;
      example += (i == 0 ? "" : "x") + std::to_string(known    ? dim.dim_value()
                                                      : i == 0 ? 1
                                                               : 224);
    }
    if (!isStatic)
      return createStringError(
          "input '" + input->name() + "': expected a static shape, got " +
          printShape(shape) +
          "; give one, e.g. --input-shape=" + input->name() + "=" + example);
  }
  return Error::success();
}

static int opsetOf(const onnx::ModelProto &model) {
  for (const onnx::OperatorSetIdProto &opset : model.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx")
      return static_cast<int>(opset.version());
  return 0;
}

/// Up to opset 8, BatchNormalization with `spatial = 0` normalizes each
/// activation by itself. Later opsets cannot say that and the converter refuses
/// it, but the importer can: the attribute goes around the converter. Answers
/// the outputs of such nodes.
static std::set<std::string> takeSpatialAttributes(onnx::ModelProto &model) {
  std::set<std::string> outputs;
  for (onnx::NodeProto &node : *model.mutable_graph()->mutable_node()) {
    if (node.op_type() != "BatchNormalization" || node.output_size() == 0)
      continue;
    auto &attributes = *node.mutable_attribute();
    for (int i = attributes.size() - 1; i >= 0; --i) {
      if (attributes[i].name() != "spatial")
        continue;
      if (attributes[i].i() == 0)
        outputs.insert(node.output(0));
      attributes.DeleteSubrange(i, 1);
    }
  }
  return outputs;
}

static void restoreSpatialAttributes(onnx::ModelProto &model,
                                     const std::set<std::string> &outputs) {
  for (onnx::NodeProto &node : *model.mutable_graph()->mutable_node()) {
    if (node.output_size() == 0 || !outputs.count(node.output(0)))
      continue;
    onnx::AttributeProto *attribute = node.add_attribute();
    attribute->set_name("spatial");
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(0);
  }
}

/// Remembers the outputs as the file declares them. Exporters leave a shape out
/// where they do not know the rank, and runtimes take that; ONNX's checker does
/// not, so it gets one, which is forgotten afterwards.
static void rememberOutputs(OnnxModel &model) {
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  model.outputs.assign(graph.output().begin(), graph.output().end());
  for (onnx::ValueInfoProto &output : *graph.mutable_output())
    if (output.type().has_tensor_type())
      output.mutable_type()->mutable_tensor_type()->mutable_shape();
}

/// Names, in order, of what samples images in the way of opset 10 and before,
/// where coordinates are asymmetric.
static std::vector<std::string> findOldResizes(const onnx::ModelProto &model) {
  std::vector<std::string> names;
  if (opsetOf(model) > 10)
    return names;
  for (const onnx::NodeProto &node : model.graph().node())
    if (node.op_type() == "Upsample" || node.op_type() == "Resize")
      names.push_back(node.name());
  return names;
}

/// The converter to opset 11 forgets to say that coordinates are asymmetric,
/// and the one to 10 makes a nameless node of an Upsample, with another output.
/// Before opset 11 there were none but old ones, so all that there are now, in
/// their order, are these.
static void sayOldResizes(onnx::ModelProto &model,
                          const std::vector<std::string> &names) {
  auto name = names.begin();
  for (onnx::NodeProto &node : *model.mutable_graph()->mutable_node()) {
    if (node.op_type() != "Resize" || name == names.end())
      continue;
    node.set_name(*name++);
    auto &attributes = *node.mutable_attribute();
    for (int i = attributes.size() - 1; i >= 0; --i)
      if (attributes[i].name() == "coordinate_transformation_mode" ||
          attributes[i].name() == "nearest_mode")
        attributes.DeleteSubrange(i, 1);
    for (auto [key, value] :
         {std::pair("coordinate_transformation_mode", "asymmetric"),
          std::pair("nearest_mode", "simple")}) {
      onnx::AttributeProto *attribute = node.add_attribute();
      attribute->set_name(key);
      attribute->set_type(onnx::AttributeProto::STRING);
      attribute->set_s(value);
    }
  }
}

/// ONNX's shape inference fails where it disagrees with a shape that the file
/// declares, and in corners it is the one that is wrong (AveragePool with VALID
/// and ceil_mode, Squeeze with unsorted axes). The importer computes shapes
/// itself and holds them to the declared outputs at the end; the inferred ones
/// are for the converter and for nodes that are not supported.
static void forgetShapes(OnnxModel &model) {
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  for (onnx::ValueInfoProto &output : *graph.mutable_output())
    if (output.type().has_tensor_type())
      output.mutable_type()->mutable_tensor_type()->clear_shape();
  if (!hasUnsupportedOps(graph))
    graph.clear_value_info();
}

/// Runs inference once without what it does not survive in EyeLikes, and asks
/// whether their inputs have types.
static Error checkEyes(const onnx::ModelProto &model) {
  std::optional<onnx::ModelProto> trial = withCastEyes(model);
  if (!trial)
    return Error::success();
  if (Error error = guard("shape inference failed", [&] {
        onnx::shape_inference::InferShapes(
            *trial, onnx::OpSchemaRegistry::Instance(),
            onnx::ShapeInferenceOptions(/*check_type_val=*/true,
                                        /*strict_mode_val=*/0,
                                        /*data_prop_val=*/false));
      }))
    return error;
  return checkEyeInputs(*trial);
}

/// Types first; then again with the contents of shapes, where there is not too
/// much of them to spell out.
static Error inferShapes(onnx::ModelProto &model) {
  auto infer = [&](bool propagatesData) {
    return guard("shape inference failed", [&] {
      onnx::shape_inference::InferShapes(
          model, onnx::OpSchemaRegistry::Instance(),
          onnx::ShapeInferenceOptions(/*check_type_val=*/true,
                                      /*strict_mode_val=*/0, propagatesData));
    });
  };
  if (Error error = infer(/*propagatesData=*/false))
    return error;
  return propagateData(model, [&](onnx::ModelProto &) {
    return infer(/*propagatesData=*/true);
  });
}

/// The Scan of opset 8 has a batch dimension and lengths that later ones have
/// not, and the converter leaves it as it is.
static Error refuseBatchedScan(const onnx::ModelProto &model) {
  if (opsetOf(model) != 8)
    return Error::success();
  for (const onnx::NodeProto &node : model.graph().node())
    if (node.op_type() == "Scan")
      return createStringError("node '" + node.name() +
                               "' (Scan): expected the Scan of opset 9 or "
                               "later, got that of opset 8");
  return Error::success();
}

/// Bodies that depend on types look for them in `value_info` alone.
static void declareInitializers(onnx::GraphProto &graph) {
  StringSet<> known;
  for (const onnx::ValueInfoProto &info : graph.value_info())
    known.insert(info.name());
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    if (!known.insert(tensor.name()).second)
      continue;
    onnx::ValueInfoProto *info = graph.add_value_info();
    info->set_name(tensor.name());
    auto *type = info->mutable_type()->mutable_tensor_type();
    type->set_elem_type(tensor.data_type());
    for (int64_t size : tensor.dims())
      type->mutable_shape()->add_dim()->set_dim_value(size);
  }
}

/// Bodies read attributes that a node leaves at their defaults, which the
/// inliner does not know.
static void fillDefaults(onnx::GraphProto &graph) {
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    const onnx::OpSchema *schema = onnx::OpSchemaRegistry::Schema(
        node.op_type(), importedOpset, node.domain());
    if (!schema || findHandler(node.domain(), node.op_type()))
      continue;
    // Ordered: the schema's own map is not.
    std::map<std::string, onnx::AttributeProto> missing;
    for (const auto &[name, attribute] : schema->attributes())
      if (attribute.default_value.has_name())
        missing[name] = attribute.default_value;
    for (const onnx::AttributeProto &given : node.attribute())
      missing.erase(given.name());
    for (const auto &[name, attribute] : missing)
      *node.add_attribute() = attribute;
  }
}

namespace {
/// The operators without a handler, of ONNX's own domain.
struct WithoutHandler : onnx::inliner::FunctionIdSet {
  bool Contains(const std::string &domain,
                const std::string &name) const override {
    return (domain.empty() || domain == "ai.onnx") &&
           !findHandler(domain, name);
  }
};
} // namespace

/// Operators that ONNX defines by others (LayerNormalization, Attention, ...)
/// and that have no handler become what they are defined by. A body may hold
/// such operators again.
static Error expandFunctions(onnx::ModelProto &proto) {
  for (int depth = 0; depth < 4 && hasUnsupportedOps(proto.graph()); ++depth) {
    int before = proto.graph().node_size();
    if (Error error = inferShapes(proto))
      return error;
    if (Error error = guard("cannot expand ONNX's own functions", [&] {
          declareInitializers(*proto.mutable_graph());
          fillDefaults(*proto.mutable_graph());
          onnx::inliner::InlineSelectedFunctions(
              proto, WithoutHandler(), onnx::OpSchemaRegistry::Instance());
        }))
      return error;
    if (proto.graph().node_size() == before)
      break;
  }
  return Error::success();
}

Error accopt::importer::prepareModel(OnnxModel &model,
                                     const ImportOptions &options) {
  onnx::ModelProto &proto = model.proto;
  if (proto.graph().sparse_initializer_size() > 0)
    return createStringError("expected dense initializers, got a sparse one");
  if (Error error = setInputShapes(model, options))
    return error;
  rememberOutputs(model);
  if (Error error = guard("not a valid ONNX model",
                          [&] { onnx::checker::check_model(proto); }))
    return error;
  if (Error error = checkInputShapes(model))
    return error;
  if (Error error = fixInputs(model, options))
    return error;
  if (Error error = checkFunctions(proto))
    return error;
  if (proto.functions_size() > 0)
    if (Error error = guard("cannot inline the model's functions", [&] {
          onnx::inliner::InlineLocalFunctions(proto, /*convert_version=*/true);
        }))
      return error;
  forgetShapes(model);
  if (Error error = checkSplits(proto.graph()))
    return error;
  if (Error error = checkEquations(proto.graph()))
    return error;
  if (Error error = checkEyes(proto))
    return error;
  if (Error error = refuseBatchedScan(proto))
    return error;
  if (Error error = inferShapes(proto))
    return error;

  std::set<std::string> activationNorms = takeSpatialAttributes(proto);
  std::vector<std::string> oldResizes = findOldResizes(proto);
  int opset = opsetOf(proto);
  if (opset == importedOpset || opset == 0)
    return expandFunctions(proto);
  // One for all bodies: its tables of schemas take milliseconds to build.
  std::optional<onnx::version_conversion::DefaultVersionConverter> converter;
  auto convert = [&](onnx::ModelProto &model) {
    return guard("ONNX's version converter cannot bring the model from opset " +
                     Twine(opset) + " to opset " + Twine(importedOpset) +
                     ", the one that is imported",
                 [&] {
                   if (!converter)
                     converter.emplace();
                   onnx::ModelProto converted = converter->convert_version(
                       model, onnx::OpSetID(opsetOf(model)),
                       onnx::OpSetID(importedOpset));
                   model.Swap(&converted);
                 });
  };
  Error error = convertBodies(proto, convert);
  if (!error)
    error = convert(proto);
  if (!error) {
    restoreSpatialAttributes(proto, activationNorms);
    sayOldResizes(proto, oldResizes);
    return expandFunctions(proto);
  }
  if (!hasUnsupportedOps(proto.graph()))
    return error;
  // The nodes that are not supported at all are the better answer.
  consumeError(std::move(error));
  return Error::success();
}
