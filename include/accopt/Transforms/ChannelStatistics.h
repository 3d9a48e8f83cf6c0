//===- ChannelStatistics.h - What channels of activations hold --*- C++ -*-===//
//
// Part of AccOpt. Two rewrites of a float network that make it lose less when
// it is quantized, without training; both need what its channels hold on data.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_CHANNELSTATISTICS_H
#define ACCOPT_TRANSFORMS_CHANNELSTATISTICS_H

#include "accopt/Transforms/QuantizationPlan.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

namespace accopt {

/// Of each channel (axis 1) of a tensor.
struct ChannelStatistics {
  std::vector<double> largest; ///< magnitude
  std::vector<double> sum;
  double count = 0; ///< elements of a channel

  /// Takes in the values of a tensor of `shape`, in ONNX's layout; one of fewer
  /// than two dimensions has no channels.
  void observe(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape);
  double mean(size_t channel) const { return count ? sum[channel] / count : 0; }
};
/// By the names that nameValues() gives.
using ChannelTable = llvm::StringMap<ChannelStatistics>;

/// Levels the channels between two layers (cross-layer equalization, Nagel et
/// al. 2019, "Data-free quantization through weight equalization and bias
/// correction", with the channel's reach in place of the first layer's weights,
/// which have a scale for each channel here, as in Xiao et al. 2023,
/// "SmoothQuant"): channel i is divided by s_i in the first layer and
/// multiplied in the next. s_i = reach_i where the next layer is depthwise,
/// whose weights have a scale for each channel, else sqrt(reach_i / largest
/// weight that reads it), up to a common factor. Between the two there may be
/// what commutes with positive factors: relu, leaky_relu, pooling; a clamp from
/// above only where it does not bind. Float results do not change but for
/// rounding. Returns how many tensors were levelled.
unsigned equalizeChannels(mlir::func::FuncOp function,
                          const ChannelTable &channels);

/// Adds to the biases of each conv and gemm what rounding its weights takes
/// from the mean of its result: sum over inputs of (w - w_q) E[x] (Nagel et al.
/// 2019, equation 8). `plan` has the weights' scales. Returns how many layers
/// were corrected.
unsigned correctBiases(mlir::func::FuncOp function,
                       const ChannelTable &channels,
                       const QuantizationPlan &plan);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_CHANNELSTATISTICS_H
