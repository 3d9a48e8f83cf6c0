//===- Command.h - Commands of the machine ----------------------*- C++ -*-===//
//
// Part of AccOpt. What a command says: its engine, the tokens it takes and the
// fields of its operation. docs/Machine.md is the specification; the encoding
// in bytes is in Encoding.h, the time and the events of a command in Timing.h.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_COMMAND_H
#define ACCOPT_TARGET_COMMAND_H

#include "accopt/Target/Machine.h"

#include <array>
#include <cstdint>
#include <variant>

namespace accopt {

/// The in-order engines. Each runs its commands one after another.
enum class Engine : uint8_t { Load, Exec, Store, Host };
inline constexpr unsigned kEngineCount = 4;

/// A strided copy between DRAM and the scratchpad: `count[0] * count[1] *
/// count[2]` rows of `rowBytes` contiguous bytes. Row (i, j, k) begins at
/// `dramAddress + i * dramStride[0] + j * dramStride[1] + k * dramStride[2]`
/// in DRAM, and likewise in the scratchpad. Strides are in bytes and may be
/// negative on the DRAM side.
///
/// With `bits` below 8 the rows are packed in DRAM: after `plainBytes` bytes
/// that are copied as they are, element e of a row (a byte of the scratchpad,
/// sign-extended when loaded, its low bits when stored) is bits [e * bits, (e +
/// 1) * bits) of what follows, where bit n is bit n % 8 of byte n / 8.
struct DmaCommand {
  uint32_t dramAddress = 0, scratchpadAddress = 0;
  std::array<uint16_t, 3> count = {1, 1, 1};
  uint32_t rowBytes = 0;
  std::array<int32_t, 3> dramStride = {0, 0, 0};
  std::array<uint32_t, 3> scratchpadStride = {0, 0, 0};
  uint8_t bits = 8; ///< 2 to 8, of an element in DRAM
  uint32_t plainBytes = 0;

