//===- TensorReader.h - From ONNX tensors to attributes ---------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_TENSORREADER_H
#define ACCOPT_LIB_IMPORT_TENSORREADER_H

#include "OnnxModel.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringMap.h"

namespace accopt::importer {

/// The builtin type of an ONNX element type (f16, bf16 and f64 become f32), or
/// null for those that have none here (strings, complex, float8, int4).
mlir::Type convertElementType(int onnxType, mlir::MLIRContext *context);

/// ONNX's name of an element type, e.g. "float16".
std::string elementTypeName(int onnxType);

/// Reads tensors of one model. Values of f32 and of integers stay where they
/// are: in the model's mapping, in the mapping of an external file, or in the
/// message; the attribute's blob keeps them alive.
class TensorReader {
public:
  TensorReader(std::shared_ptr<OnnxModel> model, mlir::MLIRContext *context)
      : model(std::move(model)), context(context) {}

  /// `cut` holds the values where they are not in `tensor` itself, which must
  /// then live as long as the model.
  llvm::Expected<mlir::ElementsAttr> read(const onnx::TensorProto &tensor,
                                          llvm::StringRef cut = {});

private:
  llvm::Expected<TensorBytes> locate(const onnx::TensorProto &tensor,
                                     llvm::StringRef cut);
  llvm::Expected<TensorBytes> locateExternal(const onnx::TensorProto &tensor);
  llvm::Expected<TensorBytes> mapExternal(llvm::StringRef location);

  std::shared_ptr<OnnxModel> model;
  mlir::MLIRContext *context;
  /// Mapped external files by location.
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_TENSORREADER_H
