//===- Npy.h - NumPy's .npy and .npz files ----------------------*- C++ -*-===//
//
// Reads and writes arrays in NumPy's format, versions 1.0 to 3.0:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// Elements are little endian; column-major ("Fortran") arrays are brought into
// row-major order on reading. An .npz file is a zip archive of .npy members,
// stored or deflated.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SUPPORT_NPY_H
#define ACCOPT_SUPPORT_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cassert>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace accopt {

enum class NumpyType {
  Bool,
  Int8,
  Int16,
  Int32,
  Int64,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
  Float16,
  Float32,
  Float64,
};

/// Bytes of one element.
unsigned getByteWidth(NumpyType type);
/// NumPy's name, such as "float32".
llvm::StringRef getName(NumpyType type);
/// The type of that name; nothing for others.
std::optional<NumpyType> findNumpyType(llvm::StringRef name);

template <typename T> constexpr NumpyType numpyTypeOf();
template <> constexpr NumpyType numpyTypeOf<bool>() { return NumpyType::Bool; }
template <> constexpr NumpyType numpyTypeOf<int8_t>() {
  return NumpyType::Int8;
}
template <> constexpr NumpyType numpyTypeOf<int16_t>() {
  return NumpyType::Int16;
}
template <> constexpr NumpyType numpyTypeOf<int32_t>() {
  return NumpyType::Int32;
}
template <> constexpr NumpyType numpyTypeOf<int64_t>() {
  return NumpyType::Int64;
}
template <> constexpr NumpyType numpyTypeOf<uint8_t>() {
  return NumpyType::UInt8;
}
template <> constexpr NumpyType numpyTypeOf<uint16_t>() {
  return NumpyType::UInt16;
}
template <> constexpr NumpyType numpyTypeOf<uint32_t>() {
  return NumpyType::UInt32;
}
template <> constexpr NumpyType numpyTypeOf<uint64_t>() {
  return NumpyType::UInt64;
}
template <> constexpr NumpyType numpyTypeOf<float>() {
  return NumpyType::Float32;
}
template <> constexpr NumpyType numpyTypeOf<double>() {
  return NumpyType::Float64;
}

/// An array in row-major order that owns its elements. Invariant:
/// data.size() == numElements() * getByteWidth(type).
struct NumpyArray {
  NumpyType type = NumpyType::Float32;
  /// Empty for a scalar.
  llvm::SmallVector<int64_t> shape;
  std::vector<char> data;

  int64_t numElements() const;

  /// The elements as they are; T must be the array's type.
  template <typename T> llvm::ArrayRef<T> values() const {
    assert(type == numpyTypeOf<T>() && "array has another element type");
    return {reinterpret_cast<const T *>(data.data()),
            static_cast<size_t>(numElements())};
  }

  /// The elements converted one by one to float (int64 and float64 round) or to
  /// int64 (fractions are cut; what does not fit is clamped, NaN becomes 0).
  std::vector<float> toFloat() const;
  std::vector<int64_t> toInt64() const;

  /// Copies `values` into an array of `shape`.
  template <typename T>
  static NumpyArray create(llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<T> values) {
    NumpyArray array;
    array.type = numpyTypeOf<T>();
    array.shape.assign(shape.begin(), shape.end());
    array.data.resize(values.size() * sizeof(T));
    if (!values.empty())
      std::memcpy(array.data.data(), values.data(), array.data.size());
    assert(array.numElements() == static_cast<int64_t>(values.size()) &&
           "shape does not match the number of elements");
    return array;
  }
};

/// Arrays by name, in the order of the file.
using NamedNumpyArrays = std::vector<std::pair<std::string, NumpyArray>>;

/// Parses the bytes of an .npy file; `file` is what errors name.
llvm::Expected<NumpyArray> parseNpy(llvm::StringRef bytes,
                                    llvm::StringRef file);
/// Parses the bytes of an .npz file. Names lose their ".npy".
llvm::Expected<NamedNumpyArrays> parseNpz(llvm::StringRef bytes,
                                          llvm::StringRef file);

llvm::Expected<NumpyArray> readNpy(llvm::StringRef path);
llvm::Expected<NamedNumpyArrays> readNpz(llvm::StringRef path);
/// Reads either kind, told apart by its first bytes; the array of an .npy file
/// has the empty name.
llvm::Expected<NamedNumpyArrays> readNumpyFile(llvm::StringRef path);

/// The bytes of an .npy file, version 1.0 (2.0 for a header over 64 KiB).
std::string serializeNpy(const NumpyArray &array);
/// Writes whole files or none. The bytes depend on the arrays alone: members
/// are stored without compression, with the zip format's first date.
llvm::Error writeNpy(llvm::StringRef path, const NumpyArray &array);
llvm::Error writeNpz(llvm::StringRef path, const NamedNumpyArrays &arrays);

} // namespace accopt

#endif // ACCOPT_SUPPORT_NPY_H
