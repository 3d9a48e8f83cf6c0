//===- TiedValues.h - Values that share a quantization ----------*- C++ -*-===//
//
// Union-find over the activations of a function. A class of values has one
// quantized type: the one that a QDQ model brings for a member, or one chosen
// for the union of the ranges of its members.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_TIEDVALUES_H
#define ACCOPT_LIB_TRANSFORMS_TIEDVALUES_H

#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <vector>

namespace accopt {

class TiedValues {
public:
  /// Makes `value` a class of its own, unless it is in one.
  void insert(mlir::Value value);
  bool contains(mlir::Value value) const { return numbers.contains(value); }

  /// Joins the classes of `a` and `b`; false, changing nothing, if both have
  /// types and these differ.
  bool tie(mlir::Value a, mlir::Value b);

  /// Gives the class of `value` a type that is not to be chosen; false if it
  /// has another one.
  bool setType(mlir::Value value, mlir::quant::UniformQuantizedType type);
  /// Gives the class of `value` a type in place of the one it has.
  void replaceType(mlir::Value value, mlir::quant::UniformQuantizedType type) {
    classes[find(value)].type = type;
  }
  /// Widens the range of the class of `value`.
  void addRange(mlir::Value value, Range range);

  bool areTied(mlir::Value a, mlir::Value b) const {
    return find(a) == find(b);
  }
  /// All values, in the order in which they came.
  llvm::ArrayRef<mlir::Value> getValues() const { return order; }
  /// A number that values of one class share.
  size_t find(mlir::Value value) const;
  /// Null if the class has none yet.
  mlir::quant::UniformQuantizedType getType(mlir::Value value) const {
    return classes[find(value)].type;
  }
  std::optional<Range> getRange(mlir::Value value) const {
    return classes[find(value)].range;
  }

private:
  struct Class {
    size_t parent;
    mlir::quant::UniformQuantizedType type;
    std::optional<Range> range;
  };

  llvm::DenseMap<mlir::Value, size_t> numbers;
  std::vector<mlir::Value> order;
  std::vector<Class> classes;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_TIEDVALUES_H
