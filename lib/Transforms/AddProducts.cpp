//===- AddProducts.cpp - A tile of a product of matrices ------------------===//
//
// Part of AccOpt. The compiler itself is built for any host; this loop, which
// takes most of the time of rounding weights in view of each other, is built
// for several. A row of the tile is one vector of AVX-512; hosts with shorter
// vectors have several of them for a row, and take fewer rows at once so that
// the sums stay in registers.
//
//===----------------------------------------------------------------------===//

#include "AddProducts.h"

#include <cstring>

using namespace accopt;

namespace {
constexpr int kWidth = 16;
using Row = float __attribute__((vector_size(kWidth * sizeof(float))));

template <int Rows>
inline __attribute__((always_inline)) void
add(float *to, float factor, const float *a, const float *b, int64_t depth) {
#pragma clang fp contract(off)
  for (int first = 0; first < kWidth; first += Rows) {
    Row sums[Rows] = {};
    for (int64_t p = 0; p < depth; ++p) {
      Row row;
      std::memcpy(&row, b + p * kWidth, sizeof(row));
#pragma clang loop unroll(full)
      for (int i = 0; i < Rows; ++i)
        sums[i] += a[p * kWidth + first + i] * row;
    }
    for (int i = 0; i < Rows; ++i) {
      float *out = to + (first + i) * kWidth;
      Row row;
      std::memcpy(&row, out, sizeof(row));
      row += factor * sums[i];
      std::memcpy(out, &row, sizeof(row));
    }
  }
}

void addAnywhere(float *to, float factor, const float *a, const float *b,
                 int64_t depth) {
  add<2>(to, factor, a, b, depth);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void addAvx2(float *to, float factor,
                                             const float *a, const float *b,
                                             int64_t depth) {
  add<4>(to, factor, a, b, depth);
}

__attribute__((target("avx512f"))) void addAvx512(float *to, float factor,
                                                  const float *a,
                                                  const float *b,
                                                  int64_t depth) {
  add<16>(to, factor, a, b, depth);
}
#endif
} // namespace

void accopt::addProducts(float *to, float factor, const float *a,
                         const float *b, int64_t depth) {
#if defined(__x86_64__)
  static const auto best = __builtin_cpu_supports("avx512f") ? addAvx512
                           : __builtin_cpu_supports("avx2")  ? addAvx2
                                                             : addAnywhere;
  best(to, factor, a, b, depth);
#else
  addAnywhere(to, factor, a, b, depth);
#endif
}
