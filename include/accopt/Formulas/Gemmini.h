//===- Gemmini.h - Cycles of Gemmini as measured under FireSim --*- C++ -*-===//
//
// Part of AccOpt. A cycle model of Gemmini's default 16 x 16 configuration
// (Genc et al., DAC 2021) with its Rocket core and memory system, for one layer
// run by tiled_conv or tiled_matmul of gemmini-rocc-tests' include/gemmini.h:
// either with tiles and a loop order given by a Timeloop mapping, as DOSA (Hong
// et al., MICRO 2023) ran them, or with those that gemmini.h finds itself.
// How it works and how good it is: docs/Design/Gemmini.md.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_GEMMINI_H
#define ACCOPT_FORMULAS_GEMMINI_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>

namespace accopt::formulas {

/// Timeloop's dimensions of a convolution: batch, output rows and columns,
/// output channels, kernel rows and columns, input channels.
enum class GemminiDim { N, Q, P, K, S, R, C };
inline constexpr unsigned numGemminiDims = 7;
/// One extent for each dimension, in elements.
using GemminiExtents = std::array<int64_t, numGemminiDims>;

/// A convolution, or a product of a p x c by a c x k matrix where q = r = s =
/// 1. The measured program makes the input p * strideWidth wide and q *
/// strideHeight high and pads each side by half the kernel, so an even kernel
/// gives one more row and column of outputs than q and p say.
struct GemminiLayer {
  int64_t n = 1, c = 1, k = 1, p = 1, q = 1, r = 1, s = 1;
  int64_t strideWidth = 1, strideHeight = 1, dilation = 1;

  bool isMatmul() const { return q == 1 && r == 1 && s == 1; }
  int64_t macs() const { return n * c * k * p * q * r * s; }
};

/// Fails where an extent is outside [1, 65535], what the loop unrollers'
/// counters hold (LoopConv.scala), or the layer has more than 2^48
/// multiply-accumulates.
llvm::Error check(const GemminiLayer &layer);

/// What one call of the hardware's loop unroller computes, and in which order
/// the core makes the calls.
struct GemminiMapping {
  GemminiExtents tile = {1, 1, 1, 1, 1, 1, 1};
  /// Outermost loop first.
  std::array<GemminiDim, numGemminiDims> order = {
      GemminiDim::N, GemminiDim::Q, GemminiDim::P, GemminiDim::K,
      GemminiDim::S, GemminiDim::R, GemminiDim::C};
};

/// Sizes and prices in cycles of the accelerator's clock. "Fitted": to the
/// measurements of layers whose CRC-32 is not 1 modulo 3
/// (docs/Design/Gemmini.md names the rows); "estimated": set once, hardly
/// matters.
struct GemminiMachine {
  /// Rows and columns of the mesh; elements of a scratchpad row. Configs.scala.
  int64_t dim = 16;
  /// Rows of the scratchpad and of the accumulator, for the two tiles that are
  /// held. gemmini_params.h: 256 KiB of 16 bytes, 64 KiB of 64 bytes.
  int64_t scratchpadRows = 16384, accumulatorRows = 1024;
  /// The longest DMA request and a cache's line; a beat of the bus.
  /// Configs.scala: dma_maxbytes, dma_buswidth.
  int64_t lineBytes = 64, beatBytes = 16;
  /// The SoC's L2 cache (Chipyard's WithInclusiveCache, which replaces at
  /// random, Directory.scala) and FireSim's model of a last-level cache
  /// (WithLLCModel, TargetConfigs.scala; firesim-dosa's image is named
  /// l2_llc4mb_ddr3).
  int64_t l2Bytes = 512 << 10, l2Sets = 1024, llcBytes = 4096 << 10;

