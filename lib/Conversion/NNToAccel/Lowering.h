//===- Lowering.h - State of the conversion from nn to accel ----*- C++ -*-===//
//
// Part of AccOpt. An nn value lives on as an accel value whose dimensions may
// be stored in another order: transposing an nn value only renames dimensions,
// and data moves where an op asks for an order that the value does not have.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CONVERSION_NNTOACCEL_LOWERING_H
#define ACCOPT_LIB_CONVERSION_NNTOACCEL_LOWERING_H

#include "accopt/Target/Arithmetic.h"
#include "dialects/Accel/AccelOps.h"
#include "dialects/NN/NNConstantUses.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace accopt {

using Shape = llvm::SmallVector<int64_t>;

/// Channels that are stored in another order than the model's: the model
/// merged dimensions (its channel shuffle) that lie in memory in the order of
/// `sizes`, and wanted them in the order `perm` of those.
struct Shuffle {
  Shape sizes, perm;
  /// Where the model's channel c is stored.
  Shape channels() const;
};

/// Dimension i of `value` is dimension order[i] of the nn value.
struct Stored {
  mlir::Value value;
  Shape order;
  /// Of the last dimension stored, if its elements are not in order.
  std::optional<Shuffle> shuffle = std::nullopt;
};

/// Per-tensor parameters of an activation.
struct ActivationQuant {
  double scale = 1;
  int32_t zeroPoint = 0;
  int32_t low = -128, high = 127; ///< the storage range
  bool isWide = false;            ///< int16, of 9 to 16 bits
  /// A bound of real values over the scale, as a power of two.
  double reach() const { return isWide ? 0x1p15 : 0x1p8; }
  bool operator==(const ActivationQuant &) const = default;
};

/// The fewest bits, 2 to 16, whose two's complement holds [low, high].
int32_t bitsOfRange(int64_t low, int64_t high);

/// The integers without a sign that hold a value which is not quantized.
mlir::RankedTensorType storedType(mlir::Value value);

/// Parameters of an activation's type; nothing where it is neither `i8` nor
/// `i16` per tensor.
std::optional<ActivationQuant> activationQuant(mlir::Value value);
llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
/// 0, 1, 2, ...
Shape identityOrder(size_t rank);
/// Batch, spatial dimensions, channels.
Shape channelsLast(size_t rank);

/// Fixed-point form of a factor. Factors too small for 62 bits of shift become
/// the smallest, which rounds every int32 to at most one.
ScaleFactor scaleOrTiny(double real);
accel::ScaleAttr scaleAttr(mlir::MLIRContext *context, double real);
/// round(real / scale) + zero point, saturated to the storage range.
int32_t quantizeReal(double real, ActivationQuant quant);
/// The bounds of a clamp that makes `result`, of the type's where there is
/// none. A positive lower bound (a negative upper one) excludes zero: one that
/// rounds to it is one step away from it where what reads the result has a pole
/// there, as a logarithm and a quotient have.
ActivationQuant clamped(mlir::Value result, ActivationQuant quant,
                        std::optional<llvm::APFloat> low,
                        std::optional<llvm::APFloat> high);

/// Converts the ops of one function, one after another.
class Lowering {
public:
  /// `target` is an empty function; results and arguments are added to it.
  /// `uses` of the constants, to free those that are converted, or null.
  Lowering(mlir::func::FuncOp source, mlir::func::FuncOp target,
           nn::ConstantUses *uses);

