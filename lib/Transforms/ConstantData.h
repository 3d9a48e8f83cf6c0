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

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// Row-major bytes of a constant; borrowed from the attribute where it holds
/// them aligned and in full. One element that stands for all is multiplied only
/// when the bytes are asked for.
class ConstantBytes {
public:
  /// Nothing if `attr` is neither a dense attribute nor a resource with data.
  static std::optional<ConstantBytes> get(mlir::ElementsAttr attr);

  /// The elements as T; the caller knows the element type.
  template <typename T> llvm::ArrayRef<T> as() const {
    llvm::ArrayRef<char> bytes = data();
    return {reinterpret_cast<const T *>(bytes.data()),
            bytes.size() / sizeof(T)};
  }
  llvm::ArrayRef<char> data() const;

  /// The element that all are equal to, if the attribute says so.
  template <typename T> std::optional<T> getSplat() const {
    if (splatCount == 0 || borrowed.size() != sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, borrowed.data(), sizeof(T));
    return value;
  }

  /// Takes over `bytes`.
  static ConstantBytes own(std::vector<char> bytes) {
    ConstantBytes result;
    result.owned = std::move(bytes);
    return result;
  }

private:
  llvm::ArrayRef<char> borrowed;
  /// How many copies of `borrowed` there are, or 0 if it is all.
  size_t splatCount = 0;
  mutable std::vector<char> owned;
};

/// The f32 elements of a constant value.
class ConstantFloats {
public:
  /// Nothing if `value` is absent or no f32 `nn.constant`.
  static std::optional<ConstantFloats> get(mlir::Value value);

  llvm::ArrayRef<float> values() const { return bytes.as<float>(); }
  operator llvm::ArrayRef<float>() const { return values(); }
  std::optional<float> getSplat() const { return bytes.getSplat<float>(); }

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
