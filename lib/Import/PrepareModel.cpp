//===- PrepareModel.cpp - ONNX's own passes over a model ------------------===//
//
// The one file that is compiled with exceptions: ONNX's library throws, and
// nothing that it throws leaves this file.
//
//===----------------------------------------------------------------------===//

#include "ConvertBodies.h"
#include "CutModel.h"
#include "InferenceGuards.h"
#include "ModelInputs.h"
#include "ModelLimits.h"
#include "OldOpsets.h"
#include "OnnxModel.h"
#include "OpTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

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
static void fillDefaults(onnx::GraphProto &graph, int opset) {
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    const onnx::OpSchema *schema =
        onnx::OpSchemaRegistry::Schema(node.op_type(), opset, node.domain());
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
          fillDefaults(*proto.mutable_graph(), opsetOf(proto));
          onnx::inliner::InlineSelectedFunctions(
              proto, WithoutHandler(), onnx::OpSchemaRegistry::Instance());
        }))
      return error;
    if (proto.graph().node_size() == before)
      break;
  }
  return Error::success();
}

/// Trees and tables of scikit-learn's exporters are valid ONNX, but not
/// networks. ONNX is built without their domain here, so that its checker would
/// call the model invalid.
static Error refuseClassicLearning(const onnx::GraphProto &graph) {
  for (const onnx::NodeProto &node : graph.node())
    if (node.domain() == "ai.onnx.ml")
      return createStringError("node '" + node.name() + "' (" + node.op_type() +
                               "): expected a supported operator (see "
                               "--print-op-support), got ai.onnx.ml." +
                               node.op_type());
  return Error::success();
}

/// Everything that is asked of a model before inference runs on it, and the
/// inlining of its functions.
static Error checkAndInline(onnx::ModelProto &proto) {
  if (Error error = refuseClassicLearning(proto.graph()))
    return error;
  if (Error error = guard("not a valid ONNX model",
                          [&] { onnx::checker::check_model(proto); }))
    return error;
  if (Error error = checkFunctions(proto))
    return error;
  if (proto.functions_size() == 0)
    return Error::success();
  return guard("cannot inline the model's functions", [&] {
    onnx::inliner::InlineLocalFunctions(proto, /*convert_version=*/true);
  });
}

/// The same for inference itself.
static Error checkInference(const onnx::ModelProto &proto) {
  if (Error error = checkSplits(proto.graph()))
    return error;
  if (Error error = checkEquations(proto.graph()))
    return error;
  if (Error error = checkEyes(proto))
    return error;
  return refuseBatchedScan(proto);
}

Error accopt::importer::prepareModel(OnnxModel &model,
                                     const ImportOptions &options) {
  onnx::ModelProto &proto = model.proto;
  if (proto.graph().sparse_initializer_size() > 0)
    return createStringError("expected dense initializers, got a sparse one");
  if (Error error = cutModel(model, options, [](onnx::ModelProto &part) {
        if (Error error = checkAndInline(part))
          return error;
        if (Error error = checkInference(part))
          return error;
        return inferShapes(part);
      }))
    return error;
  if (Error error = setInputShapes(model, chooseBatch(model, options)))
    return error;
  rememberOutputs(model);
  if (Error error = checkAndInline(proto))
    return error;
  if (Error error = checkInputShapes(model))
    return error;
  if (Error error = fixInputs(model, options))
    return error;
  forgetShapes(model);
  if (Error error = checkInference(proto))
    return error;
  if (Error error = inferShapes(proto))
    return error;

  std::set<std::string> activationNorms = takeSpatialAttributes(proto);
  std::vector<std::string> oldResizes = findOldResizes(proto);
  int opset = opsetOf(proto);
  if (opset == 0 || (opset >= importedOpset && opset <= newestOpset))
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