  mlir::LogicalResult run();

private:
  nn::ConstantUses *uses;
  // Values and layouts (Layout.cpp).
  /// The accel value of `value` with its dimensions in `order`, moved if need
  /// be. Constants are reordered now.
  mlir::Value get(mlir::Value value, llvm::ArrayRef<int64_t> order);
  /// As it is stored; shuffled channels are put in order.
  Stored stored(mlir::Value value);
  /// The shuffle of a value whose dimensions are stored in `order`.
  std::optional<Shuffle> shuffleOf(mlir::Value value,
                                   llvm::ArrayRef<int64_t> order) const;
  void set(mlir::Value value, mlir::Value converted,
           llvm::ArrayRef<int64_t> order);
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  /// Reorders dimensions: by renaming where only dimensions of one move.
  mlir::Value reorder(mlir::Value value, llvm::ArrayRef<int64_t> from,
                      llvm::ArrayRef<int64_t> to);
  mlir::Value constantI8(llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<int8_t> values);
  /// Of many elements, which `fill` writes where they stay.
  mlir::Value
  constantI8(llvm::ArrayRef<int64_t> shape,
             llvm::function_ref<void(llvm::MutableArrayRef<int8_t>)> fill);
  /// The elements of `constant` with another shape: the same resource, or one
  /// value for all. Null where it is neither, or not of int8.
  mlir::Value sharedI8(llvm::ArrayRef<int64_t> shape, nn::ConstantOp constant);
  mlir::Value constantI16(llvm::ArrayRef<int64_t> shape,
                          llvm::ArrayRef<int16_t> values);
  mlir::Value constantI32(llvm::ArrayRef<int32_t> values);
  /// The integers that hold an activation.
  mlir::Type elementType(const ActivationQuant &quant) {
    return builder.getIntegerType(quant.isWide ? 16 : 8);
  }
  mlir::Type elementType(mlir::Value activation);
  /// If the parameters of the two differ, a table that maps one to the other,
  /// or, where one is wide, a rescale.
  mlir::Value requantize(mlir::Value value, ActivationQuant from,
                         ActivationQuant to);
  /// A rescale from one scale to the other: the sum of a window of one tap.
  mlir::Value rescale(mlir::Value value, ActivationQuant from,
                      ActivationQuant to);
  /// Stores `value` as the result of an op that only moves data from `input`.
  void setMoved(mlir::Value result, mlir::Value input, mlir::Value value,
                llvm::ArrayRef<int64_t> order);

  // Ops. Each returns failure() with no diagnostic where the array and the
  // vector unit cannot run it, having said why in `reason`; then the host does.
  mlir::LogicalResult convert(mlir::Operation *op);
  // LinearOps.cpp
  mlir::LogicalResult convertOp(nn::ConvOp op);
  mlir::LogicalResult convertOp(nn::GemmOp op);
  accel::RequantAttr requant(mlir::Operation *op, mlir::Value result,
                             llvm::ArrayRef<double> accumulatorScales,
                             mlir::Value residual,
                             std::optional<llvm::APFloat> clampMin,
                             std::optional<llvm::APFloat> clampMax);
  // WindowOps.cpp
  mlir::LogicalResult convertOp(nn::MaxPoolOp op);
  mlir::LogicalResult convertOp(nn::AveragePoolOp op);
  mlir::LogicalResult convertOp(nn::ReduceMeanOp op);
  // ElementwiseOps.cpp
  mlir::LogicalResult convertBinary(mlir::Operation *op);
  mlir::LogicalResult convertUnary(mlir::Operation *op);
  using RealFunction = llvm::function_ref<double(double)>;
  mlir::Value lookup(mlir::Value value, ActivationQuant in, ActivationQuant out,
                     RealFunction function);
  mlir::Value clampWide(mlir::Operation *op, mlir::Value value,
                        ActivationQuant in, ActivationQuant out);
  /// Null, with the `reason`, where lines do not follow the function.
  mlir::Value interpolate(mlir::Value value, ActivationQuant in,
                          ActivationQuant out, RealFunction function);
  // ShapeOps.cpp
  mlir::LogicalResult convertOp(nn::ConstantOp op);
  mlir::LogicalResult convertOp(nn::ReshapeOp op);
  mlir::LogicalResult convertOp(nn::TransposeOp op);
  mlir::LogicalResult convertOp(nn::ConcatOp op);
  mlir::LogicalResult convertOp(nn::SliceOp op);
  mlir::LogicalResult convertOp(nn::PadOp op);
  // ResampleOps.cpp
  mlir::LogicalResult convertOp(nn::ResampleOp op);
  mlir::LogicalResult convertCopies(nn::ResampleOp op);
  mlir::LogicalResult convertSums(nn::ResampleOp op);
  // HostOps.cpp
  mlir::LogicalResult convertToHost(mlir::Operation *op);
  /// An op that takes or gives floats or integers: a reshape renames, all else
  /// is the host's.
  mlir::LogicalResult convertUnquantized(mlir::Operation *op);

  mlir::LogicalResult convertArguments();
  mlir::LogicalResult convertReturn(mlir::Operation *op);
  /// The attributes by which a binary's table describes a network's tensor.
  mlir::DictionaryAttr describe(mlir::Value value, mlir::StringRef name,
                                llvm::ArrayRef<int64_t> order);
  mlir::LogicalResult refuse(const llvm::Twine &why);

  mlir::func::FuncOp source, target;
  mlir::ImplicitLocOpBuilder builder;
  llvm::DenseMap<mlir::Value, Stored> values;
  llvm::SmallVector<mlir::DictionaryAttr> argumentAttributes, resultAttributes;
  std::string reason;
  unsigned hostFunctions = 0;
};

} // namespace accopt

#endif // ACCOPT_LIB_CONVERSION_NNTOACCEL_LOWERING_H
