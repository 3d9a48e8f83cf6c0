//===- ModelInputs.cpp - Shapes and values that the user gives inputs -----===//

#include "ModelInputs.h"

#include "ModelLimits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

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

/// The sizes of symbolic dimensions that the given shapes tell, by name.
static StringMap<int64_t> findSizes(OnnxModel &model,
                                    const ImportOptions &options) {
  StringMap<int64_t> sizes;
  for (const onnx::ValueInfoProto *input : realInputs(model)) {
    auto given = options.inputShapes.find(input->name());
    if (given == options.inputShapes.end())
      continue;
    const auto &dims = input->type().tensor_type().shape().dim();
    for (auto [dim, size] : zip(dims, given->second))
      if (!dim.dim_param().empty())
        sizes.try_emplace(dim.dim_param(), size);
  }
  return sizes;
}

ImportOptions accopt::importer::chooseBatch(OnnxModel &model,
                                            ImportOptions options) {
  StringMap<int64_t> sizes = findSizes(model, options);
  for (const onnx::ValueInfoProto *input : realInputs(model)) {
    const onnx::TensorShapeProto &shape = input->type().tensor_type().shape();
    auto isKnown = [](const auto &dim) { return dim.dim_value() > 0; };
    if (shape.dim_size() < 2 || isKnown(shape.dim(0)) ||
        !all_of(drop_begin(shape.dim()), isKnown) ||
        options.inputShapes.contains(input->name()))
      continue;
    auto told = sizes.find(shape.dim(0).dim_param());
    SmallVector<int64_t> &chosen = options.inputShapes[input->name()];
    chosen.push_back(told == sizes.end() ? 1 : told->second);
    for (const auto &dim : drop_begin(shape.dim()))
      chosen.push_back(dim.dim_value());
    model.notes.push_back("input '" + input->name() + "': of " +
                          printShape(shape) + " the first dimension is taken " +
                          "as " + std::to_string(chosen[0]) +
                          "; --input-shape gives another");
  }
  return options;
}

Error accopt::importer::setInputShapes(OnnxModel &model,
                                       const ImportOptions &options) {
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

Error accopt::importer::fixInputs(OnnxModel &model,
                                  const ImportOptions &options) {
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

Error accopt::importer::checkInputShapes(OnnxModel &model) {
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
