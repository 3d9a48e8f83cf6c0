//===- GateTest.cpp - Comparisons of reports, and limits ------------------===//
//
// ACCOPT_TEST_SEED sets the seed of the random reports, which is printed.
//
//===----------------------------------------------------------------------===//

#include "accopt/Report/Gate.h"

#include "RandomReport.h"
#include "SmallReport.h"

#include "llvm/ADT/STLExtras.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <set>

using namespace llvm;
using namespace accopt;
using namespace accopt::test;

namespace {

/// "before -> after" of every op, by cycles; "-" for none.
std::vector<std::string> pairs(const CostReport &before,
                               const CostReport &after) {
  std::vector<std::string> result;
  for (const OpComparison &op : compareReports(before, after).ops)
    result.push_back((op.before ? std::to_string(op.before->cycles) : "-") +
                     " -> " +
                     (op.after ? std::to_string(op.after->cycles) : "-"));
  return result;
}

TEST(ComparisonTest, RepeatedNamesMatchInOrder) {
  CostReport before = makeReport({makeOp("a", 1), makeOp("b", 2),
                                  makeOp("a", 3), makeOp("a", 4, 1, "pool")});
  CostReport after =
      makeReport({makeOp("a", 11, 1, "pool"), makeOp("a", 12), makeOp("a", 13),
                  makeOp("a", 14), makeOp("b", 15)});
  EXPECT_THAT(pairs(before, after),
              testing::ElementsAre("4 -> 11", "1 -> 12", "3 -> 13", "- -> 14",
                                   "2 -> 15"));
}

TEST(ComparisonTest, OtherFusionMatchesByNode) {
  CostReport before = makeReport({makeOp("conv1+relu1", 1), makeOp("conv2", 2),
                                  makeOp("relu2", 3, 1, "e"), makeOp("gone", 4),
                                  makeOp("conv3+x", 5)});
  CostReport after = makeReport(
      {makeOp("conv1", 11), makeOp("relu1", 12, 1, "e"),
       makeOp("conv2+relu2", 13), makeOp("new", 14), makeOp("conv3+x", 15)});
  EXPECT_THAT(pairs(before, after),
              testing::ElementsAre("1 -> 11", "- -> 12", "2 -> 13", "- -> 14",
                                   "5 -> 15", "3 -> -", "4 -> -"));
  CostComparison comparison = compareReports(before, after);
  EXPECT_EQ(describeChange(comparison.ops[0]), "was conv1+relu1");
  EXPECT_EQ(describeChange(comparison.ops[1]), "added");
  EXPECT_EQ(describeChange(comparison.ops[4]), "");
  EXPECT_EQ(describeChange(comparison.ops[5]), "removed");
}

TEST(ComparisonTest, EveryOpOnceAndDeltasAddUp) {
  const char *chosen = std::getenv("ACCOPT_TEST_SEED");
  unsigned seed = chosen ? unsigned(std::atoi(chosen)) : 1;
  std::printf("seeds %u to %u\n", seed, seed + 199);
  for (unsigned end = seed + 200; seed < end; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    test::RandomReport random(seed);
    CostReport before = random.report();
    CostReport after =
        seed % 2 ? random.changed(before) : test::RandomReport(~seed).report();
    CostComparison comparison = compareReports(before, after);

    std::set<const OpCost *> seen;
    int64_t cycles = 0;
    double energy = 0;
    for (const OpComparison &op : comparison.ops) {
      for (const OpCost *side : {op.before, op.after})
        EXPECT_TRUE(!side || seen.insert(side).second);
      EXPECT_TRUE(op.before || op.after);
      if (op.before && op.after) {
        EXPECT_EQ(op.before->op, op.after->op);
      }
      cycles += op.cyclesDelta();
      energy += op.energyDeltaPj();
    }
    EXPECT_EQ(seen.size(), before.ops.size() + after.ops.size());
    EXPECT_EQ(cycles, comparison.cyclesDelta());
    EXPECT_NEAR(energy, comparison.energyDeltaPj(),
                1e-8 * (before.total.energyPj + after.total.energyPj));
    size_t changed = rankChanges(comparison, CostMetric::Cycles).size();
    EXPECT_EQ(changed + comparison.countUnchanged(), comparison.ops.size());
    EXPECT_EQ(compareReports(before, before).countUnchanged(),
              before.ops.size());
  }
}

TEST(ComparisonTest, RankIsByAbsoluteDelta) {
  CostReport before = makeReport({makeOp("a", 100, 5), makeOp("b", 100, 5),
                                  makeOp("c", 100, 5), makeOp("d", 100, 5)});
  CostReport after = makeReport({makeOp("a", 101, 5), makeOp("b", 50, 6),
                                 makeOp("c", 101, 9), makeOp("d", 100, 5)});
  auto names = [&](CostMetric metric) {
    std::string text;
    for (const OpComparison &op :
         rankChanges(compareReports(before, after), metric))
      text += op.shown().name;
    return text;
  };
  EXPECT_EQ(names(CostMetric::Cycles), "bca");
  EXPECT_EQ(names(CostMetric::Energy), "cba");
}

TEST(ComparisonTest, RoundingIsNoChange) {
  CostReport before = makeReport({makeOp("a", 1, 0.1 + 0.2)});
  CostReport after = makeReport({makeOp("a", 1, 0.3)});
  ASSERT_NE(before.total.energyPj, after.total.energyPj);
  CostComparison comparison = compareReports(before, after);
  EXPECT_FALSE(comparison.ops[0].isChanged());
  EXPECT_EQ(comparison.energyDeltaPj(), 0);
  EXPECT_TRUE(checkGates(before, &after, GateOptions()).hasPassed());
}

TEST(ComparisonTest, OtherMachinesAndModels) {
  CostReport before = makeReport({}), after = makeReport({});
  before.modelSha256 = "1";
  after.targetSha256 = "2";
  EXPECT_THAT(describeDifferences(compareReports(before, after)),
              testing::IsEmpty());
  after.modelSha256 = "3";
  before.targetSha256 = "4";
  before.targetParameters =
      json::Object{{"rows", 8}, {"same", 1}, {"lanes", 64}, {"old", 1}};
  after.targetParameters =
      json::Object{{"rows", 16}, {"same", 1}, {"lanes", 32}, {"new", 1}};
  EXPECT_THAT(describeDifferences(compareReports(before, after)),
              testing::ElementsAre(
                  "the model file has changed since the baseline",
                  "the target 'systolic16x16' has other parameters than in "
                  "the baseline: lanes 64 -> 32, rows 8 -> 16, 1 new, 1 "
                  "removed"));
  before.modelName = "big";
  before.targetName = "systolic8x8";
  EXPECT_THAT(describeDifferences(compareReports(before, after)),
              testing::ElementsAre("the baseline is of another model: 'big', "
                                   "now 'tiny'",
                                   "the baseline is for another target: "
                                   "'systolic8x8', now 'systolic16x16'"));
}

//===----------------------------------------------------------------------===//
// Quantities
//===----------------------------------------------------------------------===//

std::string cycles(StringRef text) {
  Expected<int64_t> value = parseCycles(text);
  return value ? std::to_string(*value) : toString(value.takeError());
}

TEST(QuantityTest, Cycles) {
  EXPECT_EQ(cycles("3068"), "3068");
  EXPECT_EQ(cycles("20M"), "20000000");
  EXPECT_EQ(cycles("1.5e6"), "1500000");
  EXPECT_EQ(cycles("0.1k"), "100");
  EXPECT_EQ(cycles(" 2 G "), "2000000000");
  EXPECT_EQ(cycles("1.25e-2T"), "12500000000");
  EXPECT_EQ(cycles("0"), "0");
  EXPECT_EQ(cycles("9223372036854775807"), "9223372036854775807");
  for (StringRef bad : {"", ".", "-1", "1.5", "20m", "20MB", "1e", "1e--5",
                        "9223372036854775808", "1e30", "0x10", "1 000", "nan"})
    EXPECT_EQ(cycles(bad), "expected a whole number of cycles such as 3068, "
                           "20M or 1.5e6, got '" +
                               bad.str() + "'");
}

TEST(QuantityTest, Energy) {
  const std::pair<const char *, double> cases[] = {{"25mJ", 25e9},
                                                   {"3uJ", 3e6},
                                                   {"3\xc2\xb5J", 3e6},
                                                   {"3\xce\xbcJ", 3e6},
                                                   {"800pJ", 800},
                                                   {"800", 800},
                                                   {"0.1 nJ", 100},
                                                   {"1.5e3 fJ", 1.5},
                                                   {"2J", 2e12},
                                                   {"1kJ", 1e15},
                                                   {"2.8300682uJ", 2830068.2}};
  for (auto [text, picojoules] : cases) {
    Expected<double> value = parseEnergy(text);
    ASSERT_TRUE(bool(value)) << toString(value.takeError());
    EXPECT_EQ(*value, picojoules) << text;
  }
  for (StringRef bad : {"", "25m", "3MJ", "J", "-3uJ", "1e999", "3 u J", "inf"})
    EXPECT_EQ(toString(parseEnergy(bad).takeError()),
              "expected an energy such as 25mJ, 3uJ or 800pJ, got '" +
                  bad.str() + "'");
}

TEST(QuantityTest, Thresholds) {
  auto parse = [](StringRef text) {
    GateOptions options;
    cantFail(parseThresholds(text, options));
    return options;
  };
  using Kind = Threshold::Kind;
  GateOptions both = parse("0.5%");
  EXPECT_EQ(both.cyclesThreshold.microPercent, 500'000);
  EXPECT_EQ(both.energyThreshold.microPercent, 500'000);
  GateOptions cyclesOnly = parse("2k");
  EXPECT_EQ(cyclesOnly.cyclesThreshold.kind, Kind::Absolute);
  EXPECT_EQ(cyclesOnly.cyclesThreshold.cycles, 2000);
  EXPECT_EQ(cyclesOnly.energyThreshold.kind, Kind::Percent);
  EXPECT_EQ(cyclesOnly.energyThreshold.microPercent, 0);
  GateOptions list = parse("500, 3uJ");
  EXPECT_EQ(list.cyclesThreshold.cycles, 500);
  EXPECT_EQ(list.energyThreshold.energyPj, 3e6);
  GateOptions named = parse("cycles=0.000001%,energy=any");
  EXPECT_EQ(named.cyclesThreshold.microPercent, 1);
  EXPECT_EQ(named.energyThreshold.kind, Kind::Unlimited);

  auto errorOf = [](StringRef text) {
    GateOptions options;
    return toString(parseThresholds(text, options));
  };
  EXPECT_EQ(errorOf("-1%"), "expected a percentage of at most 6 decimals such "
                            "as 1% or 0.5%, got '-1%'");
  EXPECT_THAT(errorOf("0.0000001%"), testing::HasSubstr("at most 6 decimals"));
  EXPECT_THAT(errorOf("%"), testing::HasSubstr("percentage"));
  EXPECT_THAT(errorOf(""), testing::HasSubstr("a whole number of cycles"));
  EXPECT_THAT(errorOf("1%,"), testing::HasSubstr("a whole number of cycles"));
  EXPECT_THAT(errorOf("energy=3M"), testing::HasSubstr("an energy such as"));
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

/// Whether cycles and energy pass --max-regression=`text`.
std::pair<bool, bool> passes(StringRef text, OpCost before, OpCost after) {
  GateOptions options;
  cantFail(parseThresholds(text, options));
  CostReport old = makeReport({before}), now = makeReport({after});
  GateCheck check = checkGates(now, &old, options);
  EXPECT_EQ(check.gates.size(), 2u);
  EXPECT_EQ(check.hasPassed(), check.gates[0].passed && check.gates[1].passed);
  return {check.gates[0].passed, check.gates[1].passed};
}

TEST(GateTest, EdgesAreExact) {
  using Verdicts = std::pair<bool, bool>;
  EXPECT_EQ(passes("0%", makeOp("a", 100, 8), makeOp("a", 100, 8)),
            Verdicts(true, true));
  EXPECT_EQ(passes("0%", makeOp("a", 100, 8), makeOp("a", 101, 8.00001)),
            Verdicts(false, false));
  EXPECT_EQ(passes("0%", makeOp("a", 100, 8), makeOp("a", 5, 0)),
            Verdicts(true, true));
  // 1 % of 10,000 cycles is 100, of 8 pJ 0.08.
  EXPECT_EQ(passes("1%", makeOp("a", 10'000, 8), makeOp("a", 10'100, 8.08)),
            Verdicts(true, true));
  EXPECT_EQ(passes("1%", makeOp("a", 10'000, 8), makeOp("a", 10'101, 8.0801)),
            Verdicts(false, false));
  // 0.5 % of 199 is less than one cycle.
  EXPECT_EQ(passes("0.5%", makeOp("a", 199), makeOp("a", 200)).first, false);
  EXPECT_EQ(passes("0.5%", makeOp("a", 200), makeOp("a", 201)).first, true);
  EXPECT_EQ(passes("7,2pJ", makeOp("a", 10, 4), makeOp("a", 17, 6)),
            Verdicts(true, true));
  EXPECT_EQ(passes("7,2pJ", makeOp("a", 10, 4), makeOp("a", 18, 6.1)),
            Verdicts(false, false));
  // What cost nothing may not cost anything.
  EXPECT_EQ(passes("900%", makeOp("a", 0, 0), makeOp("a", 1, 1)),
            Verdicts(false, false));
  // Beyond the digits of a double, and beyond 63 bits.
  int64_t large = (int64_t(1) << 60) + 1;
  EXPECT_EQ(passes("0%", makeOp("a", large), makeOp("a", large + 1)).first,
            false);
  EXPECT_EQ(passes("100000%", makeOp("a", large), makeOp("a", 2 * large)).first,
            true);
}

TEST(GateTest, RandomEdges) {
  std::mt19937_64 random(7);
  for (unsigned i = 0; i < 2000; ++i) {
    int64_t before = random() % 1'000'000'000;
    int64_t micro = random() % 300'000'000;
    int64_t limit = before + int64_t((__int128(before) * micro) / 100'000'000);
    std::string text = std::to_string(micro / 1'000'000) + "." +
                       std::to_string(1'000'000 + micro % 1'000'000).substr(1) +
                       "%,energy=any";
    GateOptions options;
    cantFail(parseThresholds(text, options));
    CostReport old = makeReport({makeOp("a", before)});
    for (int64_t after : {limit, limit + 1}) {
      CostReport now = makeReport({makeOp("a", after)});
      GateCheck check = checkGates(now, &old, options);
      ASSERT_EQ(check.gates.size(), 1u);
      EXPECT_EQ(check.hasPassed(), after == limit)
          << text << " of " << before << " for " << after;
    }
  }
}

TEST(GateTest, BudgetsAndMessages) {
  CostReport report = makeReport({makeOp("a", 100, 2e9)});
  GateOptions options;
  EXPECT_TRUE(checkGates(report, nullptr, options).gates.empty());
  options.budgetCycles = 100;
  options.budgetEnergyPj = 2e9;
  EXPECT_TRUE(checkGates(report, nullptr, options).hasPassed());
  options.budgetCycles = 80;
  options.budgetEnergyPj = 1e9;
  GateCheck check = checkGates(report, nullptr, options);
  ASSERT_EQ(check.gates.size(), 2u);
  EXPECT_EQ(check.gates[0].message,
            "cycles: expected at most 80 (the budget), got 100 (+25.00%)");
  EXPECT_EQ(check.gates[1].message,
            "energy: expected at most 1mJ (the budget), got 2mJ (+100.00%)");
  EXPECT_EQ(check.mainMetric(), CostMetric::Cycles);
  options.budgetCycles.reset();
  EXPECT_EQ(checkGates(report, nullptr, options).mainMetric(),
            CostMetric::Energy);

  CostReport old = makeReport({makeOp("a", 90, 2e9)});
  cantFail(parseThresholds("5%", options));
  EXPECT_EQ(checkGates(report, &old, options).gates[0].message,
            "cycles: expected at most 94 (baseline 90 + 5%), got 100 "
            "(+11.11%)");
}

} // namespace
