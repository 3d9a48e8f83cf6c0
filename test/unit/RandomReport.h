//===- RandomReport.h - Cost reports that keep the invariants ---*- C++ -*-===//

#ifndef ACCOPT_TEST_UNIT_RANDOMREPORT_H
#define ACCOPT_TEST_UNIT_RANDOMREPORT_H

#include "accopt/Report/CostReport.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace accopt::test {

class RandomReport {
public:
  explicit RandomReport(uint64_t seed) : random(seed) {}

  int64_t below(int64_t bound) {
    return std::uniform_int_distribution<int64_t>(0, bound - 1)(random);
  }

  /// Names from a few parts, so that they repeat and share nodes, with
  /// characters that every format has to escape.
  std::string name() {
    static const char *const parts[] = {
        "conv", "relu", "/a/b.0/Conv", "\"q\"|<b>&", "na\xc3\xafve", "a\x01\n"};
    std::string result = parts[below(std::size(parts))];
    while (below(2))
      result += std::string("+") + parts[below(std::size(parts))];
    return result;
  }

  OpCost op() {
    static const char *const types[] = {"conv2d", "avg_pool"};
    OpCost op;
    op.name = name();
    op.op = types[below(std::size(types))];
    op.placement = CostPlacement(below(4));
    op.bound = CostBound(below(3));
    if (below(3) == 0)
      op.reason = "no exp on the vector unit";
    op.cycles = below(3) ? below(1'000'000) : 0;
    op.rooflineCycles = op.cycles / 2;
    op.energy = energy();
    CostCounts &counts = op.counts;
    for (int64_t *count :
         {&counts.macs, &counts.dramReadBytes, &counts.dramWriteBytes,
          &counts.scratchpadReadBytes, &counts.scratchpadWriteBytes,
          &counts.accumulatorReadBytes, &counts.accumulatorWriteBytes})
      *count = below(int64_t(1) << below(62));
    op.utilization = real();
    if (below(2)) {
      op.weightBits = 2 + below(7);
      op.inputBits = 2 + below(7);
    }
    if (below(2)) {
      op.arrayPrecision = 8;
      op.arrayRate = 1 + below(4);
    }
    for (std::optional<EngineUse> &use : op.engines)
      if (int64_t start = below(1000); start % 2)
        use = {start, start + below(1000), below(1000)};
    if (below(2))
      op.scratchpadBytes = below(3) * below(1'000'000);
    if (below(2))
      op.dramLiveBytes = below(3) * below(1'000'000);
    return op;
  }

  CostReport report() {
    CostReport report;
    report.source = below(2) ? "analysis" : "simulator";
    report.modelName = name();
    report.modelSha256 = below(2) ? "ab12" : "";
    report.targetName = name();
    report.targetSha256 = "cd34";
    report.clockHz = double(1 + below(2'000'000'000));
    int64_t rows = 1 + below(64), columns = 1 + below(64), rate = 1 + below(2);
    report.targetParameters = llvm::json::Object{{"rows", rows},
                                                 {"columns", columns},
                                                 {"array_rate_4bit", rate},
                                                 {"clock_hz", report.clockHz},
                                                 {"energy", {1, "x"}}};
    report.peakMacsPerCycle = rows * columns;
    report.hasArrayRates = rate > 1;
    report.dramPeakBytes = below(1'000'000);
    if (below(2))
      report.dramConstantBytes = below(2) * below(1'000'000);
    for (int64_t count = below(20); count > 0; --count)
      report.ops.push_back(op());
    // Sums of such counts may not fit: the total has its own.
    std::vector<CostCounts> counts;
    for (OpCost &op : report.ops)
      counts.push_back(std::exchange(op.counts, CostCounts()));
    report.computeTotal();
    for (size_t i = 0; i < counts.size(); ++i)
      report.ops[i].counts = counts[i];
    report.total.counts.macs = below(1000);
    return report;
  }

  /// Another report of nearly the same network: ops are changed, renamed,
  /// removed and added.
  CostReport changed(const CostReport &before) {
    CostReport after = before;
    after.ops.clear();
    for (const OpCost &op : before.ops) {
      int64_t what = below(6);
      if (what == 0)
        continue;
      after.ops.push_back(op);
      if (what == 1)
        after.ops.back().name += "+norm";
      if (what == 2)
        after.ops.back().cycles += below(1000);
      if (what == 3)
        after.ops.back().energy = energy();
      if (what == 4)
        after.ops.push_back(this->op());
    }
    CostTotal &total = after.total;
    total.cycles = 0;
    total.energyPj = 0;
    for (const OpCost &op : after.ops) {
      total.cycles += op.cycles;
      total.energyPj += op.energyPj();
    }
    return after;
  }

private:
  double real() { return std::uniform_real_distribution<double>(0, 1)(random); }

  /// Components in a random order.
  EnergyComponents energy() {
    EnergyComponents components;
    for (const char *component : {"array", "dram", "q\"\\u0041", "host"})
      if (below(4))
        components.emplace_back(component, real() * double(below(1 << 30)));
    std::shuffle(components.begin(), components.end(), random);
    return components;
  }

  std::mt19937_64 random;
};

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_RANDOMREPORT_H
