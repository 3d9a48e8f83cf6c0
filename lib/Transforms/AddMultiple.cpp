//===- AddMultiple.cpp - A row plus a multiple of another -----------------===//
//
// Part of AccOpt. The compiler itself is built for any host; this loop, which
// takes most of the time of rounding weights in view of each other, is built
// for several.
//
//===----------------------------------------------------------------------===//

#include "AddMultiple.h"

using namespace accopt;

static inline __attribute__((always_inline)) void
add(double *__restrict to, double factor, const double *__restrict from,
    int64_t count) {
#pragma clang fp contract(off)
  for (int64_t i = 0; i < count; ++i)
    to[i] += factor * from[i];
}

static void addAnywhere(double *__restrict to, double factor,
                        const double *__restrict from, int64_t count) {
  add(to, factor, from, count);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
addAvx2(double *__restrict to, double factor, const double *__restrict from,
        int64_t count) {
  add(to, factor, from, count);
}

__attribute__((target("avx512f"))) static void
addAvx512(double *__restrict to, double factor, const double *__restrict from,
          int64_t count) {
  add(to, factor, from, count);
}
#endif

void accopt::addMultiple(double *to, double factor, const double *from,
                         int64_t count) {
#if defined(__x86_64__)
  static const auto best = __builtin_cpu_supports("avx512f") ? addAvx512
                           : __builtin_cpu_supports("avx2")  ? addAvx2
                                                             : addAnywhere;
  best(to, factor, from, count);
#else
  addAnywhere(to, factor, from, count);
#endif
}
