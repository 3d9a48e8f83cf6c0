//===- VectorUnit.cpp - Functional effect of vector and DMA commands ------===//
//
// Plain loops, channels innermost so that the compiler vectorizes them.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "MachineState.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemAlloc.h"
#include "llvm/Support/Threading.h"

#include <algorithm>
#include <cstring>

using namespace accopt;

MachineState::MachineState(const Machine &machine, uint64_t dramBytes,
                           unsigned threads)
    : dram(static_cast<int8_t *>(
          llvm::safe_calloc(std::max<uint64_t>(dramBytes, 1), 1))),
      scratchpad(machine.scratchpadBytes),
      accumulators(machine.accumulatorBytes / 4), machine(machine),
      kernel(selectMatmulKernel()),
      threads(threads ? threads
                      : llvm::hardware_concurrency().compute_thread_count()) {}

void MachineState::forEachRow(
    const DmaCommand &c, llvm::function_ref<void(int8_t *, int8_t *)> copy) {
  for (int64_t i = 0; i < c.count[0]; ++i)
    for (int64_t j = 0; j < c.count[1]; ++j)
      for (int64_t k = 0; k < c.count[2]; ++k) {
        int8_t *far = dram.get() + c.dramAddress + i * c.dramStride[0] +
                      j * c.dramStride[1] + k * c.dramStride[2];
        int8_t *near = scratchpad.data() + c.scratchpadAddress +
                       i * c.scratchpadStride[0] + j * c.scratchpadStride[1] +
                       k * c.scratchpadStride[2];
        copy(far, near);
      }
}

/// Elements of a row that are packed in DRAM.
static uint32_t packedElements(const DmaCommand &c) {
  return c.bits == 8 ? 0 : c.rowBytes - c.plainBytes;
}

void MachineState::execute(const LoadCommand &c) {
  uint32_t packed = packedElements(c), plain = c.rowBytes - packed;
  forEachRow(c, [&](int8_t *far, int8_t *near) {
    std::memcpy(near, far, plain);
    const auto *source = reinterpret_cast<const uint8_t *>(far + plain);
    // The next bits of the row, lowest first.
    uint32_t bits = 0;
    unsigned held = 0;
    for (uint32_t e = 0; e < packed; ++e) {
      if (held < c.bits) {
        bits |= uint32_t(*source++) << held;
        held += 8;
      }
      near[plain + e] = signExtend(int8_t(bits), c.bits);
      bits >>= c.bits;
      held -= c.bits;
    }
  });
}

void MachineState::execute(const StoreCommand &c) {
  uint32_t packed = packedElements(c), plain = c.rowBytes - packed;
  forEachRow(c, [&](int8_t *far, int8_t *near) {
    std::memcpy(far, near, plain);
    auto *target = reinterpret_cast<uint8_t *>(far + plain);
    uint32_t bits = 0, mask = (1u << c.bits) - 1;
    unsigned held = 0;
    for (uint32_t e = 0; e < packed; ++e) {
      bits |= (uint32_t(uint8_t(near[plain + e])) & mask) << held;
      held += c.bits;
      if (held >= 8) {
        *target++ = uint8_t(bits);
        bits >>= 8;
        held -= 8;
      }
    }
    if (held)
      *target = uint8_t(bits);
  });
}

namespace {

/// The taps [first, last] along one dimension that are inside the input.
struct TapRange {
  TapRange(int64_t origin, int64_t dilation, int64_t kernel, int64_t size)
      : first(origin < 0 ? llvm::divideCeil(uint64_t(-origin), dilation) : 0),
        last(origin < size
                 ? std::min<int64_t>(kernel - 1, (size - 1 - origin) / dilation)
                 : -1) {}
  int64_t first, last;
};

} // namespace

