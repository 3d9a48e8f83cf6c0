//===- MachineModel.h - A second, naive machine for tests -------*- C++ -*-===//
//
// The functional effect of each command, written from the formulas of
// docs/Machine.md one element at a time, without any code of the simulator.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_UNIT_MACHINEMODEL_H
#define ACCOPT_TEST_UNIT_MACHINEMODEL_H

#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

namespace accopt::test {

/// floor(v * multiplier / 2^shift + 1/2), low 32 bits.
inline int32_t scaleValue(int32_t v, int32_t multiplier, int shift) {
  __int128 twice = (__int128(v) * multiplier * 2 + (__int128(1) << shift));
  __int128 divisor = __int128(1) << (shift + 1);
  __int128 quotient = twice / divisor;
  if (twice % divisor < 0)
    --quotient;
  return int32_t(uint32_t(uint64_t(quotient)));
}

inline int clampValue(int64_t v, int low, int high) {
  return int(v < low ? low : v > high ? high : v);
}

struct MachineModel {
  explicit MachineModel(const Machine &machine, size_t dramBytes)
      : machine(machine), dram(dramBytes), scratchpad(machine.scratchpadBytes) {
  }

  int32_t word(uint64_t address) const {
    uint32_t value = 0;
    for (int i = 3; i >= 0; --i)
      value = value << 8 | uint8_t(scratchpad.at(address + i));
    return int32_t(value);
  }

  /// A byte, or two, as a signed number.
  int element(uint64_t address, bool isWide) const {
    if (!isWide)
      return scratchpad.at(address);
    return scratchpad.at(address + 1) * 256 + uint8_t(scratchpad.at(address));
  }
  void setElement(uint64_t address, bool isWide, int value) {
    scratchpad.at(address) = int8_t(value);
    if (isWide)
      scratchpad.at(address + 1) = int8_t(value >> 8);
  }

  /// The input of a tap less the zero point, or nothing in the padding; `at`
  /// bytes behind its pixel.
  bool tap(const Window &w, int y, int x, int ky, int kx, int at,
           int64_t &value) const {
    int64_t iy = int64_t(y) * w.strideY + ky * w.dilationY - w.padTop;
    int64_t ix = int64_t(x) * w.strideX + kx * w.dilationX - w.padLeft;
    if (iy < 0 || iy >= w.inputRows || ix < 0 || ix >= w.inputColumns)
      return false;
    value =
        element(w.input + iy * w.inputRowPitch + ix * w.inputPixelPitch + at,
                w.wideInput);
    return true;
  }

  void finish(const Epilogue &e, int y, int x, int c, int32_t sum) {
    uint64_t entry = e.parameters + 12 * uint64_t(c);
    int32_t biased = int32_t(uint32_t(sum) + uint32_t(word(entry)));
    int32_t v = scaleValue(biased, word(entry + 4), word(entry + 8));
    if (e.hasResidual) {
      int r = element(e.residual + uint64_t(y) * e.residualRowPitch +
                          uint64_t(x) * e.residualPixelPitch +
                          c * (e.wideResidual ? 2 : 1),
                      e.wideResidual);
      int32_t scaled = scaleValue(r - e.residualZeroPoint, e.residualMultiplier,
                                  e.residualShift);
      v = scaleValue(int32_t(uint32_t(v) + uint32_t(scaled)), e.sumMultiplier,
                     e.sumShift);
    }
    int q = clampValue(int64_t(v) + e.outputZeroPoint, e.clampMin, e.clampMax);
    if (e.hasTable)
      q = scratchpad.at(e.table + q + 128);
    setElement(e.output + uint64_t(y) * e.outputRowPitch +
                   uint64_t(x) * e.outputPixelPitch +
                   c * (e.wideOutput ? 2 : 1),
               e.wideOutput, q);
  }

  void copy(const DmaCommand &c, bool load) {
    for (int i = 0; i < c.count[0]; ++i)
      for (int j = 0; j < c.count[1]; ++j)
        for (int k = 0; k < c.count[2]; ++k)
          for (uint32_t b = 0; b < c.rowBytes; ++b) {
            if (c.bits != 8 && b >= c.plainBytes) {
              copyPacked(c, load, i, j, k, b);
              continue;
            }
            int64_t far =
                int64_t(c.dramAddress) + int64_t(i) * c.dramStride[0] +
                int64_t(j) * c.dramStride[1] + int64_t(k) * c.dramStride[2] + b;
            int64_t near = int64_t(c.scratchpadAddress) +
                           int64_t(i) * c.scratchpadStride[0] +
                           int64_t(j) * c.scratchpadStride[1] +
                           int64_t(k) * c.scratchpadStride[2] + b;
            if (load)
              scratchpad.at(near) = dram.at(far);
            else
              dram.at(far) = scratchpad.at(near);
          }
  }

