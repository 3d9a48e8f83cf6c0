//===- Epilogue.h - From int32 sums to results ------------------*- C++ -*-===//
//
// Part of AccOpt. The output stage that the array and depthwise convolution
// share (struct Epilogue), and elements of one or two bytes in the scratchpad.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SIMULATOR_EPILOGUE_H
#define ACCOPT_LIB_SIMULATOR_EPILOGUE_H

#include "accopt/Target/Arithmetic.h"
#include "accopt/Target/Command.h"

#include "llvm/Support/Endian.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace accopt {

/// Element `index` of int16 elements at `bytes`, little endian, or of bytes.
inline int32_t readElement(const int8_t *bytes, size_t index, bool isWide) {
  if (!isWide)
    return bytes[index];
  return int16_t(llvm::support::endian::read16le(bytes + 2 * index));
}

/// Writes what fits the element.
inline void writeElement(int8_t *bytes, size_t index, bool isWide,
                         int16_t value) {
  if (isWide)
    llvm::support::endian::write16le(bytes + 2 * index, uint16_t(value));
  else
    bytes[index] = int8_t(value);
}

/// Reads the parameter table once for a command, then finishes pixel by pixel.
class EpilogueStage {
public:
  EpilogueStage(const Epilogue &epilogue, unsigned columns, int8_t *scratchpad)
      : e(epilogue), scratchpad(scratchpad), parameters(columns) {
    std::memcpy(parameters.data(), scratchpad + e.parameters,
                columns * sizeof(Parameters));
    if (e.hasTable)
      std::memcpy(table, scratchpad + e.table, sizeof(table));
  }

  /// Finishes all columns of output pixel (y, x) from its sums.
  void finish(unsigned y, unsigned x, const int32_t *sums) const {
    int8_t *out = scratchpad + e.output + size_t(y) * e.outputRowPitch +
                  size_t(x) * e.outputPixelPitch;
    const int8_t *residual = scratchpad + e.residual +
                             size_t(y) * e.residualRowPitch +
                             size_t(x) * e.residualPixelPitch;
    for (size_t c = 0; c < parameters.size(); ++c) {
      const Parameters &p = parameters[c];
      int32_t value =
          applyScale(wrappingAdd(sums[c], p.bias), p.multiplier, p.shift);
      if (e.hasResidual)
        value = addResidual(value, readElement(residual, c, e.wideResidual));
      int16_t q = clampResult(value, e.outputZeroPoint, e.clampMin, e.clampMax);
      writeElement(out, c, e.wideOutput, e.hasTable ? table[q + 128] : q);
    }
  }

private:
  struct Parameters {
    int32_t bias, multiplier, shift;
  };
  static_assert(sizeof(Parameters) == 12);

  int32_t addResidual(int32_t value, int32_t residual) const {
    int32_t scaled = applyScale(residual - e.residualZeroPoint,
                                e.residualMultiplier, e.residualShift);
    return applyScale(wrappingAdd(value, scaled), e.sumMultiplier, e.sumShift);
  }

  const Epilogue &e;
  int8_t *scratchpad;
  std::vector<Parameters> parameters;
  int8_t table[256] = {};
};

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_EPILOGUE_H
