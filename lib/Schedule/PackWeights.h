//===- PackWeights.h - Weights in the order of the array --------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_PACKWEIGHTS_H
#define ACCOPT_LIB_SCHEDULE_PACKWEIGHTS_H

#include "WindowLayer.h"

#include <vector>

namespace accopt {

/// Output channels [output, output + outputs) of a group, reduced over a run of
/// its input channels: the first, the last or one between.
struct WeightChunk {
  int64_t output = 0, outputs = 0;
  ChannelRun run;
  bool isFirst = true, isLast = true;
  int64_t channels() const { return int64_t(run.channels.size()); }
};

/// The bytes of a chunk of conv2d, depthwise_conv2d or avg_pool (whose table of
/// scales is the same for all chunks) on an array of `columns`, as they lie in
/// DRAM (ChunkLayout).
std::vector<uint8_t> packChunk(mlir::Operation *op, const WindowLayer &shape,
                               const WeightChunk &chunk, int64_t columns);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_PACKWEIGHTS_H
