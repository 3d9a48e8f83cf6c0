//===- Exporter.h - One walk over a function --------------------*- C++ -*-===//
//
// Export.cpp has names, values and the model; ExportOps.cpp the ops of nn;
// ExportCasts.cpp the casts around quantized values.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_EXPORT_EXPORTER_H
#define ACCOPT_LIB_EXPORT_EXPORTER_H

#include "GraphBuilder.h"

#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace accopt::exporter {

/// What a cast is called after the value that it casts.
inline constexpr llvm::StringLiteral quantizeSuffix = "/QuantizeLinear";
inline constexpr llvm::StringLiteral dequantizeSuffix = "/DequantizeLinear";

/// The attribute `name` of `op` as a bound; nothing where it has none.
std::optional<float> getBound(mlir::Operation *op, llvm::StringRef name);

/// Exports one function, once.
class Exporter {
public:
  explicit Exporter(mlir::func::FuncOp function)
      : function(function), builder(*model.mutable_graph()),
        names(nameValues(function)) {}

  llvm::Expected<std::string> run();

private:
  void addInputs();
  void nameOutputs();
  llvm::Error addOutputs();
  llvm::Error exportOp(mlir::Operation *op);
  /// Fails where a constant that was written had no data.
  llvm::Error checkConstants() const;
  bool exportLinear(mlir::Operation *op);
  bool exportElementwise(mlir::Operation *op);
  bool exportWindow(mlir::Operation *op);
  bool exportMovement(mlir::Operation *op);
  bool exportCast(mlir::Operation *op);

  /// The name of a value; constants are written at their first use.
  std::string use(mlir::Value value);
  /// Writes what computes `op`'s result, with Add and Clip after it where it
  /// has a residual and a clamp.
  void addFused(
      mlir::Operation *op, llvm::StringRef type,
      llvm::ArrayRef<std::string> inputs, mlir::Value residual,
      llvm::function_ref<void(Node)> setAttributes = [](Node) {});
  Node add(mlir::Operation *op, llvm::StringRef type,
           llvm::ArrayRef<std::string> inputs) {
    return finish(op, builder.addNode(type, nameOf(op), inputs,
                                      outputs.lookup(op->getResult(0))));
  }
  Node finish(mlir::Operation *op, Node node) {
    known[op->getResult(0)] = node.output();
    return node;
  }
  Node addClip(llvm::StringRef name, std::string input,
               std::optional<float> low, std::optional<float> high,
               llvm::StringRef output);
  /// Inputs of a cast after the first.
  llvm::SmallVector<std::string> addParams(llvm::StringRef base,
                                           mlir::quant::QuantizedType type);

  std::string nameOf(mlir::Operation *op) const;
  llvm::Error fail(mlir::Operation *op, const llvm::Twine &message) const {
    return llvm::createStringError("node '" + nameOf(op) + "' (" +
                                   op->getName().getStringRef() +
                                   "): " + message);
  }

  mlir::func::FuncOp function;
  onnx::ModelProto model;
  GraphBuilder builder;
  llvm::MapVector<mlir::Value, std::string> names;
  llvm::DenseMap<mlir::Value, std::string> known;
  /// Of results that nothing else has to be called.
  llvm::DenseMap<mlir::Value, std::string> outputs;
  std::vector<std::string> outputNames;
  /// A constant whose data is missing.
  mlir::Operation *missing = nullptr;
};

} // namespace accopt::exporter

#endif // ACCOPT_LIB_EXPORT_EXPORTER_H
