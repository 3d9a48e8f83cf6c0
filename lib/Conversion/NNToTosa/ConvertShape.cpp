//===- ConvertShape.cpp - Constants, data movement, quantization ----------===//

#include "lib/Conversion/NNToTosa/Converter.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace accopt {

/// The same bytes as integers without a sign.
static ElementsAttr withoutSign(ElementsAttr values) {
  ShapedType type = values.getShapedType();
  Type storage = Converter::storageType(type.getElementType());
  if (storage == type.getElementType())
    return values;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(values))
    return DenseResourceElementsAttr::get(type.clone(storage),
                                          resource.getRawHandle());
  return cast<DenseElementsAttr>(values).bitcast(storage);
}

void Converter::convertOp(nn::ConstantOp op) {
  setStored(op.getResult(), b.constant(withoutSign(op.getValue())),
            Layout::ChannelsFirst);
}

void Converter::convertOp(nn::ReshapeOp op) {
  setFirst(op.getResult(),
           b.reshape(first(op.getInput()), getShape(op.getResult())));
}

void Converter::convertOp(nn::TransposeOp op) {
  // To N, H, W, C: the form with channels last is the result.
  if (op.getPerm() == Shape({0, 2, 3, 1}))
    return setFirst(op.getResult(), last(op.getInput()));
  setFirst(op.getResult(), b.transpose(first(op.getInput()), op.getPerm()));
}

void Converter::convertOp(nn::ConcatOp op) {
  Layout layout = Layout::ChannelsFirst;
  for (Value input : op.getInputs())
    if (preferredLayout(input) == Layout::ChannelsLast)
      layout = Layout::ChannelsLast;
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(get(input, layout));
  auto rank = static_cast<int64_t>(getShape(op.getResult()).size());
  set(op.getResult(), b.concat(inputs, axisIn(layout, op.getAxis(), rank)),
      layout);
}

/// `values`, one per dimension of an nn shape, in the layout's order.
static SmallVector<int64_t> inLayout(ArrayRef<int64_t> values, Layout layout,
                                     int64_t neutral) {
  if (layout == Layout::ChannelsFirst)
    return SmallVector<int64_t>(values);
  auto rank = static_cast<int64_t>(values.size());
  SmallVector<int64_t> result(4, neutral);
  for (auto [axis, value] : llvm::enumerate(values))
    result[Converter::axisIn(layout, static_cast<int64_t>(axis), rank)] = value;
  return result;
}

void Converter::convertOp(nn::SliceOp op) {
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  SmallVector<int64_t> starts = inLayout(op.getStarts(), layout, 0);
  SmallVector<int64_t> sizes = inLayout(op.getSizes(), layout, 1);
  SmallVector<int64_t> steps = inLayout(op.getSteps(), layout, 1);
  set(op.getResult(), b.stridedSlice(x, starts, sizes, steps), layout);
}

/// The input index that each index of the padded dimension reads, in ONNX's
/// modes reflect, edge and wrap.
static SmallVector<int64_t> paddedIndices(StringRef mode, int64_t size,
                                          int64_t begin, int64_t end) {
  SmallVector<int64_t> indices;
  for (int64_t i = -begin; i < size + end; ++i) {
    int64_t index = i;
    if (mode == "edge") {
      index = std::clamp<int64_t>(i, 0, size - 1);
    } else if (mode == "wrap") {
      index = ((i % size) + size) % size;
    } else if (size == 1) {
      index = 0;
    } else {
      int64_t period = 2 * (size - 1);
      index = ((i % period) + period) % period;
      index = index < size ? index : period - index;
    }
    indices.push_back(index);
  }
  return indices;
}

void Converter::convertOp(nn::PadOp op) {
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  size_t rank = getShape(op.getInput()).size();
  SmallVector<int64_t> low = inLayout(op.getPads().take_front(rank), layout, 0);
  SmallVector<int64_t> high =
      inLayout(op.getPads().drop_front(rank), layout, 0);
  if (op.getMode() == "constant")
    return set(op.getResult(),
               b.pad(x, low, high, op.getValue().convertToFloat()), layout);
  for (auto [axis, before, after] : llvm::enumerate(low, high))
    if (before != 0 || after != 0)
      x = b.gather(
          x, static_cast<int64_t>(axis),
          paddedIndices(op.getMode(), getShape(x)[axis], before, after));
  set(op.getResult(), x, layout);
}

void Converter::convertOp(quant::QuantizeCastOp op) {
  Layout layout = preferredLayout(op.getInput());
  set(op.getResult(), get(op.getInput(), layout), layout);
}

void Converter::convertOp(quant::DequantizeCastOp op) {
  Layout layout = preferredLayout(op.getInput());
  set(op.getResult(), get(op.getInput(), layout), layout);
}

} // namespace accopt
