//===- ConstantData.h - Elements of constants -------------------*- C++ -*-===//
//
// Reading weights without a copy, and making new constants whose memory is
// written once. Small constants become dense attributes, which print readably;
// large ones become resources, which MLIR neither hashes nor copies.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_CONSTANTDATA_H
#define ACCOPT_LIB_TRANSFORMS_CONSTANTDATA_H

#include "dialects/NN/NNOps.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// Row-major elements of a constant, where the attribute holds them. Those over
/// a mapped file may start at any byte, and one element may stand for all;
/// whole arrays are copied only for those, and only when asked for.
class ConstantBytes {
public:
  /// Nothing if `attr` is neither a dense attribute nor a resource with data.
  static std::optional<ConstantBytes> get(mlir::ElementsAttr attr);
  /// Takes over `bytes`, whose elements have `width` bytes.
  static ConstantBytes own(std::vector<char> bytes, unsigned width);

  /// The elements as T; the caller knows the element type.
  template <typename T> llvm::ArrayRef<T> as() const {
    llvm::ArrayRef<char> bytes = data();
    return {reinterpret_cast<const T *>(bytes.data()),
            bytes.size() / sizeof(T)};
  }
  /// Whether one element stands for several.
  bool hasOneValue() const { return isSplat; }
  /// All bytes, aligned to the element type.
  llvm::ArrayRef<char> data() const;

  /// Elements [first, first + size), in place or in `scratch`, which serves
  /// this constant only: the way to read large constants row by row.
  template <typename T>
  llvm::ArrayRef<T> slice(size_t first, size_t size,
                          std::vector<T> &scratch) const {
    if (isInPlace())
      return as<T>().slice(first, size);
    // What stands for all elements is written once.
    if (isSplat && scratch.size() == size)
      return scratch;
    scratch.resize(size);
    copyTo(first, size, scratch.data());
    return scratch;
  }

private:
  bool isInPlace() const { return !needsCopy || !copied.empty(); }
  void copyTo(size_t first, size_t size, void *out) const;

  llvm::ArrayRef<char> borrowed;
  unsigned width = 1;
  size_t count = 0;
  bool isSplat = false;
  bool needsCopy = false;
  mutable std::vector<char> copied;
};

/// The f32 elements of a constant value.
class ConstantFloats {
public:
  /// Nothing if `value` is absent or no f32 `nn.constant`.
  static std::optional<ConstantFloats> get(mlir::Value value);

  llvm::ArrayRef<float> values() const { return bytes.as<float>(); }
  operator llvm::ArrayRef<float>() const { return values(); }
  bool hasOneValue() const { return bytes.hasOneValue(); }
  /// See ConstantBytes::slice.
  llvm::ArrayRef<float> slice(size_t first, size_t size,
                              std::vector<float> &scratch) const {
    return bytes.slice(first, size, scratch);
  }

private:
  friend std::optional<ConstantFloats> readDequantized(mlir::Value value);

  ConstantBytes bytes;
};

/// The same, through a `quant.dcast` of a constant of integers: what the
/// dequantized constant holds. Nothing for null and for what is no constant.
std::optional<ConstantFloats> readDequantized(mlir::Value value);

/// Whether `value` is an `nn.constant`, or a `quant.dcast` of one.
bool isConstantLike(mlir::Value value);

/// Whether `value` is an `nn.constant` of f32.
bool isFloatConstant(mlir::Value value);

/// A constant of `type` whose memory `fill` writes; for a quantized element
/// type the storage integers. T is the storage type in C++.
template <typename T>
mlir::Value
createConstant(mlir::OpBuilder &builder, mlir::Location loc,
               mlir::RankedTensorType type,
               llvm::function_ref<void(llvm::MutableArrayRef<T>)> fill);

/// The same from elements that exist already.
template <typename T>
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::RankedTensorType type,
                           llvm::ArrayRef<T> values) {
  return createConstant<T>(
      builder, loc, type,
      [&](llvm::MutableArrayRef<T> out) { llvm::copy(values, out.begin()); });
}

/// The same from bytes, for ops that move elements of any type.
mlir::Value
createRawConstant(mlir::OpBuilder &builder, mlir::Location loc,
                  mlir::RankedTensorType type,
                  llvm::function_ref<void(llvm::MutableArrayRef<char>)> fill);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_CONSTANTDATA_H
