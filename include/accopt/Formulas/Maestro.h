//===- Maestro.h - Cycles of a data-centric dataflow ------------*- C++ -*-===//
//
// Part of AccOpt. MAESTRO's view of an accelerator (Kwon et al., "Understanding
// Reuse, Performance, and Hardware Cost of DNN Dataflows", MICRO 2019; IEEE
// Micro 40(3), 2020): a dataflow is a list of directives that say which slice
// of a dimension each unit holds, and how it moves in time and between units.
// What a step must fetch follows from the dimensions that moved; a step takes
// as long as the slowest of fetching, computing and writing back.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_MAESTRO_H
#define ACCOPT_FORMULAS_MAESTRO_H

#include "accopt/Formulas/Layers.h"

#include "llvm/ADT/ArrayRef.h"

#include <vector>

namespace accopt::formulas {

/// Filters, channels, kernel rows and columns, input rows and columns; output
/// rows and columns (Y', X') in directives alone.
enum class MaestroDim : unsigned { K, C, R, S, Y, X, OutY, OutX };
inline constexpr unsigned maestroDims = 6;

/// A number, or the layer's extent of a dimension: Sz(R).
struct MaestroSize {
  int64_t value = 1;
  std::optional<MaestroDim> extentOf;
};

/// TemporalMap(size, offset) D: all units hold `size` elements of D, `offset`
/// further at each step. SpatialMap: each unit `offset` further than the one
/// before it. Cluster(size): what follows describes the inside of each unit,
/// which is made of `size` smaller ones.
struct MaestroDirective {
  enum Kind { TemporalMap, SpatialMap, Cluster } kind = TemporalMap;
  MaestroDim dim = MaestroDim::K;
  MaestroSize size, offset;
};

/// Reads directives as MAESTRO's files have them inside Dataflow { ... }:
///
///   SpatialMap(1,1) K; TemporalMap(64,64) C; TemporalMap(Sz(R),1) Y;
///   Cluster(64, P); SpatialMap(1,1) C;                     // a comment
///
/// `file` is what errors call the text: "FILE:LINE: expected ..., got ...".
llvm::Expected<std::vector<MaestroDirective>>
parseMaestroDataflow(llvm::StringRef text, llvm::StringRef file);

struct MaestroMachine {
  int64_t units = 256;     ///< processing elements
  int64_t bandwidth = 64;  ///< elements per cycle, each way, at every level
  int64_t hopCycles = 1;   ///< until the first element arrives
  int64_t vectorWidth = 1; ///< multiply-accumulates per unit and cycle
};

struct MaestroCost {
  int64_t cycles = 0;
  int64_t macs = 0; ///< as the model counts them, not those of the layer
  /// Elements that the shared buffer sends and takes, multicast counted once.
  int64_t inputReads = 0, weightReads = 0, outputWrites = 0;
  double activeUnits = 0; ///< mean over the steps of the outermost level
};

/// Cost of one layer. The inputs count with their padding. As in the tool
/// (maestro-project/maestro, 2020-06), with double buffering:
///
///   send(n)  hopCycles + ceil(n / bandwidth) - 1
///   step     max(send(fetched), compute, send(written)); the first of all
///            steps: send(fetched) + compute
///   compute  the same one level further in, for the slice that a unit holds;
///            in the last level ceil(multiply-accumulates / vectorWidth)
///
/// A step where a dimension is at its begin, in its middle or at its end stands
/// for all such steps. A step fetches a tensor if the innermost dimension that
/// is not at its begin is one of the tensor's: then its new part along that
/// dimension, if nothing further in began again, else its whole slice. So a
/// tensor that begins again because of a dimension that it does not have is not
/// counted; neither is a last step without a whole output. The tool does so.
///
/// Fails on a dilated kernel, a batch, groups that are not depthwise, a level
/// without or with more than two spatial maps, a dimension mapped twice in a
/// level, more than 16 levels, clusters larger than the machine, or counts
/// beyond 2^60.
llvm::Expected<MaestroCost>
maestroCost(const ConvShape &conv, llvm::ArrayRef<MaestroDirective> dataflow,
            const MaestroMachine &machine);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_MAESTRO_H
