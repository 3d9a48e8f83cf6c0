//===- Executor.h - Running TOSA on the host --------------------*- C++ -*-===//
//
// Lowers functions of TOSA, linalg, tensor, arith, math and scf through MLIR
// and LLVM to machine code of the host and runs them: float networks for
// calibration and comparison, integer networks as proof, host segments.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_EXECUTION_EXECUTOR_H
#define ACCOPT_EXECUTION_EXECUTOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
class Value;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace accopt {

/// Integers have no sign here: uint8 is I8.
enum class ElementKind { F32, I1, I8, I16, I32, I64 };

/// Bytes of one element; a boolean takes one.
unsigned getByteWidth(ElementKind kind);
/// The template argument's kind: float, bool, int8_t to int64_t.
template <typename T> constexpr ElementKind elementKindOf();
template <> constexpr ElementKind elementKindOf<float>() {
  return ElementKind::F32;
}
template <> constexpr ElementKind elementKindOf<bool>() {
  return ElementKind::I1;
}
template <> constexpr ElementKind elementKindOf<int8_t>() {
  return ElementKind::I8;
}
template <> constexpr ElementKind elementKindOf<int16_t>() {
  return ElementKind::I16;
}
template <> constexpr ElementKind elementKindOf<int32_t>() {
  return ElementKind::I32;
}
template <> constexpr ElementKind elementKindOf<int64_t>() {
  return ElementKind::I64;
}

/// A row-major tensor that owns its elements.
struct Tensor {
  llvm::SmallVector<int64_t> shape;
  ElementKind kind = ElementKind::F32;
  std::vector<uint8_t> bytes;

  int64_t numElements() const;

  template <typename T> llvm::ArrayRef<T> values() const {
    assert(kind == elementKindOf<T>() && "tensor has another element type");
    return {reinterpret_cast<const T *>(bytes.data()),
            bytes.size() / sizeof(T)};
  }

  template <typename T>
  static Tensor create(llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<T> values) {
    Tensor tensor;
    tensor.shape.assign(shape.begin(), shape.end());
    tensor.kind = elementKindOf<T>();
    tensor.bytes.resize(values.size() * sizeof(T));
    if (!values.empty())
      std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    return tensor;
  }
};

struct ExecutorOptions {
  /// LLVM's optimization level, 0 to 3.
  unsigned optLevel = 2;
  /// Vectorize reductions along a contiguous parallel dimension before LLVM
  /// sees them. Off, the lowering is upstream MLIR's alone.
  bool vectorize = true;
};

/// A compiled function. run() may be called from several threads at once.
class Executor {
public:
  ~Executor();

  /// Compiles `function` of `module`, which stays as it is. Large constants are
  /// read where they lie in the module's context: it must outlive the executor.
  /// Everything that depends on constants alone is computed once, here.
  static llvm::Expected<std::unique_ptr<Executor>>
  create(mlir::ModuleOp module, llvm::StringRef function,
         const ExecutorOptions &options = {});

  /// The same from what toBytecode gave, in a context of its own. Refuses what
  /// is damaged, does not parse or verify, and dialects other than those named
  /// above.
  static llvm::Expected<std::unique_ptr<Executor>>
  createFromBytecode(llvm::ArrayRef<char> bytecode, llvm::StringRef function,
                     const ExecutorOptions &options = {});

  /// Runs on one tensor for each argument, of its shape and type.
  llvm::Expected<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) const;

private:
  struct Impl;
  explicit Executor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Bytecode of a module and, after it, its SHA-256; the bytes depend on the
/// module alone.
std::string toBytecode(mlir::ModuleOp module);

/// Called with a value of the original function, its elements in ONNX's layout,
/// and their shape.
using ValueCallback =
    llvm::function_ref<void(mlir::Value value, llvm::ArrayRef<float> data,
                            llvm::ArrayRef<int64_t> shape)>;

/// Runs float nn functions and shows every intermediate value.
class IntermediateRunner {
public:
  ~IntermediateRunner();
  /// Compiles `nnFunction` so that each f32 result of an op other than a
  /// constant is returned.
  static llvm::Expected<std::unique_ptr<IntermediateRunner>>
  create(mlir::func::FuncOp nnFunction, const ExecutorOptions &options = {});

  /// Runs on one sample (one tensor for each argument) and calls back for the
  /// f32 arguments, then for the ops' f32 results, in program order.
  llvm::Error run(llvm::ArrayRef<Tensor> inputs, ValueCallback callback) const;

private:
  struct Impl;
  explicit IntermediateRunner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// IntermediateRunner for a single sample.
llvm::Error runWithIntermediates(mlir::func::FuncOp nnFunction,
                                 llvm::ArrayRef<Tensor> inputs,
                                 ValueCallback callback);

} // namespace accopt

#endif // ACCOPT_EXECUTION_EXECUTOR_H
