//===- Excess.cpp - Why ops take longer than their bounds -----------------===//

#include "accopt/Report/Excess.h"

#include "Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace llvm;
using namespace accopt;

/// Cycles that an engine works for an op; 0 for one that it does not use.
static int64_t busyCycles(const OpCost &op, Engine engine) {
  const std::optional<EngineUse> &use = op.engines[size_t(engine)];
  return use ? use->busy : 0;
}

/// Of the cycles that the array works, those in which it could do no MAC for
/// want of rows, columns or pixels to fill it.
static std::string describeArray(const OpCost &op, const CostReport &report,
                                 int64_t busy) {
  double peak = double(report.peakMacsPerCycle) * double(op.arrayRate);
  double used = peak > 0 ? double(op.counts.macs) / (peak * double(busy)) : 0;
  return formatv(
      "the array works {0} cycles at {1:f1} % of its MACs: idle rows "
      "or columns, filling, draining",
      busy, 100 * std::min(used, 1.0));
}

static std::string describeTraffic(const OpCost &op, StringRef engine,
                                   int64_t busy) {
  int64_t bytes =
      engine == "LOAD" ? op.counts.dramReadBytes : op.counts.dramWriteBytes;
  return formatv(
      "{0} works {1} cycles for {2}B of DRAM, more than must be moved", engine,
      busy, formatScaled(double(bytes)));
}

std::string accopt::describeExcess(const OpCost &op, const CostReport &report) {
  if (op.placement == CostPlacement::Host)
    return "runs on the host: " + op.reason;
  int64_t exec = busyCycles(op, Engine::Exec);
  int64_t load = busyCycles(op, Engine::Load);
  int64_t store = busyCycles(op, Engine::Store);
  int64_t busiest = std::max({exec, load, store});
  // What is above the bound is what the busiest engine does beyond it, and the
  // time in which that one waits.
  if (op.cycles - busiest > busiest - op.rooflineCycles)
    return formatv("no engine works more than {0} of {1} cycles: they wait for "
                   "each other and for DRAM",
                   busiest, op.cycles);
  if (busiest == exec)
    return op.placement == CostPlacement::Array
               ? describeArray(op, report, exec)
               : formatv(
                     "the vector unit works {0} cycles: idle lanes, rescaling, "
                     "filling",
                     exec)
                     .str();
  return busiest == load ? describeTraffic(op, "LOAD", load)
                         : describeTraffic(op, "STORE", store);
}

std::vector<size_t> accopt::worstOps(const CostReport &report, size_t most) {
  if (double(report.total.cycles) <=
      kNamedExcess * double(report.total.rooflineCycles))
    return {};
  std::vector<size_t> ops;
  for (size_t i : seq(report.ops.size()))
    if (excessCycles(report.ops[i]) > 0)
      ops.push_back(i);
  sort(ops, [&](size_t a, size_t b) {
    return std::pair(-excessCycles(report.ops[a]), a) <
           std::pair(-excessCycles(report.ops[b]), b);
  });
  ops.resize(std::min(ops.size(), most));
  return ops;
}