  /// A request that hits L2 takes this long or its beats, whichever is more:
  /// the latency over the 16 requests in flight. Fitted.
  double requestCycles = 2.5;
  /// More for a line that L2 misses and the last-level cache has. Fitted.
  double llcLineCycles = 5.2;
  /// More for a line from DRAM. Fitted.
  double dramLineCycles = 24;
  /// By how much of themselves missing lines of weights get dearer for each
  /// line in the largest power of two, up to 1 KiB, that divides a row of
  /// weights: rows then fall on few banks. Fitted.
  double conflictFactor = 0.056;
  /// A row of the accumulator moved out. Fitted.
  double storeRowCycles = 2.9;
  /// A preload and a compute that do not fill the pipeline: latency over the 8
  /// pairs that the reservation station's 16 entries hold
  /// (reservation_station_entries_ex, Configs.scala). Fitted.
  double computeCycles = 7.6;
  /// More for a move of inputs into a tile that is larger than its half of the
  /// scratchpad, where it meets the tile before in rows and single-ported
  /// banks. Fitted; that cause is a guess.
  double hazardCycles = 33;
  /// Configuration, fences and the first latency of a layer. Fitted.
  double startCycles = 620;
  /// One evaluation of a candidate by tiled_conv_auto on the core. Fitted.
  double searchStepCycles = 300;

  /// Reads and writes of a line that is written in parts: read for ownership
  /// and write back.
  double storeMissFactor = 2;
  /// Part of a layer's lines that are in the last-level cache only when it
  /// starts after another layer. Estimated.
  double coldLines = 0.4;
  /// The core's instructions for one tile. Estimated.
  double tileCycles = 200;
  /// Latency of the mesh, of the accumulator's scaling. Estimated.
  double pipelineCycles = 40;
};

/// A layer's cycles, and the sums over its tiles of what each unit is busy for;
/// units work at the same time.
struct GemminiCost {
  uint64_t cycles = 0;
  double load = 0, execute = 0, store = 0;
  /// Cycles of the core before the first tile. In `cycles`.
  double search = 0;
  int64_t tiles = 0;
};

/// Parses a Timeloop mapping of Gemmini's four levels as DOSA writes it:
///   L3[WIO] K2 - L2[WI] N1 K16X - L1[O] K2 C8 P16 C16X - L0[W] P8
/// Levels from DRAM to the registers, loops from the outermost in, X or Y for
/// spatial ones. Loops below L3 make the tile; those of L3 the order; loops
/// that L3 does not name are outside of the others. Fails, in one line, where
/// the text is malformed, or a dimension's factors do not multiply to the
/// layer's extent, or there are more than 2^24 tiles.
llvm::Expected<GemminiMapping> parseGemminiMapping(llvm::StringRef text,
                                                   const GemminiLayer &layer);

struct GemminiTiling {
  GemminiMapping mapping;
  /// Candidates that the core evaluated: tiled_conv_auto shrinks and grows the
  /// tile one step at a time. 0 for products, whose loop is short.
  int64_t searchSteps = 0;
};

/// The tiles that tiled_conv_auto or tiled_matmul_auto chooses for half of the
/// scratchpad and of the accumulator. The layer must have passed check().
GemminiTiling gemminiAutoTiling(const GemminiLayer &layer,
                                const GemminiMachine &machine = {});

/// Cycles of `layer` with `mapping`, its data having been used just before. The
/// layer must have passed check(); the mapping's tiles are cut at its extents.
GemminiCost gemminiCost(const GemminiLayer &layer,
                        const GemminiMapping &mapping,
                        const GemminiMachine &machine = {});

/// Cycles of `layer` with Gemmini's own tiling, the search for it included,
/// after another layer.
GemminiCost gemminiAutoTilingCost(const GemminiLayer &layer,
                                  const GemminiMachine &machine = {});

/// The field `cycles` of the two.
uint64_t gemminiCycles(const GemminiLayer &layer, const GemminiMapping &mapping,
                       const GemminiMachine &machine = {});
uint64_t gemminiAutoTilingCycles(const GemminiLayer &layer,
                                 const GemminiMachine &machine = {});

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_GEMMINI_H
