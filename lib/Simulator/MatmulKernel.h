//===- MatmulKernel.h - int16 x int16 -> int32 blocks -----------*- C++ -*-===//
//
// Part of AccOpt. The inner loop of the array's simulation.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SIMULATOR_MATMULKERNEL_H
#define ACCOPT_LIB_SIMULATOR_MATMULKERNEL_H

#include <cstddef>
#include <cstdint>

namespace accopt {

/// Columns that one call computes.
inline constexpr unsigned kKernelColumns = 16;
/// Pixels that one call computes at most.
inline constexpr unsigned kKernelPixels = 8;

/// out[p * outPitch + j] = sum over k of a[p * aPitch + k] * w(k, j), wrapping
/// at 32 bits, for p < pixels and j < kKernelColumns, where k runs over 2 *
/// pairs and w(2 * i + b, j) = w[(i * kKernelColumns + j) * 2 + b]. Values of a
/// lie in [-2^15, 2^15) and of w in [-128, 127], so that a pair's sum fits.
using MatmulKernel = void (*)(const int16_t *a, size_t aPitch, unsigned pixels,
                              const int16_t *w, size_t pairs, int32_t *out,
                              size_t outPitch);

/// The fastest kernel that this processor runs.
MatmulKernel selectMatmulKernel();

/// Every kernel that this processor runs, for tests: at most three, the rest
/// null.
struct MatmulKernels {
  MatmulKernel portable = nullptr, avx2 = nullptr, avx512 = nullptr;
};
MatmulKernels availableMatmulKernels();

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_MATMULKERNEL_H
