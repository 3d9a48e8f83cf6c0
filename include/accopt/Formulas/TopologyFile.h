//===- TopologyFile.h - SCALE-Sim's lists of layers -------------*- C++ -*-===//
//
// Part of AccOpt. The CSV files that SCALE-Sim reads, and a few columns more.
// The first line names the columns, in any order and spelling of case:
//
//   Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width,
//   Channels, Num Filter, Strides,          a convolution without padding
//   Layer, M, N, K,                         a matrix product
//
// Optional for both: Sparsity (N:M), Groups. Optional for convolutions: Batch;
// Stride Height, Stride Width (instead of Strides); Padding or Pad Top, Pad
// Left, Pad Bottom, Pad Right; Dilation or Dilation Height, Dilation Width.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_TOPOLOGYFILE_H
#define ACCOPT_FORMULAS_TOPOLOGYFILE_H

#include "accopt/Formulas/Layers.h"

#include <vector>

namespace accopt::formulas {

/// Reads the layers of `text`; `file` is what errors call it. Each error is one
/// line "FILE:LINE: expected ..., got ...". As SCALE-Sim does, takes a
/// convolution whose name contains "DP" for a depthwise one: one group for each
/// channel, each with "Num Filter" filters, unless the file has a column
/// Groups. Every layer passes check().
llvm::Expected<std::vector<Layer>>
parseTopology(llvm::StringRef text, llvm::StringRef file, Rounding rounding);

/// parseTopology() on the contents of the file `path`.
llvm::Expected<std::vector<Layer>> readTopology(llvm::StringRef path,
                                                Rounding rounding);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_TOPOLOGYFILE_H
