//===- GraphBuilder.h - Nodes, names, initializers --------------*- C++ -*-===//
//
// What the exporter of ops writes into. ONNX wants every node and every value
// to have a name of its own; here they are made unique, in order of arrival,
// and what a node was meant to be called goes into its metadata, where the
// importer looks for it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_EXPORT_GRAPHBUILDER_H
#define ACCOPT_LIB_EXPORT_GRAPHBUILDER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/onnx_pb.h>

#include <string>

namespace accopt::exporter {

/// A node whose attributes are still to be set.
class Node {
public:
  explicit Node(onnx::NodeProto &proto) : proto(proto) {}

  Node &set(llvm::StringRef name, int64_t value);
  Node &set(llvm::StringRef name, float value);
  Node &set(llvm::StringRef name, llvm::StringRef value);
  Node &set(llvm::StringRef name, llvm::ArrayRef<int64_t> values);

  /// Of its only output.
  std::string output() const { return proto.output(0); }
  std::string name() const { return proto.name(); }

private:
  onnx::AttributeProto &add(llvm::StringRef name,
                            onnx::AttributeProto::AttributeType type);

  onnx::NodeProto &proto;
};

class GraphBuilder {
public:
  explicit GraphBuilder(onnx::GraphProto &graph) : graph(graph) {}

  /// Keeps a name for a value that is to come: an input or output.
  void reserve(llvm::StringRef value) { values.insert(value); }

  /// Inputs that are "" are left out. The output is called `output`, or after
  /// the node where that is empty.
  Node addNode(llvm::StringRef type, llvm::StringRef wantedName,
               llvm::ArrayRef<std::string> inputs, llvm::StringRef output = "");

  /// Initializers; each returns the name that it got.
  std::string addConstant(llvm::StringRef wantedName, mlir::ElementsAttr value);
  std::string addInts(llvm::StringRef wantedName,
                      llvm::ArrayRef<int64_t> values);
  std::string addScalar(llvm::StringRef wantedName, float value);
  /// A scalar if there is one value, else a vector.
  std::string addFloats(llvm::StringRef wantedName,
                        llvm::ArrayRef<float> values);
  std::string addInt8(llvm::StringRef wantedName,
                      llvm::ArrayRef<int8_t> values);

private:
  static std::string makeUnique(llvm::StringRef wanted,
                                llvm::StringSet<> &taken);
  onnx::TensorProto &addTensor(llvm::StringRef wantedName, int type,
                               llvm::ArrayRef<int64_t> shape);

  onnx::GraphProto &graph;
  llvm::StringSet<> values, nodes;
};

/// Element type and shape of a tensor of f32.
void setFloatType(onnx::ValueInfoProto &info, mlir::RankedTensorType type);

} // namespace accopt::exporter

#endif // ACCOPT_LIB_EXPORT_GRAPHBUILDER_H
