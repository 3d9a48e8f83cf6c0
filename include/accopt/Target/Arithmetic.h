//===- Arithmetic.h - The integer contract's rescale ------------*- C++ -*-===//
//
// Part of AccOpt. TOSA's apply_scale_32 with SINGLE_ROUND, bit for bit, and the
// conversion of a real factor to its multiplier and shift. Quantization,
// simulator and tests share this one definition.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_ARITHMETIC_H
#define ACCOPT_TARGET_ARITHMETIC_H

#include "llvm/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <system_error>

namespace accopt {

/// A real factor as `multiplier * 2^-shift`, with multiplier in [2^30, 2^31)
/// and shift in [2, 62].
struct ScaleFactor {
  int32_t multiplier = 1 << 30;
  uint8_t shift = 30;
  bool operator==(const ScaleFactor &) const = default;
};

inline constexpr int64_t kMinMultiplier = int64_t(1) << 30;
inline constexpr int64_t kMaxMultiplier = (int64_t(1) << 31) - 1;
inline constexpr unsigned kMinShift = 2, kMaxShift = 62;

/// `value * multiplier / 2^shift`, rounded half up: TOSA's apply_scale_32 with
/// SINGLE_ROUND. A result beyond 32 bits keeps its low 32 bits. Only the low
/// six bits of the shift count, and a shift of 0 rounds nothing: so that
/// damaged data has a result as well.
inline int32_t applyScale(int32_t value, int32_t multiplier, uint8_t shift) {
  unsigned bits = shift & 63;
  uint64_t round = (uint64_t(1) << bits) >> 1;
  uint64_t product = static_cast<uint64_t>(int64_t(value) * multiplier);
  return static_cast<int32_t>(static_cast<int64_t>(product + round) >> bits);
}

/// The low `bits` bits (1 to 8) of a byte, sign-extended.
inline int8_t signExtend(int8_t value, unsigned bits) {
  unsigned unused = 8 - bits;
  return static_cast<int8_t>(static_cast<int8_t>(uint8_t(value) << unused) >>
                             unused);
}

/// Additions of the machine wrap at 32 bits.
inline int32_t wrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) +
                              static_cast<uint32_t>(b));
}

/// `clamp(value + zeroPoint, low, high)`, where the sum does not wrap.
inline int16_t clampResult(int32_t value, int8_t zeroPoint, int16_t low,
                           int16_t high) {
  int64_t sum = int64_t(value) + zeroPoint;
  return static_cast<int16_t>(
      std::max<int64_t>(low, std::min<int64_t>(sum, high)));
}

/// The nearest factor to `real`. Fails unless `real` is positive and in
/// [2^-32, 2^29), the range that shifts of 2 to 62 reach.
inline llvm::Expected<ScaleFactor> quantizeMultiplier(double real) {
  int exponent = 0;
  if (std::isfinite(real) && real > 0) {
    double fraction = std::frexp(real, &exponent);
    int64_t multiplier = std::llround(std::ldexp(fraction, 31));
    if (multiplier > kMaxMultiplier) {
      multiplier /= 2;
      ++exponent;
    }
    int shift = 31 - exponent;
    if (shift >= int(kMinShift) && shift <= int(kMaxShift))
      return ScaleFactor{static_cast<int32_t>(multiplier),
                         static_cast<uint8_t>(shift)};
  }
  return llvm::createStringError(
      std::errc::result_out_of_range,
      "expected a scale factor in [2^-32, 2^29), got %g", real);
}

} // namespace accopt

#endif // ACCOPT_TARGET_ARITHMETIC_H
