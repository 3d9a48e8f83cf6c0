//===- NodeImporter.h - What a handler of an operator works with *- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_NODEIMPORTER_H
#define ACCOPT_LIB_IMPORT_NODEIMPORTER_H

#include "HostTensor.h"
#include "OnnxModel.h"
#include "dialects/NN/NNOps.h"
#include "mlir/IR/Builders.h"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace accopt::importer {

/// What a value of the ONNX graph has become. Exactly one of `value` and
/// `constant` is set at first; a constant becomes a value when an op needs it.
struct Entry {
  mlir::Value value;
  mlir::ElementsAttr constant;
  /// Location of the nn.constant that a constant may become.
  mlir::LocationAttr loc;
  /// Its node could not be imported, which has been reported.
  bool failed = false;
  /// Where `value` stands for integers without holding them (a quantized
  /// tensor, the real sums of a MatMulInteger): their type in the file.
  mlir::Type integers;
  /// The integers themselves, once an op has needed them (IntegerValues.h).
  mlir::Value held;

  mlir::RankedTensorType type() const {
    return llvm::cast<mlir::RankedTensorType>(
        value ? value.getType() : mlir::Type(constant.getShapedType()));
  }
};

/// The nodes of a graph, bodies of nodes included, that read each value.
using ValueUses = std::map<std::string, std::vector<const onnx::NodeProto *>>;

/// One node on its way in: typed access to its attributes, inputs and outputs.
/// Functions that fail have recorded the node's one error.
class NodeImporter {
public:
  NodeImporter(const onnx::NodeProto &node, mlir::Location loc,
               mlir::OpBuilder &builder)
      : proto(node), loc(loc), builder(builder) {}

  const onnx::NodeProto &proto;
  mlir::Location loc;
  mlir::OpBuilder &builder;
  /// Null for an optional input that is absent.
  llvm::SmallVector<Entry *> inputs;
  std::vector<Entry> outputs;
  /// Whether anything reads output i.
  llvm::SmallVector<bool> outputUsed;
  /// Whether it is an output of the network.
  llvm::SmallVector<bool> outputLeaves;
  std::string reason;
  /// The reason is that a constant was expected where a value is computed: what
  /// shape the result has depends on data, or may.
  bool dependsOnData = false;
  /// Who reads what in the graph.
  const ValueUses *uses = nullptr;
  /// Entries of this node alone, in the place of those that are read.
  std::deque<Entry> ownEntries;
  /// Imports a graph of the node's attributes at this place: its inputs are
  /// `arguments`, its outputs become `results`. A failure has been reported.
  std::function<llvm::LogicalResult(const onnx::GraphProto &,
                                    llvm::ArrayRef<Entry>,
                                    llvm::SmallVectorImpl<Entry> &)>
      importBody;

  //===--- Errors ---------------------------------------------------------===//

  /// Records why the node cannot be imported; the first reason counts.
  llvm::LogicalResult error(const llvm::Twine &message);

  //===--- Attributes -----------------------------------------------------===//

  const onnx::AttributeProto *attribute(llvm::StringRef name) const;
  int64_t intAttr(llvm::StringRef name, int64_t missing) const;
  float floatAttr(llvm::StringRef name, float missing) const;
  std::string stringAttr(llvm::StringRef name, llvm::StringRef missing) const;
  std::optional<Shape> intsAttr(llvm::StringRef name) const;

  //===--- Inputs ---------------------------------------------------------===//

  bool hasInput(size_t i) const { return i < inputs.size() && inputs[i]; }
  /// Input i as an operand, made a constant op where it is one. Null and an
  /// error where it is missing or neither f32 nor quantized.
  mlir::Value operand(size_t i);
  /// The same for any numbers.
  mlir::Value number(size_t i);
  llvm::ArrayRef<int64_t> shape(size_t i) {
    return inputs[i]->type().getShape();
  }
  int64_t rank(size_t i) { return inputs[i]->type().getRank(); }
  /// Input i as a small constant. `what` names it in the error.
  std::optional<HostTensor> host(size_t i, llvm::StringRef what);
  /// Input i as a list of integers.
  std::optional<Shape> ints(size_t i, llvm::StringRef what);
  /// The value of a constant scalar, `missing` where there is no input i.
  std::optional<float> scalar(size_t i, llvm::StringRef what, float missing);
  /// The same for a constant integer.
  std::optional<int64_t> integer(size_t i, llvm::StringRef what,
                                 int64_t missing);
  /// `axis` counted from the front, in [0, rank) (or [0, rank] with
  /// `endAllowed`).
  std::optional<int64_t> axis(int64_t axis, int64_t rank,
                              bool endAllowed = false);
  /// All of `axes`, sorted and unique.
  std::optional<Shape> axes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  //===--- Results --------------------------------------------------------===//

  /// Creates an op, infers its result's type and verifies it. Null and an error
  /// where the operands and attributes do not fit.
  template <typename Op, typename... Args> mlir::Value emit(Args &&...args) {
    auto placeholder = mlir::RankedTensorType::get({}, builder.getF32Type());
    return finish(
        Op::create(builder, loc, placeholder, std::forward<Args>(args)...));
  }
  /// A reshape of `input`, or `input` itself where the shape is the same.
  mlir::Value reshape(mlir::Value input, llvm::ArrayRef<int64_t> shape);
  mlir::Value constant(mlir::ElementsAttr value);
  /// f32 constant.
  mlir::Value constant(llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<float> values);
  mlir::Value constantI64(llvm::ArrayRef<int64_t> shape,
                          llvm::ArrayRef<int64_t> values);

  /// Success where `value` is not null, which becomes output i.
  llvm::LogicalResult setOutput(size_t i, mlir::Value value);
  llvm::LogicalResult setOutput(size_t i, mlir::ElementsAttr constant);
  /// Output i is input j, constant or not.
  llvm::LogicalResult forward(size_t output, size_t input);

  mlir::FloatAttr f32(float value) { return builder.getF32FloatAttr(value); }
  mlir::IntegerAttr i64(int64_t value) {
    return builder.getI64IntegerAttr(value);
  }
  mlir::BoolAttr boolean(bool value) { return builder.getBoolAttr(value); }
  mlir::DenseI64ArrayAttr array(llvm::ArrayRef<int64_t> values) {
    return builder.getDenseI64ArrayAttr(values);
  }

  /// Infers the result's type where the op can, and verifies it; its result, or
  /// null and an error.
  mlir::Value finish(mlir::Operation *op);
};

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_NODEIMPORTER_H
