//===- OnnxModel.cpp - Read a model file ----------------------------------===//

#include "OnnxModel.h"

#include "WireFormat.h"
#include "dialects/NN/NNMappedFiles.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SHA256.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <climits>

using namespace llvm;
using namespace accopt::importer;

/// Maps a regular file; pipes and devices would block or never end.
static Expected<std::shared_ptr<MemoryBuffer>> mapFile(StringRef path) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return createStringError("cannot read: " + code.message());
  if (!sys::fs::is_regular_file(status))
    return createStringError("cannot read: not a regular file");
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(
      path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read: " + buffer.getError().message());
  return std::shared_ptr<MemoryBuffer>(std::move(*buffer));
}

static bool parse(const std::string &bytes, onnx::ModelProto &proto) {
  if (bytes.size() > INT_MAX)
    return false;
  // Protobuf reports to standard error what we report in one line.
  google::protobuf::LogSilencer silencer;
  google::protobuf::io::ArrayInputStream array(bytes.data(),
                                               static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream stream(&array);
  stream.SetTotalBytesLimit(INT_MAX);
  return proto.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

/// In pieces, none of which stays in memory for this.
static std::string hashFile(const MemoryBuffer &file) {
  constexpr size_t piece = size_t(8) << 20;
  SHA256 hash;
  for (StringRef rest = file.getBuffer(); !rest.empty();
       rest = rest.drop_front(std::min(piece, rest.size()))) {
    hash.update(rest.take_front(piece));
    if (rest.size() > piece)
      accopt::nn::releasePages(file);
  }
  return toHex(hash.final(), /*LowerCase=*/true);
}

/// Small tensors of types that the version converter knows stay in the graph:
/// it may want to see their values.
static bool staysInGraph(const onnx::TensorProto &tensor) {
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    return false;
  if (tensor.data_type() != onnx::TensorProto::FLOAT &&
      tensor.data_type() != onnx::TensorProto::INT64 &&
      tensor.data_type() != onnx::TensorProto::INT32)
    return false;
  return tensor.ByteSizeLong() < cutThreshold;
}

namespace {
class WeightTaker {
public:
  WeightTaker(OnnxModel &model, CutModel &cut)
      : model(model), cut(cut), graph(*model.proto.mutable_graph()) {
    for (const onnx::ValueInfoProto &input : graph.input())
      inputs.insert(input.name());
  }

  Error run() {
    if (Error error = takeInitializers())
      return error;
    return takeConstants();
  }

private:
  /// The value becomes an input of the graph, as long as ONNX works on it.
  Error take(onnx::TensorProto &tensor, const std::string &name,
             StringRef bytes) {
    auto [entry, fresh] = model.weights.try_emplace(name);
    if (!fresh)
      return createStringError("expected unique names of constants, got '" +
                               name + "' twice");
    entry->second.cut = bytes;
    if (inputs.insert(name).second) {
      onnx::ValueInfoProto *input = graph.add_input();
      input->set_name(name);
      auto *type = input->mutable_type()->mutable_tensor_type();
      type->set_elem_type(tensor.data_type());
      type->mutable_shape();
      for (int64_t size : tensor.dims())
        type->mutable_shape()->add_dim()->set_dim_value(size);
    }
    entry->second.proto.Swap(&tensor);
    return Error::success();
  }

  Error takeInitializers() {
    int kept = 0;
    for (int i = 0; i < graph.initializer_size(); ++i) {
      onnx::TensorProto &tensor = *graph.mutable_initializer(i);
      auto span = cut.initializers.find(i);
      StringRef bytes =
          span == cut.initializers.end() ? StringRef() : span->second;
      if (bytes.empty() && staysInGraph(tensor)) {
        graph.mutable_initializer()->SwapElements(i, kept++);
        continue;
      }
      if (Error error = take(tensor, tensor.name(), bytes))
        return error;
    }
    graph.mutable_initializer()->DeleteSubrange(kept, graph.initializer_size() -
                                                          kept);
    return Error::success();
  }

  /// A large Constant is an initializer in other words. A tensor that was cut
  /// out of any other node goes back.
  Error takeConstants() {
    int kept = 0;
    for (int i = 0; i < graph.node_size(); ++i) {
      onnx::NodeProto &node = *graph.mutable_node(i);
      Expected<bool> taken = takeConstant(node, i);
      if (!taken)
        return taken.takeError();
      if (!*taken)
        graph.mutable_node()->SwapElements(i, kept++);
    }
    graph.mutable_node()->DeleteSubrange(kept, graph.node_size() - kept);
    return Error::success();
  }

  Expected<bool> takeConstant(onnx::NodeProto &node, unsigned index) {
    bool isConstant = node.op_type() == "Constant" && node.domain().empty() &&
                      node.attribute_size() == 1 && node.output_size() == 1 &&
                      node.input_size() == 0 && node.attribute(0).has_t() &&
                      node.attribute(0).name() == "value" &&
                      !node.output(0).empty();
    for (int a = 0; a < node.attribute_size(); ++a) {
      onnx::AttributeProto &attribute = *node.mutable_attribute(a);
      auto span = cut.attributes.find({index, static_cast<unsigned>(a)});
      bool wasCut = span != cut.attributes.end();
      if (!wasCut && (!isConstant || staysInGraph(attribute.t())))
        continue;
      if (isConstant) {
        if (Error error = take(*attribute.mutable_t(), node.output(0),
                               wasCut ? span->second : StringRef()))
          return std::move(error);
        return true;
      }
      attribute.mutable_t()->set_raw_data(span->second.data(),
                                          span->second.size());
    }
    return false;
  }

  OnnxModel &model;
  CutModel &cut;
  onnx::GraphProto &graph;
  StringSet<> inputs;
};
} // namespace

/// What the exporter meant to call a node whose name it had to make unique.
static const std::string &getGivenName(const onnx::NodeProto &node) {
  for (const onnx::StringStringEntryProto &entry : node.metadata_props())
    if (entry.key() == "accopt.node")
      return entry.value();
  return node.name();
}

/// Names every node and remembers who makes each value, in bodies as well.
static void nameNodes(OnnxModel &model, onnx::GraphProto &graph) {
  for (int i = 0; i < graph.node_size(); ++i) {
    onnx::NodeProto &node = *graph.mutable_node(i);
    if (node.name().empty())
      node.set_name(node.op_type() + "_" + std::to_string(i));
    for (const std::string &output : node.output())
      model.producers.try_emplace(output, getGivenName(node));
    for (onnx::AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        nameNodes(model, *attribute.mutable_g());
  }
}

Expected<std::unique_ptr<OnnxModel>>
accopt::importer::readModel(StringRef path) {
  auto model = std::make_unique<OnnxModel>();
  model->path = path.str();
  Expected<std::shared_ptr<MemoryBuffer>> file = mapFile(path);
  if (!file)
    return file.takeError();
  model->file = std::move(*file);
  StringRef bytes = model->file->getBuffer();
  if (bytes.empty())
    return createStringError("expected an ONNX model, got an empty file");
  model->sha256 = std::async(std::launch::async,
                             [file = model->file] { return hashFile(*file); });

  Expected<CutModel> cut = cutWeights(bytes);
  if (!cut)
    return cut.takeError();
  if (!parse(cut->skeleton, model->proto))
    return createStringError("expected an ONNX model, got a file that is "
                             "truncated or not a protobuf message");
  if (!model->proto.has_graph())
    return createStringError("expected an ONNX model, got a file without a "
                             "graph");
  nameNodes(*model, *model->proto.mutable_graph());
  if (Error error = WeightTaker(*model, *cut).run())
    return std::move(error);
  return model;
}