/// Calls `visit(address, ky, kx)` for each tap of output pixel (y, x) that is
/// inside the input.
template <typename Visitor>
static void forTapsInside(const Window &w, int64_t y, int64_t x,
                          Visitor &&visit) {
  int64_t top = y * w.strideY - w.padTop, left = x * w.strideX - w.padLeft;
  TapRange rows(top, w.dilationY, w.kernelY, w.inputRows);
  TapRange columns(left, w.dilationX, w.kernelX, w.inputColumns);
  for (int64_t ky = rows.first; ky <= rows.last; ++ky)
    for (int64_t kx = columns.first; kx <= columns.last; ++kx)
      visit(w.input + (top + ky * w.dilationY) * w.inputRowPitch +
                (left + kx * w.dilationX) * w.inputPixelPitch,
            ky, kx);
}

void MachineState::execute(const DepthwiseCommand &c) {
  const Window &w = c.window;
  EpilogueStage stage(c.epilogue, c.channels, scratchpad.data());
  std::vector<int32_t> sums(c.channels);
  for (unsigned y = 0; y < w.outputRows; ++y)
    for (unsigned x = 0; x < w.outputColumns; ++x) {
      std::fill(sums.begin(), sums.end(), 0);
      forTapsInside(w, y, x, [&](int64_t address, int64_t ky, int64_t kx) {
        const int8_t *input = scratchpad.data() + address;
        const int8_t *weights =
            scratchpad.data() + c.weights + (ky * w.kernelX + kx) * c.channels;
        // As unsigned, the additions wrap as specified.
        for (unsigned ch = 0; ch < c.channels; ++ch)
          sums[ch] =
              wrappingAdd(sums[ch], (readElement(input, ch, w.wideInput) -
                                     c.inputZeroPoint) *
                                        weights[ch]);
      });
      stage.finish(y, x, sums.data());
    }
}

/// The maximum of a window for each channel.
static void poolMaximum(const PoolCommand &c, const int8_t *scratchpad,
                        int64_t y, int64_t x, std::vector<int16_t> &out) {
  bool isWide = c.window.wideInput;
  std::fill(out.begin(), out.end(), int16_t(isWide ? INT16_MIN : INT8_MIN));
  forTapsInside(c.window, y, x, [&](int64_t address, int64_t, int64_t) {
    const int8_t *input = scratchpad + address;
    for (unsigned ch = 0; ch < c.channels; ++ch)
      out[ch] = std::max(out[ch], int16_t(readElement(input, ch, isWide)));
  });
  for (int16_t &value : out)
    value = clampResult(value, 0, c.clampMin, c.clampMax);
}

/// The rescaled sum of a window for each channel.
static void poolSum(const PoolCommand &c, const int8_t *scratchpad, int64_t y,
                    int64_t x, std::vector<int32_t> &sums,
                    std::vector<int16_t> &out) {
  std::fill(sums.begin(), sums.end(), 0);
  uint32_t inside = 0;
  forTapsInside(c.window, y, x, [&](int64_t address, int64_t, int64_t) {
    ++inside;
    const int8_t *input = scratchpad + address;
    for (unsigned ch = 0; ch < c.channels; ++ch)
      sums[ch] =
          wrappingAdd(sums[ch], readElement(input, ch, c.window.wideInput) -
                                    c.inputZeroPoint);
  });
  uint32_t entry = c.countPadding ? 0 : inside;
  int32_t scale[2] = {1 << 30, 30};
  // No tap inside: the sum is zero whatever the scale.
  if (inside)
    std::memcpy(scale, scratchpad + c.parameters + 8 * size_t(entry), 8);
  for (unsigned ch = 0; ch < c.channels; ++ch)
    out[ch] = clampResult(applyScale(sums[ch], scale[0], uint8_t(scale[1])),
                          c.outputZeroPoint, c.clampMin, c.clampMax);
}

