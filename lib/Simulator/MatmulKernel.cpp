//===- MatmulKernel.cpp - int16 x int16 -> int32 blocks -------------------===//
//
// Reduction indices go in pairs, as the multiply-add instructions of x86 take
// them: two int16 products summed into one int32 lane. A block of pixels times
// 16 columns stays in registers for the whole reduction.
//
//===----------------------------------------------------------------------===//

#include "MatmulKernel.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace accopt;

static void portableKernel(const int16_t *a, size_t aPitch, unsigned pixels,
                           const int16_t *w, size_t pairs, int32_t *out,
                           size_t outPitch) {
  for (unsigned p = 0; p < pixels; ++p) {
    uint32_t sums[kKernelColumns] = {};
    const int16_t *row = a + p * aPitch;
    for (size_t i = 0; i < pairs; ++i) {
      const int16_t *block = w + i * kKernelColumns * 2;
      int32_t a0 = row[2 * i], a1 = row[2 * i + 1];
      for (unsigned j = 0; j < kKernelColumns; ++j)
        sums[j] += uint32_t(a0 * block[2 * j] + a1 * block[2 * j + 1]);
    }
    std::memcpy(out + p * outPitch, sums, sizeof(sums));
  }
}

#if defined(__x86_64__)

static inline int32_t loadPair(const int16_t *address) {
  int32_t pair;
  std::memcpy(&pair, address, sizeof(pair));
  return pair;
}

template <unsigned Pixels>
__attribute__((target("avx2"))) static void
avx2Block(const int16_t *a, size_t aPitch, const int16_t *w, size_t pairs,
          int32_t *out, size_t outPitch) {
  __m256i low[Pixels], high[Pixels];
  for (unsigned p = 0; p < Pixels; ++p)
    low[p] = high[p] = _mm256_setzero_si256();
  for (size_t i = 0; i < pairs; ++i) {
    auto *block = reinterpret_cast<const __m256i *>(w + i * kKernelColumns * 2);
    __m256i w0 = _mm256_loadu_si256(block), w1 = _mm256_loadu_si256(block + 1);
    for (unsigned p = 0; p < Pixels; ++p) {
      __m256i pair = _mm256_set1_epi32(loadPair(a + p * aPitch + 2 * i));
      low[p] = _mm256_add_epi32(low[p], _mm256_madd_epi16(pair, w0));
      high[p] = _mm256_add_epi32(high[p], _mm256_madd_epi16(pair, w1));
    }
  }
  for (unsigned p = 0; p < Pixels; ++p) {
    auto *row = reinterpret_cast<__m256i *>(out + p * outPitch);
    _mm256_storeu_si256(row, low[p]);
    _mm256_storeu_si256(row + 1, high[p]);
  }
}

__attribute__((target("avx2"))) static void
avx2Kernel(const int16_t *a, size_t aPitch, unsigned pixels, const int16_t *w,
           size_t pairs, int32_t *out, size_t outPitch) {
  // Four pixels use 8 of the 16 registers for sums.
  for (; pixels >= 4; pixels -= 4, a += 4 * aPitch, out += 4 * outPitch)
    avx2Block<4>(a, aPitch, w, pairs, out, outPitch);
  for (; pixels; --pixels, a += aPitch, out += outPitch)
    avx2Block<1>(a, aPitch, w, pairs, out, outPitch);
}

template <unsigned Pixels>
__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void
avx512Block(const int16_t *a, size_t aPitch, const int16_t *w, size_t pairs,
            int32_t *out, size_t outPitch) {
  __m512i sums[Pixels];
  for (unsigned p = 0; p < Pixels; ++p)
    sums[p] = _mm512_setzero_si512();
  for (size_t i = 0; i < pairs; ++i) {
    __m512i block = _mm512_loadu_si512(w + i * kKernelColumns * 2);
    for (unsigned p = 0; p < Pixels; ++p)
      sums[p] = _mm512_dpwssd_epi32(
          sums[p], _mm512_set1_epi32(loadPair(a + p * aPitch + 2 * i)), block);
  }
  for (unsigned p = 0; p < Pixels; ++p)
    _mm512_storeu_si512(out + p * outPitch, sums[p]);
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void
avx512Kernel(const int16_t *a, size_t aPitch, unsigned pixels, const int16_t *w,
             size_t pairs, int32_t *out, size_t outPitch) {
  for (; pixels >= 8; pixels -= 8, a += 8 * aPitch, out += 8 * outPitch)
    avx512Block<8>(a, aPitch, w, pairs, out, outPitch);
  for (; pixels; --pixels, a += aPitch, out += outPitch)
    avx512Block<1>(a, aPitch, w, pairs, out, outPitch);
}

#endif

MatmulKernels accopt::availableMatmulKernels() {
  MatmulKernels kernels;
  kernels.portable = portableKernel;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2"))
    kernels.avx2 = avx2Kernel;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vnni"))
    kernels.avx512 = avx512Kernel;
#endif
  return kernels;
}

MatmulKernel accopt::selectMatmulKernel() {
  MatmulKernels kernels = availableMatmulKernels();
  if (kernels.avx512)
    return kernels.avx512;
  return kernels.avx2 ? kernels.avx2 : kernels.portable;
}
