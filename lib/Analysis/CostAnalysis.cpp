//===- CostAnalysis.cpp - Cycles and events of a schedule -----------------===//
//
// Part of AccOpt. With e the engine of command i, o another engine, and T(i, o)
// the tokens that e has taken from o up to and including i:
//   start(i)    = max(free(e), max over o of complete(o, T(i, o)))
//   free(e)     = start(i) + occupancy(i)
//   complete(e, ordinal of i) = start(i) + occupancy(i) + latency(i)
//
//===----------------------------------------------------------------------===//

#include "accopt/Analysis/CostAnalysis.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <system_error>

using namespace accopt;

llvm::Expected<CostAnalysis> accopt::analyzeCost(const Program &program) {
  CostAnalysis result;
  result.layers.resize(program.layers.size());
  std::array<uint64_t, kEngineCount> free = {};
  std::array<std::array<uint64_t, kEngineCount>, kEngineCount> taken = {};
  std::array<std::vector<uint64_t>, kEngineCount> complete;
  uint64_t end = 0;
  for (auto [index, command] : llvm::enumerate(program.commands)) {
    unsigned engine = unsigned(command.engine());
    uint64_t start = free[engine];
    for (unsigned other = 0; other < kEngineCount; ++other) {
      if (!command.take[other])
        continue;
      taken[engine][other] += command.take[other];
      if (other == engine || taken[engine][other] > complete[other].size())
        return llvm::createStringError(
            std::errc::invalid_argument,
            "command %zu waits for a token that no earlier command sends",
            size_t(index));
      start = std::max(start, complete[other][taken[engine][other] - 1]);
    }
    Duration time = duration(command, program.machine);
    free[engine] = start + time.occupancy;
    complete[engine].push_back(free[engine] + time.latency);
    LayerCost &layer = result.layers[command.layer];
    layer.quantities += quantities(command, program.machine);
    std::optional<EngineSpan> &span = layer.engines[engine];
    if (!span)
      span = {start, 0, 0};
    span->end = std::max(span->end, complete[engine].back());
    span->busy += time.occupancy;
    uint64_t later = std::max(end, complete[engine].back());
    layer.cycles += later - end;
    end = later;
  }
  result.cycles = end;
  return result;
}