  /// Element b of a packed row, one bit at a time.
  void copyPacked(const DmaCommand &c, bool load, int i, int j, int k,
                  uint32_t b) {
    int64_t row = int64_t(c.dramAddress) + int64_t(i) * c.dramStride[0] +
                  int64_t(j) * c.dramStride[1] + int64_t(k) * c.dramStride[2] +
                  c.plainBytes;
    int64_t near = int64_t(c.scratchpadAddress) +
                   int64_t(i) * c.scratchpadStride[0] +
                   int64_t(j) * c.scratchpadStride[1] +
                   int64_t(k) * c.scratchpadStride[2] + b;
    int value = 0;
    for (int bit = 0; bit < c.bits; ++bit) {
      uint64_t n = uint64_t(b - c.plainBytes) * c.bits + bit;
      int8_t &byte = dram.at(row + int64_t(n / 8));
      if (load) {
        value |= (uint8_t(byte) >> n % 8 & 1) << bit;
        continue;
      }
      // The first bit of a byte clears what was there.
      unsigned old = n % 8 == 0 ? 0 : uint8_t(byte);
      unsigned set = uint8_t(scratchpad.at(near)) >> bit & 1;
      byte = int8_t(old | set << n % 8);
    }
    if (load)
      scratchpad.at(near) =
          int8_t(value >= 1 << (c.bits - 1) ? value - (1 << c.bits) : value);
  }

  /// The value of the low bits in two's complement.
  static int64_t lowBits(int64_t value, int bits) {
    int64_t modulus = int64_t(1) << bits;
    int64_t low = ((value % modulus) + modulus) % modulus;
    return low >= modulus / 2 ? low - modulus : low;
  }

  void run(const LoadCommand &c) { copy(c, true); }
  void run(const StoreCommand &c) { copy(c, false); }

  void run(const MatmulCommand &c) {
    const Window &w = c.window;
    int pixels = w.outputRows * w.outputColumns;
    bool whole = !c.accumulate && c.finish;
    uint64_t weights = c.weights;
    for (int first = 0; first < c.columns; first += int(machine.columns)) {
      int width = std::min<int>(int(machine.columns), c.columns - first);
      for (int j = 0; j < width; ++j)
        for (int p = 0; p < pixels; ++p) {
          int y = p / w.outputColumns, x = p % w.outputColumns;
          uint64_t block = whole ? 0 : first / machine.columns;
          uint64_t slot =
              c.accumulator + ((block * pixels + p) * machine.columns + j) * 4;
          int64_t sum = c.accumulate ? accumulators.at(slot) : 0;
          for (int ky = 0, k = 0; ky < w.kernelY; ++ky)
            for (int kx = 0; kx < w.kernelX; ++kx)
              for (int ch = 0; ch < c.channels; ++ch, ++k) {
                int64_t value;
                int length = c.channels / c.runs;
                int at = ch / length * int(c.runPitch) +
                         ch % length * (w.wideInput ? 2 : 1);
                if (tap(w, y, x, ky, kx, at, value))
                  sum +=
                      (lowBits(value, c.precision) - c.inputZeroPoint) *
                      lowBits(scratchpad.at(weights + uint64_t(k) * width + j),
                              std::min<int>(c.precision, 8));
              }
          if (c.finish)
            finish(c.epilogue, y, x, first + j, int32_t(uint32_t(sum)));
          else
            accumulators[slot] = int32_t(uint32_t(sum));
        }
      weights += uint64_t(w.kernelY) * w.kernelX * c.channels * width;
    }
  }

  void run(const DepthwiseCommand &c) {
    const Window &w = c.window;
    for (int y = 0; y < w.outputRows; ++y)
      for (int x = 0; x < w.outputColumns; ++x)
        for (int ch = 0; ch < c.channels; ++ch) {
          int64_t sum = 0, value;
          for (int ky = 0; ky < w.kernelY; ++ky)
            for (int kx = 0; kx < w.kernelX; ++kx)
              if (tap(w, y, x, ky, kx, ch * (w.wideInput ? 2 : 1), value))
                sum += (value - c.inputZeroPoint) *
                       scratchpad.at(
                           c.weights +
                           uint64_t(ky * w.kernelX + kx) * c.channels + ch);
          finish(c.epilogue, y, x, ch, int32_t(uint32_t(sum)));
        }
  }

