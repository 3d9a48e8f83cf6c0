//===- PrepareModel.cpp - ONNX's own passes over a model ------------------===//
//
// The one file that is compiled with exceptions: ONNX's library throws, and
// nothing that it throws leaves this file.
//
//===----------------------------------------------------------------------===//

#include "OnnxModel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/checker.h>
#include <onnx/inliner/inliner.h>
#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <exception>

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

/// ONNX's messages have several lines.
static std::string oneLine(const char *text) {
  SmallVector<StringRef> words;
  SplitString(text, words);
  return join(words, " ");
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

/// Puts the given shapes in and demands that none is left symbolic.
static Error fixInputShapes(OnnxModel &model, const ImportOptions &options) {
  onnx::GraphProto &graph = *model.proto.mutable_graph();
  StringSet<> initializers, inputs;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  std::string names;
  for (onnx::ValueInfoProto &input : *graph.mutable_input()) {
    if (initializers.contains(input.name()) ||
        model.weights.count(input.name()))
      continue;
    inputs.insert(input.name());
    names += (names.empty() ? "'" : ", '") + input.name() + "'";
    if (!input.type().has_tensor_type())
      return createStringError("input '" + input.name() +
                               "': expected a tensor, got another type");
    auto shape = options.inputShapes.find(input.name());
    if (shape != options.inputShapes.end())
      if (Error error = setShape(input, shape->second))
        return error;
    const auto &type = input.type().tensor_type();
    auto isStatic = [](const auto &dim) {
      return dim.has_dim_value() && dim.dim_value() > 0;
    };
    if (!type.has_shape() || !all_of(type.shape().dim(), isStatic))
      return createStringError(
          "input '" + input.name() + "': expected a static shape, got " +
          (type.has_shape() ? printShape(type.shape()) : "none") +
          "; give one with --input-shape=" + input.name() + "=1x3x224x224");
  }
  SmallVector<StringRef> given(options.inputShapes.keys());
  sort(given);
  for (StringRef name : given)
    if (!inputs.contains(name))
      return createStringError("expected an input's name in --input-shape (" +
                               names + "), got '" + name + "'");
  if (given.empty())
    return Error::success();
  // What the file says of other shapes holds for other inputs.
  graph.clear_value_info();
  for (onnx::ValueInfoProto &output : *graph.mutable_output())
    if (output.type().has_tensor_type())
      output.mutable_type()->mutable_tensor_type()->clear_shape();
  return Error::success();
}

static int opsetOf(const onnx::ModelProto &model) {
  for (const onnx::OperatorSetIdProto &opset : model.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx")
      return static_cast<int>(opset.version());
  return 0;
}

Error accopt::importer::prepareModel(OnnxModel &model,
                                     const ImportOptions &options) {
  onnx::ModelProto &proto = model.proto;
  if (proto.graph().sparse_initializer_size() > 0)
    return createStringError("expected dense initializers, got a sparse one");
  if (Error error = guard("not a valid ONNX model",
                          [&] { onnx::checker::check_model(proto); }))
    return error;
  if (Error error = fixInputShapes(model, options))
    return error;
  if (proto.functions_size() > 0)
    if (Error error = guard("cannot inline the model's functions", [&] {
          onnx::inliner::InlineLocalFunctions(proto, /*convert_version=*/true);
        }))
      return error;
  if (Error error = guard("shape inference failed", [&] {
        onnx::shape_inference::InferShapes(
            proto, onnx::OpSchemaRegistry::Instance(),
            onnx::ShapeInferenceOptions(/*check_type_val=*/true,
                                        /*strict_mode_val=*/0,
                                        /*data_prop_val=*/true));
      }))
    return error;

  int opset = opsetOf(proto);
  if (opset == importedOpset || opset == 0)
    return Error::success();
  Error error = guard(
      "ONNX's version converter cannot bring the model from opset " +
          Twine(opset) + " to opset " + Twine(importedOpset) +
          ", the one that is imported",
      [&] {
        onnx::ModelProto converted =
            onnx::version_conversion::ConvertVersion(proto, importedOpset);
        proto.Swap(&converted);
      });
  if (!error || !hasUnsupportedOps(proto.graph()))
    return error;
  // The nodes that are not supported at all are the better answer.
  consumeError(std::move(error));
  return Error::success();
}