void MachineState::execute(const PoolCommand &c) {
  std::vector<int32_t> sums(c.channels);
  std::vector<int16_t> result(c.channels);
  for (unsigned y = 0; y < c.window.outputRows; ++y)
    for (unsigned x = 0; x < c.window.outputColumns; ++x) {
      if (c.kind == PoolKind::Max)
        poolMaximum(c, scratchpad.data(), y, x, result);
      else
        poolSum(c, scratchpad.data(), y, x, sums, result);
      int8_t *out = scratchpad.data() + c.output +
                    size_t(y) * c.outputRowPitch +
                    size_t(x) * c.outputPixelPitch;
      for (size_t ch = 0; ch < result.size(); ++ch)
        writeElement(out, ch, c.wideOutput, result[ch]);
    }
}

static int16_t binaryElement(const BinaryCommand &c, int32_t a, int32_t b) {
  int32_t x = a - c.aZeroPoint, y = b - c.bZeroPoint;
  int32_t value;
  if (c.kind == BinaryKind::Mul) {
    value = x * y;
  } else {
    int32_t scaledA = applyScale(x, c.aMultiplier, c.aShift);
    int32_t scaledB = applyScale(y, c.bMultiplier, c.bShift);
    value = c.kind == BinaryKind::Add
                ? wrappingAdd(scaledA, scaledB)
                : int32_t(uint32_t(scaledA) - uint32_t(scaledB));
  }
  return clampResult(applyScale(value, c.outputMultiplier, c.outputShift),
                     c.outputZeroPoint, c.clampMin, c.clampMax);
}

void MachineState::execute(const BinaryCommand &c) {
  const int8_t *table = c.hasTable ? scratchpad.data() + c.table : nullptr;
  for (size_t i = 0; i < c.count[0]; ++i)
    for (size_t j = 0; j < c.count[1]; ++j)
      for (size_t k = 0; k < c.count[2]; ++k) {
        const int8_t *a = scratchpad.data() + c.a + i * c.aStride[0] +
                          j * c.aStride[1] + k * c.aStride[2];
        const int8_t *b = scratchpad.data() + c.b + i * c.bStride[0] +
                          j * c.bStride[1] + k * c.bStride[2];
        int8_t *out = scratchpad.data() + c.output + i * c.outputStride[0] +
                      j * c.outputStride[1] + k * c.outputStride[2];
        for (size_t l = 0; l < c.length; ++l) {
          int16_t q =
              binaryElement(c, readElement(a + l * c.aStride[3], 0, c.wideA),
                            readElement(b + l * c.bStride[3], 0, c.wideB));
          writeElement(out, l, c.wideOutput, table ? table[q + 128] : q);
        }
      }
}

/// Between the entries of the table on both sides; beyond them where an input
/// has more bits than it may, the nearest.
static int16_t interpolate(const LookupCommand &c, const int16_t *table,
                           int32_t x) {
  int32_t entry = std::clamp((x >> c.stepBits) + 256, 0, 511);
  int32_t low = x & ((1 << c.stepBits) - 1);
  int32_t step = (table[entry + 1] - table[entry]) * low;
  return int16_t(table[entry] +
                 ((step + ((1 << c.stepBits) >> 1)) >> c.stepBits));
}

void MachineState::execute(const LookupCommand &c) {
  if (c.isWide) {
    int16_t table[513];
    for (size_t i = 0; i < 513; ++i)
      table[i] = int16_t(readElement(scratchpad.data() + c.table, i, true));
    for (size_t i = 0; i < c.length; ++i)
      writeElement(
          scratchpad.data() + c.output, i, true,
          interpolate(c, table,
                      readElement(scratchpad.data() + c.input, i, true)));
    return;
  }
  int8_t table[256];
  std::memcpy(table, scratchpad.data() + c.table, sizeof(table));
  for (size_t i = 0; i < c.length; ++i)
    scratchpad[c.output + i] = table[scratchpad[c.input + i] + 128];
}

void MachineState::execute(const FillCommand &c) {
  for (size_t row = 0; row < c.rows; ++row) {
    int8_t *out = scratchpad.data() + c.output + row * c.pitch;
    if (!c.wideOutput)
      std::memset(out, c.value, c.length);
    else
      for (size_t i = 0; i < c.length / 2; ++i)
        writeElement(out, i, true, c.value);
  }
}