  void run(const PoolCommand &c) {
    const Window &w = c.window;
    for (int y = 0; y < w.outputRows; ++y)
      for (int x = 0; x < w.outputColumns; ++x)
        for (int ch = 0; ch < c.channels; ++ch) {
          int64_t sum = 0, highest = w.wideInput ? -32768 : -128, value;
          int inside = 0;
          for (int ky = 0; ky < w.kernelY; ++ky)
            for (int kx = 0; kx < w.kernelX; ++kx)
              if (tap(w, y, x, ky, kx, ch * (w.wideInput ? 2 : 1), value)) {
                ++inside;
                sum += value - c.inputZeroPoint;
                highest = std::max(highest, value);
              }
          int64_t v = highest;
          if (c.kind == PoolKind::Sum) {
            v = c.outputZeroPoint;
            int n = c.countPadding ? 0 : inside;
            if (inside)
              v += scaleValue(int32_t(sum), word(c.parameters + 8 * n),
                              word(c.parameters + 8 * n + 4));
          }
          setElement(c.output + uint64_t(y) * c.outputRowPitch +
                         uint64_t(x) * c.outputPixelPitch +
                         ch * (c.wideOutput ? 2 : 1),
                     c.wideOutput, clampValue(v, c.clampMin, c.clampMax));
        }
  }

  void run(const BinaryCommand &c) {
    for (int i = 0; i < c.count[0]; ++i)
      for (int j = 0; j < c.count[1]; ++j)
        for (int k = 0; k < c.count[2]; ++k)
          for (uint32_t l = 0; l < c.length; ++l) {
            auto at = [&](uint32_t base, const std::array<uint32_t, 4> &s,
                          bool isWide) {
              return element(uint64_t(base) + uint64_t(i) * s[0] +
                                 uint64_t(j) * s[1] + uint64_t(k) * s[2] +
                                 uint64_t(l) * s[3],
                             isWide);
            };
            int32_t a = at(c.a, c.aStride, c.wideA) - c.aZeroPoint;
            int32_t b = at(c.b, c.bStride, c.wideB) - c.bZeroPoint;
            int64_t v;
            if (c.kind == BinaryKind::Mul) {
              v = a * b;
            } else {
              int64_t x = scaleValue(a, c.aMultiplier, c.aShift);
              int64_t y = scaleValue(b, c.bMultiplier, c.bShift);
              v = c.kind == BinaryKind::Add ? x + y : x - y;
            }
            int32_t scaled = scaleValue(int32_t(uint32_t(v)),
                                        c.outputMultiplier, c.outputShift);
            int q = clampValue(int64_t(scaled) + c.outputZeroPoint, c.clampMin,
                               c.clampMax);
            if (c.hasTable)
              q = scratchpad.at(c.table + q + 128);
            setElement(uint64_t(c.output) + uint64_t(i) * c.outputStride[0] +
                           uint64_t(j) * c.outputStride[1] +
                           uint64_t(k) * c.outputStride[2] +
                           l * (c.wideOutput ? 2 : 1),
                       c.wideOutput, q);
          }
  }

  void run(const LookupCommand &c) {
    if (c.isWide)
      return interpolate(c);
    for (uint32_t i = 0; i < c.length; ++i)
      scratchpad.at(c.output + i) =
          scratchpad.at(c.table + scratchpad.at(c.input + i) + 128);
  }

  /// On the line between two entries, rounded half up.
  void interpolate(const LookupCommand &c) {
    double pieces = 1 << c.stepBits;
    for (uint32_t i = 0; i < c.length; ++i) {
      int x = element(c.input + 2 * i, true);
      double piece = std::floor(x / pieces), low = x - piece * pieces;
      int entry = clampValue(int64_t(piece) + 256, 0, 511);
      int from = element(c.table + 2 * entry, true);
      int to = element(c.table + 2 * entry + 2, true);
      double value = from + (to - from) * low / pieces;
      setElement(c.output + 2 * i, true, int(std::floor(value + 0.5)));
    }
  }

  void run(const FillCommand &c) {
    int bytes = c.wideOutput ? 2 : 1;
    for (uint32_t r = 0; r < c.rows; ++r)
      for (uint32_t i = 0; i < c.length; i += bytes)
        setElement(c.output + uint64_t(r) * c.pitch + i, c.wideOutput, c.value);
  }

  void run(const HostCommand &) {}

  void run(const Command &command) {
    std::visit([&](const auto &operation) { run(operation); },
               command.operation);
  }

  const Machine &machine;
  std::vector<int8_t> dram, scratchpad;
  std::map<uint64_t, int32_t> accumulators;
};

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_MACHINEMODEL_H
