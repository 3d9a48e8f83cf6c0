//===- ExcessTest.cpp - Why ops take longer than their bounds -------------===//

#include "accopt/Report/Excess.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace accopt;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

OpCost op(int64_t cycles, int64_t bound, Engine busiest, int64_t busy) {
  OpCost result;
  result.cycles = cycles;
  result.rooflineCycles = bound;
  result.engines[size_t(busiest)] = EngineUse{0, cycles, busy};
  return result;
}

TEST(Excess, NamesWhatKeepsAnOpFromItsBound) {
  CostReport report;
  report.peakMacsPerCycle = 256;
  OpCost array = op(1000, 500, Engine::Exec, 900);
  array.counts.macs = 115200; // half of 256 * 900
  EXPECT_EQ(describeExcess(array, report),
            "the array works 900 cycles at 50.0 % of its MACs: idle rows or "
            "columns, filling, draining");
  // Twice the rate: a quarter of what it could do.
  array.arrayRate = 2;
  EXPECT_THAT(describeExcess(array, report), HasSubstr("at 25.0 %"));
  array.placement = CostPlacement::Vector;
  EXPECT_THAT(describeExcess(array, report), HasSubstr("the vector unit"));

  OpCost load = op(1000, 500, Engine::Load, 950);
  load.counts.dramReadBytes = 16000;
  EXPECT_EQ(
      describeExcess(load, report),
      "LOAD works 950 cycles for 16.0kB of DRAM, more than must be moved");
  EXPECT_THAT(describeExcess(op(1000, 500, Engine::Store, 950), report),
              HasSubstr("STORE works 950"));
  EXPECT_THAT(describeExcess(op(1000, 500, Engine::Exec, 700), report),
              HasSubstr("no engine works more than 700 of 1000 cycles"));
  OpCost host = op(10, 10, Engine::Host, 10);
  host.placement = CostPlacement::Host;
  host.reason = "no exponential";
  EXPECT_EQ(describeExcess(host, report), "runs on the host: no exponential");
}

TEST(Excess, WorstOpsOfANetworkFarFromItsBound) {
  CostReport report;
  report.ops = {op(110, 100, Engine::Exec, 110), op(300, 100, Engine::Exec, 9),
                op(50, 80, Engine::Exec, 50), op(210, 200, Engine::Exec, 210)};
  report.computeTotal();
  EXPECT_THAT(worstOps(report, 2), ElementsAre(1, 0));
  EXPECT_THAT(worstOps(report, 9), ElementsAre(1, 0, 3));
  // 1.10 of the bound and no more: nothing to explain.
  report.ops = {op(110, 100, Engine::Exec, 110)};
  report.computeTotal();
  EXPECT_TRUE(worstOps(report, 9).empty());
}

} // namespace
