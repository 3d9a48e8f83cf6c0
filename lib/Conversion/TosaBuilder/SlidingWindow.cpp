//===- SlidingWindow.cpp - Windows of convolutions, poolings --------------===//

#include "lib/Conversion/TosaBuilder/SlidingWindow.h"

using namespace mlir;

namespace accopt {

SlidingWindow::SlidingWindow(ArrayRef<int64_t> kernelSize,
                             ArrayRef<int64_t> steps, ArrayRef<int64_t> pads,
                             ArrayRef<int64_t> dilation,
                             ArrayRef<int64_t> outSpatial) {
  size_t dims = kernelSize.size();
  for (size_t i = 0; i < 2; ++i) {
    kernel[i] = strides[i] = dilations[i] = out[i] = 1;
    low[i] = high[i] = 0;
    if (i + dims < 2)
      continue;
    size_t from = i + dims - 2;
    kernel[i] = kernelSize[from];
    strides[i] = steps[from];
    dilations[i] = dilation[from];
    low[i] = pads[from];
    high[i] = pads[from + dims];
    out[i] = outSpatial[from];
  }
}

Value SlidingWindow::fit(TosaBuilder &b, Value input, double padValue) {
  bool anyWithoutInput = false;
  for (int i = 0; i < 2; ++i) {
    int64_t needed = (out[i] - 1) * strides[i] + extent(i);
    high[i] = needed - low[i] - getShape(input)[i + 1];
    anyWithoutInput |= needed <= low[i];
  }
  // Windows that lie in the begin padding alone leave no input to pad.
  if (anyWithoutInput)
    return padExplicitly(b, input, padValue);
  SmallVector<int64_t> crop(4, 0);
  for (int i = 0; i < 2; ++i) {
    crop[i + 1] = std::min<int64_t>(0, high[i]);
    high[i] = std::max<int64_t>(0, high[i]);
  }
  return b.pad(input, {0, 0, 0, 0}, crop, 0);
}

bool SlidingWindow::hasWidePadding() const {
  for (int i = 0; i < 2; ++i)
    if (low[i] >= kernel[i] || high[i] >= kernel[i])
      return true;
  return false;
}

Value SlidingWindow::padExplicitly(TosaBuilder &b, Value input, double value) {
  Value padded =
      b.pad(input, {0, low[0], low[1], 0}, {0, high[0], high[1], 0}, value);
  low[0] = low[1] = high[0] = high[1] = 0;
  return padded;
}

} // namespace accopt
