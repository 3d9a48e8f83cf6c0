//===- OldOpsets.cpp - What ONNX's version converter gets wrong -----------===//
//
// What goes around the converter, is put right after it, or refused, because it
// would be read as something else.
//
//===----------------------------------------------------------------------===//

#include "OldOpsets.h"

using namespace llvm;
using namespace accopt::importer;

int accopt::importer::opsetOf(const onnx::ModelProto &model) {
  for (const onnx::OperatorSetIdProto &opset : model.opset_import())
    if (opset.domain().empty() || opset.domain() == "ai.onnx")
      return static_cast<int>(opset.version());
  return 0;
}

std::set<std::string>
accopt::importer::takeSpatialAttributes(onnx::ModelProto &model) {
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

void accopt::importer::restoreSpatialAttributes(
    onnx::ModelProto &model, const std::set<std::string> &outputs) {
  for (onnx::NodeProto &node : *model.mutable_graph()->mutable_node()) {
    if (node.output_size() == 0 || !outputs.count(node.output(0)))
      continue;
    onnx::AttributeProto *attribute = node.add_attribute();
    attribute->set_name("spatial");
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(0);
  }
}

std::vector<std::string>
accopt::importer::findOldResizes(const onnx::ModelProto &model) {
  std::vector<std::string> names;
  if (opsetOf(model) > 10)
    return names;
  for (const onnx::NodeProto &node : model.graph().node())
    if (node.op_type() == "Upsample" || node.op_type() == "Resize")
      names.push_back(node.name());
  return names;
}

void accopt::importer::sayOldResizes(onnx::ModelProto &model,
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

Error accopt::importer::refuseBatchedScan(const onnx::ModelProto &model) {
  if (opsetOf(model) != 8)
    return Error::success();
  for (const onnx::NodeProto &node : model.graph().node())
    if (node.op_type() == "Scan")
      return createStringError("node '" + node.name() +
                               "' (Scan): expected the Scan of opset 9 or "
                               "later, got that of opset 8");
  return Error::success();
}
