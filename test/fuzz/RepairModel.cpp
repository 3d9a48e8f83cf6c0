//===- RepairModel.cpp - Makes a graph of a mutated model again -----------===//
//
// Most mutations of wires and names give a model that ONNX's checker refuses in
// its first rules: a value made twice, a value that nobody makes, a wrong
// order. What is behind those rules is reached only if they hold.
//
//===----------------------------------------------------------------------===//

#include "OnnxMutator.h"

#include <set>
#include <vector>

using namespace accopt::fuzz;
using onnx::GraphProto;
using onnx::NodeProto;

namespace {

class Repair {
public:
  Repair(GraphProto &graph, Choices &choices)
      : graph(graph), choices(choices) {}

  void run() {
    uniteNames(*graph.mutable_initializer());
    uniteNames(*graph.mutable_input());
    for (const auto &tensor : graph.initializer())
      add(tensor.name());
    for (auto &input : *graph.mutable_input()) {
      giveType(input);
      add(input.name());
    }
    repairNodes();
    repairOutputs();
  }

private:
  void add(const std::string &name) {
    if (!name.empty() && known.insert(name).second)
      values.push_back(name);
  }

  /// Of the elements of one name the first stays.
  template <typename Repeated> void uniteNames(Repeated &list) {
    std::set<std::string> names;
    int kept = 0;
    for (int i = 0; i < list.size(); ++i)
      if (names.insert(list.Get(i).name()).second)
        list.SwapElements(i, kept++);
    list.DeleteSubrange(kept, list.size() - kept);
  }

  void giveType(onnx::ValueInfoProto &info) {
    if (info.type().has_sequence_type())
      return;
    auto *type = info.mutable_type()->mutable_tensor_type();
    if (!type->elem_type())
      type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape();
  }

  /// In the order that they have: inputs that are not known yet become other
  /// values, outputs that are known get another name.
  void repairNodes() {
    for (NodeProto &node : *graph.mutable_node()) {
      for (std::string &input : *node.mutable_input())
        if (!input.empty() && !known.count(input) && !values.empty())
          input = values[choices.below(values.size())];
      for (std::string &output : *node.mutable_output()) {
        while (known.count(output))
          output += "'";
        add(output);
      }
    }
  }

  /// A value that the file no longer makes gives way to the last one.
  void repairOutputs() {
    auto &outputs = *graph.mutable_output();
    for (auto &output : outputs) {
      giveType(output);
      if (!known.count(output.name()) && !values.empty())
        output.set_name(values.back());
    }
    uniteNames(outputs);
    uniteNames(*graph.mutable_value_info());
  }

  GraphProto &graph;
  Choices &choices;
  std::set<std::string> known;
  std::vector<std::string> values; ///< in the order of the graph
};

} // namespace

void accopt::fuzz::repairModel(onnx::ModelProto &model, Choices &choices) {
  Repair(*model.mutable_graph(), choices).run();
}

void accopt::fuzz::setOpset(onnx::ModelProto &model, int64_t version) {
  for (onnx::OperatorSetIdProto &opset : *model.mutable_opset_import())
    if (opset.domain().empty())
      opset.set_version(version);
}