  /// Bytes of a row in DRAM.
  uint32_t dramRowBytes() const {
    if (bits == 8 || plainBytes >= rowBytes)
      return rowBytes;
    return plainBytes +
           uint32_t((uint64_t(rowBytes - plainBytes) * bits + 7) / 8);
  }
  bool operator==(const DmaCommand &) const = default;
};
/// DRAM to scratchpad, on the LOAD engine.
struct LoadCommand : DmaCommand {};
/// Scratchpad to DRAM, on the STORE engine.
struct StoreCommand : DmaCommand {};

/// A window that slides over a tile of an image in the scratchpad. Output
/// pixel (y, x), tap (ky, kx), channel c reads the byte at
///   `input + (y * strideY + ky * dilationY - padTop) * inputRowPitch
///          + (x * strideX + kx * dilationX - padLeft) * inputPixelPitch + c`
/// if both coordinates lie in [0, inputRows) x [0, inputColumns); elsewhere
/// the tap is padding and contributes nothing. Wide values are int16, little
/// endian: channel c lies 2 * c bytes behind its pixel, and their zero point is
/// 0.
struct Window {
  uint32_t input = 0, inputRowPitch = 0, inputPixelPitch = 0;
  uint16_t inputRows = 1, inputColumns = 1;
  uint16_t outputRows = 1, outputColumns = 1;
  uint16_t kernelY = 1, kernelX = 1, strideY = 1, strideX = 1;
  uint16_t dilationY = 1, dilationX = 1;
  int16_t padTop = 0, padLeft = 0;
  bool wideInput = false;
  int64_t inputBytes() const { return wideInput ? 2 : 1; } ///< of an element
  bool operator==(const Window &) const = default;
};

/// How int32 values become int8 or int16 and where they go. For column c of the
/// command the parameter table at `parameters` holds 12 bytes: bias (int32),
/// multiplier (int32), shift (int32).
///   v = applyScale(acc + bias[c], multiplier[c], shift[c])
///   with a residual r: v = applyScale(v + applyScale(r -
///     residualZeroPoint, residualMultiplier, residualShift), sumMultiplier,
///     sumShift)
///   q = clamp(v + outputZeroPoint, clampMin, clampMax)
///   with a table: q = table[q + 128]
/// Output pixel (y, x), column c goes to `output + y * outputRowPitch + x *
/// outputPixelPitch + c * outputBytes()`; the residual is read in the same way.
/// A wide output has no table.
/// Additions before a scale wrap at 32 bits; `v + outputZeroPoint` saturates.
struct Epilogue {
  uint32_t parameters = 0, output = 0, outputRowPitch = 0, outputPixelPitch = 0;
  bool hasResidual = false, hasTable = false;
  uint32_t residual = 0, residualRowPitch = 0, residualPixelPitch = 0;
  int32_t residualMultiplier = 0, sumMultiplier = 0;
  uint8_t residualShift = 2, sumShift = 2;
  int8_t residualZeroPoint = 0, outputZeroPoint = 0;
  int16_t clampMin = -128, clampMax = 127;
  uint32_t table = 0; ///< 256 bytes in the scratchpad
  bool wideOutput = false, wideResidual = false;
  int64_t outputBytes() const { return wideOutput ? 2 : 1; } ///< of an element
  int64_t residualBytes() const { return wideResidual ? 2 : 1; }
  bool operator==(const Epilogue &) const = default;
};

/// The array: accumulators (pixel, column) (+)= sum over taps and `channels`
/// of (input - inputZeroPoint) * weight; then the epilogue if `finish`.
///
/// The channels of a tap are `runs` runs of channels / runs elements,
/// `runPitch` bytes apart: channel c lies at (c / length) * runPitch + c %
/// length elements.
///
/// The reduction is a nest of contiguous segments. With one run, dilationX == 1
/// and pixels that are dense, a segment is the kernelX * channels elements of a
/// kernel row (kernelY segments); otherwise it is a run of one tap
/// (kernelY * kernelX * runs segments). The reduction is cut into blocks of at
/// most `rows` array rows, which take at most `patchSegments` segments; the
/// columns are cut into blocks of at most `columns`.
/// Weights lie in the scratchpad column block by column block; inside it, one
/// row of the block's width in bytes per reduction index (ky, kx, c).
/// Accumulator of column block n, pixel p (row-major in the output tile),
/// column j of the block: `accumulator + ((n * pixels + p) * arrayColumns + j)
/// * 4` bytes. Without `accumulate` it starts from zero. Where the whole
/// reduction is in one command (!accumulate && finish) every column block uses
/// the accumulators of block 0.
///
/// With a `precision` of 4 or 2 the array takes the low 4 or 2 bits of inputs
/// and weights, sign-extended, and a processing element takes the machine's
/// rate of this precision in reduction indices at once: blocks are `rows` times
/// the rate deep. Where bytes lie does not change. A precision of 16 goes with
/// wide inputs: `arrayPes16Bit` processing elements take one index together.
struct MatmulCommand {
  Window window;
  uint16_t channels = 1, columns = 1;
  int8_t inputZeroPoint = 0;
  uint32_t weights = 0, accumulator = 0;
  bool accumulate = false, finish = true;
  Epilogue epilogue;
  uint8_t precision = 8; ///< 16, 8, 4 or 2
  /// On a machine that has more than one: weight- or output-stationary. On
  /// others not used.
  Dataflow dataflow = Dataflow::WeightStationary;
  uint16_t runs = 1;     ///< of channels
  uint32_t runPitch = 0; ///< bytes between runs
  bool operator==(const MatmulCommand &) const = default;
};

/// Vector unit: depthwise convolution with a multiplier of 1 over `channels`.
/// Weights: one byte per (ky, kx, c) in this order.
struct DepthwiseCommand {
  Window window;
  uint16_t channels = 1;
  int8_t inputZeroPoint = 0;
  uint32_t weights = 0;
  Epilogue epilogue;
  bool operator==(const DepthwiseCommand &) const = default;
};

enum class PoolKind : uint8_t { Max, Sum };

/// Vector unit: maximum of a window, or its sum rescaled. Sum: v = sum over
/// the taps inside of (x - inputZeroPoint), then `v = applyScale(v,
/// multiplier[n], shift[n])` with n = the pixel's count of taps inside, from
/// the table at `parameters` (8 bytes per entry: multiplier, shift; entry n at
/// n * 8, entry 0 unused; with `countPadding` entry 0 is all there is), then
/// zero point and clamp. Max ignores the table and the zero points, and clamps.
/// A window with no tap inside gives the zero point (Sum) or the least value of
/// the type (Max), before the clamp. Max has input and output of one type.
struct PoolCommand {
  Window window;
  uint16_t channels = 1;
  PoolKind kind = PoolKind::Max;
  bool countPadding = false;
  int8_t inputZeroPoint = 0, outputZeroPoint = 0;
  int16_t clampMin = -128, clampMax = 127;
  uint32_t parameters = 0, output = 0, outputRowPitch = 0, outputPixelPitch = 0;
  bool wideOutput = false;
  int64_t outputBytes() const { return wideOutput ? 2 : 1; } ///< of an element
  bool operator==(const PoolCommand &) const = default;
};

enum class BinaryKind : uint8_t { Add, Sub, Mul };

/// Vector unit: elementwise over a 4-D index space; element (i, j, k, l) of an
/// operand lies at its address plus the sum of index times stride (bytes; 0
/// broadcasts). The output is dense in l.
///   Add, Sub: v = applyScale(a - aZeroPoint, aMultiplier, aShift) +/-
///             applyScale(b - bZeroPoint, bMultiplier, bShift)
///   Mul:      v = (a - aZeroPoint) * (b - bZeroPoint)
///   q = clamp(applyScale(v, outputMultiplier, outputShift) + outputZeroPoint)
struct BinaryCommand {
  BinaryKind kind = BinaryKind::Add;
  bool hasTable = false;
  std::array<uint16_t, 3> count = {1, 1, 1};
  uint32_t length = 1; ///< extent of the innermost index
  uint32_t a = 0, b = 0, output = 0, table = 0;
  std::array<uint32_t, 4> aStride = {}, bStride = {};
  std::array<uint32_t, 3> outputStride = {};
  int8_t aZeroPoint = 0, bZeroPoint = 0, outputZeroPoint = 0;
  int16_t clampMin = -128, clampMax = 127;
  bool wideA = false, wideB = false, wideOutput = false;
  uint8_t aShift = 2, bShift = 2, outputShift = 2;
  int32_t aMultiplier = 0, bMultiplier = 0, outputMultiplier = 0;
  bool operator==(const BinaryCommand &) const = default;
};

/// Vector unit: `output[i] = table[input[i] + 128]` over `length` elements.
/// Wide ones are int16, and the table has 513 of them, between which they are
/// interpolated. With s = stepBits, x an input, k = x >> s and f its low s
/// bits:
///   output = t[k + 256] + ((t[k + 257] - t[k + 256]) * f + 2^(s - 1) >> s)
/// Inputs have at most 9 + s bits.
struct LookupCommand {
  uint32_t input = 0, output = 0, table = 0, length = 0;
  bool isWide = false;
  uint8_t stepBits = 0;
  int64_t elementBytes() const { return isWide ? 2 : 1; }
  int64_t tableBytes() const { return isWide ? 2 * 513 : 256; }
  bool operator==(const LookupCommand &) const = default;
};

/// Vector unit: writes `value` to `rows` rows of `length` bytes, `pitch` apart,
/// as a byte or, if wide, as two.
struct FillCommand {
  uint32_t output = 0, length = 0, rows = 1, pitch = 0;
  int16_t value = 0;
  bool wideOutput = false;
  bool operator==(const FillCommand &) const = default;
};

/// The host runs function `function` of the binary's host table on tensors in
/// DRAM. `operations` and `bytes` are what the host is charged for; of the
/// bytes, `writtenBytes` are written and the rest is read.
struct HostCommand {
  uint32_t function = 0;
  uint64_t operations = 0, bytes = 0, writtenBytes = 0;
  bool operator==(const HostCommand &) const = default;
};

using Operation = std::variant<LoadCommand, StoreCommand, MatmulCommand,
                               DepthwiseCommand, PoolCommand, BinaryCommand,
                               LookupCommand, FillCommand, HostCommand>;

/// One command. When it completes, it adds one token to the counter from its
/// engine to each of the three others; before it starts it takes `take[e]`
/// tokens from the counter from engine e to its own (`take` of its own engine
/// is 0: engines run in order).
struct Command {
  std::array<uint32_t, kEngineCount> take = {};
  uint32_t layer = 0; ///< index into the program's table of layers
  Operation operation;

  Engine engine() const;
};

} // namespace accopt

#endif // ACCOPT_TARGET_COMMAND_H
