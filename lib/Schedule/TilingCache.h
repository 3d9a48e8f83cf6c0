//===- TilingCache.h - Tilings that were chosen before ----------*- C++ -*-===//
//
// Part of AccOpt. Layers of one shape in one placement get one tiling: the
// search runs once for them.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_TILINGCACHE_H
#define ACCOPT_LIB_SCHEDULE_TILINGCACHE_H

#include "WindowLayer.h"

#include "accopt/Schedule/Schedule.h"

#include "llvm/ADT/StringMap.h"

namespace accopt {

struct TilingCache::Impl {
  /// By the bytes of all numbers that the search reads but the machine's.
  llvm::StringMap<std::optional<Tiling>> tilings;
};

/// chooseTiling(), or what it gave before.
std::optional<Tiling> chooseTiling(const WindowLayer &layer,
                                   const Placement &placement,
                                   const Machine &machine, TilingCache &cache);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_TILINGCACHE_H
