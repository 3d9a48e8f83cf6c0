//===- SlidingWindow.h - Windows of convolutions, poolings ------*- C++ -*-===//
//
// Private to the conversions to TOSA.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CONVERSION_TOSABUILDER_SLIDINGWINDOW_H
#define ACCOPT_LIB_CONVERSION_TOSABUILDER_SLIDINGWINDOW_H

#include "accopt/Conversion/TosaBuilder.h"

namespace accopt {

/// A window over the two spatial dimensions of an (N, H, W, C) tensor; an op
/// of one spatial dimension has a trivial window in H.
struct SlidingWindow {
  int64_t kernel[2], strides[2], dilations[2], low[2], high[2], out[2];

  /// `pads` lists all begins, then all ends. `outSpatial` is the result's
  /// spatial shape.
  SlidingWindow(llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides,
                llvm::ArrayRef<int64_t> pads, llvm::ArrayRef<int64_t> dilations,
                llvm::ArrayRef<int64_t> outSpatial);

  /// Positions from the first to the last element of the window, inclusive.
  int64_t extent(int dim) const {
    return (kernel[dim] - 1) * dilations[dim] + 1;
  }

  /// Makes the windows cover the padded input exactly, as TOSA demands: the
  /// end padding shrinks or grows, and input that no window reads is cropped.
  mlir::Value fit(TosaBuilder &b, mlir::Value input, double padValue);
  /// Pads explicitly; afterwards low and high are zero.
  mlir::Value padExplicitly(TosaBuilder &b, mlir::Value input, double value);

  bool isDilated() const { return dilations[0] != 1 || dilations[1] != 1; }
  /// Padding that could hold a whole window: TOSA's poolings refuse it.
  bool hasWidePadding() const;

  /// TOSA's order: top, bottom, left, right.
  llvm::SmallVector<int64_t, 4> tosaPad() const {
    return {low[0], high[0], low[1], high[1]};
  }
};

} // namespace accopt

#endif // ACCOPT_LIB_CONVERSION_TOSABUILDER_SLIDINGWINDOW_H
