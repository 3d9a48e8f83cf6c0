//===- Converter.h - State of one conversion from nn to TOSA ----*- C++ -*-===//
//
// Private to NNToTosa. ONNX lays tensors out with channels first, TOSA's
// windowed ops want them last. Each nn value therefore has up to two forms in
// TOSA, made on demand and kept: elementwise ops follow the form that their
// operands have, so that a chain of convolutions is transposed only at its
// ends.
//
// The form with channels last has rank 4 (N, H, W, C); a value of rank 3
// (N, C, L) has H = 1 there. Values of other ranks have no such form.
//
// Values of quantized types are computed as floats: dequantized when read,
// quantized when set. Their storage integers are kept as well.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CONVERSION_NNTOTOSA_CONVERTER_H
#define ACCOPT_LIB_CONVERSION_NNTOTOSA_CONVERTER_H

#include "accopt/Conversion/TosaBuilder.h"

#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/DenseMap.h"

namespace accopt {

enum class Layout { ChannelsFirst, ChannelsLast };

class Converter {
public:
  using Value = mlir::Value;
  using Shape = llvm::ArrayRef<int64_t>;

  explicit Converter(TosaBuilder &builder) : b(builder) {}

  /// Builds what `op` computes. Emits an error for an op without a conversion.
  llvm::LogicalResult convert(mlir::Operation *op);

  /// The value of `nn` as floats (integers that are not quantized stay).
  Value first(Value nn);
  Value last(Value nn);
  Value get(Value nn, Layout layout) {
    return layout == Layout::ChannelsLast ? last(nn) : first(nn);
  }
  /// The value of `nn` as its storage integers, or as it is if not quantized.
  Value stored(Value nn, Layout layout);

  /// Defines the value of `nn`; where its type is quantized, quantizes.
  void setFirst(Value nn, Value value) {
    set(nn, value, Layout::ChannelsFirst);
  }
  void setLast(Value nn, Value value) { set(nn, value, Layout::ChannelsLast); }
  void set(Value nn, Value value, Layout layout);
  /// Defines it by storage integers.
  void setStored(Value nn, Value value, Layout layout);

  /// ChannelsLast if that form of `nn` exists and the other does not.
  Layout preferredLayout(Value nn);

  /// Element type of the tensors that hold a value of this element type.
  static mlir::Type storageType(mlir::Type elementType);
  /// Element type in which the result `nn` is computed: f32 where it is
  /// quantized.
  static mlir::Type floatOrStorage(Value nn);
  /// Integers without a sign: ONNX's unsigned types, and booleans.
  static bool isUnsigned(Value nn);
  /// Shape of the form with channels last of an nn shape of rank 3 or 4.
  static llvm::SmallVector<int64_t> lastShape(Shape shape);
  /// Where dimension `axis` of an nn shape of `rank` is in `layout`.
  static int64_t axisIn(Layout layout, int64_t axis, int64_t rank);

private:
  struct Forms {
    Value floats[2], integers[2];
  };

  Value toLayout(Value value, Layout from, Shape nnShape);
  Value quantize(Value value, mlir::quant::QuantizedType type, Layout layout);
  Value dequantize(Value value, mlir::quant::QuantizedType type, Layout layout);
  /// Scale or zero point as a tensor that broadcasts along the quantized
  /// dimension.
  Value perAxis(llvm::ArrayRef<float> values, int64_t axis, int64_t rank,
                Layout layout);

  // ConvertLinear.cpp
  void convertOp(nn::ConvOp op);
  void convertOp(nn::GemmOp op);
  void convertOp(nn::MatMulOp op);
  Value groupedConv(Value input, Value weights, nn::ConvOp op,
                    struct SlidingWindow &window);
  // ConvertElementwise.cpp
  /// ChannelsLast where an operand of the shape of `op`'s result has only that
  /// form.
  Layout broadcastLayout(mlir::Operation *op);
  /// `operand` as it broadcasts to the nn shape `shape` in `layout`.
  Value broadcastable(Value operand, Shape shape, Layout layout);
  template <typename OpT>
  void convertBinary(OpT op, Value (TosaBuilder::*build)(Value, Value));
  template <typename OpT>
  void convertUnary(OpT op, llvm::function_ref<Value(Value)> build);
  void convertOp(nn::AddOp op);
  void convertOp(nn::SubOp op);
  void convertOp(nn::MulOp op);
  void convertOp(nn::DivOp op);
  void convertOp(nn::ReluOp op);
  void convertOp(nn::ClipOp op);
  void convertOp(nn::LeakyReluOp op);
  void convertOp(nn::SigmoidOp op);
  void convertOp(nn::HardSigmoidOp op);
  void convertOp(nn::HardSwishOp op);
  void convertOp(nn::SiluOp op);
  void convertOp(nn::BatchNormOp op);
  void convertOp(nn::SoftmaxOp op);
  void convertOp(nn::LrnOp op);
  // ConvertMath.cpp
  void convertOp(nn::UnaryMathOp op);
  void convertOp(nn::ChainOp op);
  void convertOp(nn::BinaryMathOp op);
  void convertOp(nn::SelectOp op);
  void convertOp(nn::CastOp op);
  void convertOp(nn::ExpandOp op);
  // ConvertIndex.cpp
  void convertOp(nn::ReduceOp op);
  void convertOp(nn::ArgReduceOp op);
  void convertOp(nn::CumSumOp op);
  void convertOp(nn::TopKOp op);
  void convertOp(nn::GatherOp op);
  void convertOp(nn::GatherNDOp op);
  void convertOp(nn::ScatterNDOp op);
  // ConvertRoiAlign.cpp
  void convertOp(nn::RoiAlignOp op);
  // ConvertWindow.cpp
  void convertOp(nn::MaxPoolOp op);
  void convertOp(nn::AveragePoolOp op);
  void convertOp(nn::ReduceMeanOp op);
  // ConvertShape.cpp
  void convertOp(nn::ConstantOp op);
  void convertOp(nn::ReshapeOp op);
  void convertOp(nn::TransposeOp op);
  void convertOp(nn::ConcatOp op);
  void convertOp(nn::SliceOp op);
  void convertOp(nn::PadOp op);
  void convertOp(mlir::quant::QuantizeCastOp op);
  void convertOp(mlir::quant::DequantizeCastOp op);
  // ConvertSequence.cpp
  void convertOp(nn::ResampleOp op);
  void convertOp(nn::RecurrentOp op);

  TosaBuilder &b;
  llvm::DenseMap<Value, Forms> forms;
};

} // namespace accopt

#endif // ACCOPT_LIB_CONVERSION_NNTOTOSA_CONVERTER_H
