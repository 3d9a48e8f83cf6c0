//===- QuantizeAnalysis.h - Which values share which type -------*- C++ -*-===//
//
// The half of quantization that changes no IR. Every activation is put into a
// class of values that share a type (TiedValues). Ops that only move or select
// data tie their operands to their result; casts that a QDQ model brings fix
// the type of a class. quantize() rewrites by it, planQuantization() shows it,
// and applyPlan() writes it into the function as casts.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRANSFORMS_QUANTIZEANALYSIS_H
#define ACCOPT_LIB_TRANSFORMS_QUANTIZEANALYSIS_H

#include "HostPlacement.h"
#include "TiedValues.h"

#include "accopt/Transforms/Pipelines.h"
#include "accopt/Transforms/QuantParams.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

#include <string>

namespace accopt {

/// Whether the result of `op` holds nothing but elements of its operands.
bool movesData(mlir::Operation *op);
/// Whether operand `index` is a constant of an op that only the host runs, in
/// float: it keeps its type.
bool isHostParameter(mlir::Operation *op, unsigned index);
/// Whether the results of `op` lie in [0, 1] whatever the data is.
bool isUnitInterval(mlir::Operation *op);
/// Whether `asked` is `name` (nameValues()) or one of the nodes that were fused
/// into it.
bool isNamed(llvm::StringRef name, llvm::StringRef asked);
/// Whether `op` is a quant.qcast or quant.dcast.
bool isCast(mlir::Operation *op);
/// Whether the result of `op` can be bounded by attributes (of a `relu`, by
/// those of the `clip` that replaces it).
bool isClampable(mlir::Operation *op);

/// The type of an activation: int8 storage, or int16 where more than 8 bits are
/// used, of which `integers` are used.
mlir::quant::UniformQuantizedType getActivationType(mlir::MLIRContext *context,
                                                    QuantParams params,
                                                    IntegerRange integers = {});

/// Values that share a type.
struct QuantizedClass {
  /// Everything, in program order; arguments first.
  llvm::SmallVector<mlir::Value> members;
  /// Arguments, and results of ops that compute.
  llvm::SmallVector<mlir::Value> sources;
  llvm::SmallVector<mlir::Value> constants;
  llvm::SmallVector<mlir::Operation *> movements;
  /// What the model's own casts say; null without.
  mlir::quant::UniformQuantizedType castType;
  /// An argument or a result of the function is in it.
  bool reachesBoundary = false;
  /// Values of another type come in through a conversion.
  bool isConverted = false;

  /// Whether clamps can keep all values within fewer than 8 bits.
  bool canNarrow() const;
  /// Whether the ops that make the values define its type.
  bool isDefined() const;
};

class QuantizationAnalysis {
public:
  QuantizationAnalysis(mlir::func::FuncOp func, const RangeTable &table,
                       const ActivationBits &bits = {})
      : func(func), table(table), bits(bits), names(nameValues(func)),
        placement(func) {}

  /// Finds the classes. Emits an error where the quantized form cannot say what
  /// the function says.
  mlir::LogicalResult run();
  /// Gives every class its range. Emits an error where the table has none.
  mlir::LogicalResult addRanges();
  /// The same for the classes that hold nothing but constants.
  mlir::LogicalResult addConstantRanges();
  /// addRanges(), and then every class's type.
  mlir::LogicalResult chooseTypes();

  llvm::ArrayRef<QuantizedClass> getClasses() const { return classes; }
  const QuantizedClass *findClass(mlir::Value value) const;
  bool contains(mlir::Value value) const { return values.contains(value); }
  /// What the host runs in floats, and the values that stay as they are.
  const HostPlacement &getPlacement() const { return placement; }
  /// After chooseTypes().
  mlir::quant::UniformQuantizedType getType(mlir::Value value) const {
    return values.getType(value);
  }
  /// After addRanges().
  Range getRange(mlir::Value value) const {
    return values.getRange(value).value_or(Range{0.0, 0.0});
  }
  const llvm::MapVector<mlir::Value, std::string> &getNames() const {
    return names;
  }
  /// Whether operand `index` is weights or bias and not an activation.
  static bool isParameter(mlir::Operation *op, unsigned index);

  /// `type`, or the part of it with fewer bits that clamps leave.
  mlir::quant::UniformQuantizedType
  narrow(const QuantizedClass &found,
         mlir::quant::UniformQuantizedType type) const;

  /// Operands that must be converted to the type of their op's result.
  llvm::ArrayRef<mlir::OpOperand *> getConversions() const {
    return conversions;
  }
  /// Whether a cast converts between two quantized types.
  bool isConverting(mlir::Operation *cast) const {
    return convertingCasts.contains(cast);
  }

private:
  mlir::LogicalResult check(mlir::Operation *op) const;
  void insertValues();
  mlir::LogicalResult takeCasts();
  void tieValues();
  void makeClasses();
  mlir::LogicalResult addRange(mlir::Value value);
  mlir::LogicalResult checkBits();
  unsigned getBits(const QuantizedClass &found) const;
  unsigned getAskedBits(mlir::Value member) const;
  mlir::LogicalResult chooseType(const QuantizedClass &found);

  mlir::func::FuncOp func;
  const RangeTable &table;
  ActivationBits bits;
  llvm::MapVector<mlir::Value, std::string> names;
  HostPlacement placement;
  TiedValues values;
  std::vector<QuantizedClass> classes;
  llvm::DenseMap<mlir::Value, size_t> classOf;
  llvm::SmallVector<mlir::OpOperand *> conversions;
  llvm::DenseSet<mlir::Operation *> convertingCasts;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_QUANTIZEANALYSIS_H
