//===- Import.h - From an ONNX file to the nn dialect -----------*- C++ -*-===//
//
// The file is mapped and its weights stay in the mapping; what is left of it
// goes through ONNX's own checker, inliner, shape inference and version
// converter (to opset 25), and then node by node into the nn dialect. Shape
// arithmetic is computed away. See docs/Design/Import.md.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_IMPORT_IMPORT_H
#define ACCOPT_IMPORT_IMPORT_H

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlir {
class MLIRContext;
class ModuleOp;
} // namespace mlir

namespace accopt {

struct ImportOptions {
  /// Shapes by input name; they replace the model's own, symbolic or not.
  llvm::StringMap<llvm::SmallVector<int64_t>> inputShapes;
  /// Inputs that are constants of the compiled network, by name: the elements,
  /// or one number for all of them.
  llvm::StringMap<llvm::SmallVector<double>> inputValues;
  /// Tensors at which the network begins and ends, by name; where there are
  /// none, at its own inputs and outputs. Nothing is asked of what is left out.
  std::vector<std::string> inputs, outputs;
};

/// Reads the ONNX model `path` into a module with one function `main` on
/// tensors of static shape, in ONNX's layout; floats of any width become f32.
/// Arguments and results carry `nn.name`, ONNX's input and output names; the
/// module carries `nn.model_name` (the file's stem) and `nn.sha256` (of the
/// file's bytes, lower-case hex). Every op's location is its ONNX node's name.
///
/// On failure the result is null and `errors` has got one line `error: FILE:
/// ...`; where nodes are not supported, one line for each of them. The context
/// must have the dialects nn, quant and func.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             const ImportOptions &options,
                                             mlir::MLIRContext &context,
                                             llvm::raw_ostream &errors);

/// An ONNX operator that can be imported, and to what extent.
struct SupportedOp {
  llvm::StringLiteral name;
  llvm::StringLiteral note;
  /// Which units run it.
  llvm::StringLiteral where;
  bool quantizable, trainable;
};

/// Every operator that can be imported, sorted by name.
llvm::ArrayRef<SupportedOp> supportedOps();

enum class OpSupportFormat { Text, Markdown, Json };

/// Writes supportedOps(); but for the text with what ONNX's own schemas say of
/// opsets, element types and attributes.
void writeOpSupport(OpSupportFormat format, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_IMPORT_IMPORT_H
