//===- Random.h - Numbers that are the same everywhere ----------*- C++ -*-===//
//
// Part of AccOpt. The standard library leaves open what its distributions give,
// so that a seed would mean something else under another one. This generator is
// SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
// number generators", OOPSLA 2014.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DATA_RANDOM_H
#define ACCOPT_DATA_RANDOM_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <initializer_list>
#include <utility>

namespace accopt {

class SplitMix64 {
public:
  /// A stream of its own for each list of keys, such as {seed, epoch}.
  SplitMix64(std::initializer_list<uint64_t> keys) {
    for (uint64_t key : keys) {
      state ^= key;
      state = next();
    }
  }

  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  /// Even over [0, bound); `bound` is above 0. What would favour small numbers
  /// is drawn again.
  uint64_t below(uint64_t bound) {
    uint64_t rest = (0 - bound) % bound; // 2^64 mod bound
    uint64_t value = next();
    while (value < rest)
      value = next();
    return value % bound;
  }

  /// Even over [low, high].
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(high - low + 1));
  }

  /// Even over [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  template <typename T> void shuffle(llvm::MutableArrayRef<T> values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[below(i)]);
  }

private:
  uint64_t state = 0;
};

} // namespace accopt

#endif // ACCOPT_DATA_RANDOM_H
