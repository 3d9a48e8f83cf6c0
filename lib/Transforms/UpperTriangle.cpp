//===- UpperTriangle.cpp - A symmetric matrix, or its factor --------------===//
//
// Part of AccOpt. Both algorithms are made of tiles of 16 x 16: a tile takes in
// all products at once, which are two runs of memory.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/UpperTriangle.h"

#include "AddProducts.h"

#include <algorithm>
#include <cmath>

// Every host gets the same.
#pragma clang fp contract(off)

namespace accopt {

void UpperTriangle::addGram(const float *panel, int64_t depth) {
  for (int64_t s = 0; s < numStrips; ++s)
    for (int64_t t = 0; t <= s; ++t)
      addProducts(row(t * kStrip, s), 1, panel + t * kStrip * depth,
                  panel + s * kStrip * depth, depth);
}

/// Factorizes `tile`, of which the upper half is read and written.
static void factorizeTile(float *tile, float least) {
  constexpr int64_t kStrip = UpperTriangle::kStrip;
  for (int64_t p = 0; p < kStrip; ++p) {
    float *pivots = tile + p * kStrip;
    float root = std::sqrt(std::max(pivots[p], least));
    pivots[p] = root;
    for (int64_t j = p + 1; j < kStrip; ++j)
      pivots[j] /= root;
    for (int64_t i = p + 1; i < kStrip; ++i)
      for (int64_t j = i; j < kStrip; ++j)
        tile[i * kStrip + j] -= pivots[i] * pivots[j];
  }
}

/// X with T^T X = `tile` in its place, T the upper triangle of `diagonal`.
static void solveTile(const float *diagonal, float *tile) {
  constexpr int64_t kStrip = UpperTriangle::kStrip;
  for (int64_t p = 0; p < kStrip; ++p) {
    float *solved = tile + p * kStrip;
    for (int64_t j = 0; j < kStrip; ++j)
      solved[j] /= diagonal[p * kStrip + p];
    for (int64_t i = p + 1; i < kStrip; ++i)
      for (int64_t j = 0; j < kStrip; ++j)
        tile[i * kStrip + j] -= diagonal[p * kStrip + i] * solved[j];
  }
}

/// Tiles of rows from the first: each takes off what the rows before add up to.
void UpperTriangle::factorize(float least) {
  for (int64_t t = 0; t < numStrips; ++t) {
    int64_t first = t * kStrip;
    for (int64_t s = t; s < numStrips; ++s)
      addProducts(row(first, s), -1, row(0, t), row(0, s), first);
    factorizeTile(row(first, t), least);
    for (int64_t s = t + 1; s < numStrips; ++s)
      solveTile(row(first, t), row(first, s));
  }
}

} // namespace accopt
