//===- ReadReportTest.cpp - Cost reports from JSON ------------------------===//
//
// ACCOPT_TEST_SEED sets the seed of the random reports, which is printed.
//
//===----------------------------------------------------------------------===//

#include "accopt/Report/ReadReport.h"

#include "RandomReport.h"
#include "accopt/Report/ReportWriter.h"

#include "llvm/ADT/StringExtras.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace llvm;
using namespace accopt;

namespace {

std::string toJson(const CostReport &report) {
  std::string text;
  raw_string_ostream os(text);
  printReport(report, ReportFormat::Json, os);
  return text;
}

/// The error of reading `text`.
std::string errorOf(StringRef text) {
  Expected<CostReport> report = parseReport(text, "r.json");
  return report ? "none" : toString(report.takeError());
}

/// A report of one op, whose text the tests change.
std::string sample() {
  CostReport report;
  report.source = "analysis";
  report.modelName = "tiny";
  report.targetName = "systolic16x16";
  OpCost op;
  op.name = "conv";
  op.op = "conv2d";
  op.cycles = 40;
  op.energy = {{"mac", 1.5}, {"dram", 2}};
  report.ops = {op};
  report.computeTotal();
  return toJson(report);
}

/// `sample()` with its last occurrence of `from` replaced, which is the op's.
std::string edited(StringRef from, StringRef to) {
  std::string text = sample();
  size_t at = text.rfind(from);
  EXPECT_NE(at, std::string::npos) << from.str();
  return text.replace(at, from.size(), to);
}

std::string editedFirst(StringRef from, StringRef to) {
  std::string text = sample();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from.str();
  return text.replace(at, from.size(), to);
}

TEST(ReadReportTest, RandomReportsComeBack) {
  const char *chosen = std::getenv("ACCOPT_TEST_SEED");
  unsigned seed = chosen ? unsigned(std::atoi(chosen)) : 1;
  std::printf("seeds %u to %u\n", seed, seed + 199);
  for (unsigned end = seed + 200; seed < end; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CostReport report = test::RandomReport(seed).report();
    std::string text = toJson(report);
    Expected<CostReport> read = parseReport(text, "r.json");
    ASSERT_TRUE(bool(read)) << toString(read.takeError());
    EXPECT_EQ(toJson(*read), text);
    EXPECT_EQ(read->ops, report.ops);
    EXPECT_EQ(read->total.energy, report.total.energy);
    EXPECT_EQ(read->total.energyPj, report.total.energyPj);
    EXPECT_EQ(read->total.counts, report.total.counts);
    EXPECT_EQ(read->clockHz, report.clockHz);
    EXPECT_EQ(read->peakMacsPerCycle, report.peakMacsPerCycle);
    EXPECT_EQ(read->hasArrayRates, report.hasArrayRates);
    EXPECT_EQ(read->dramPeakBytes, report.dramPeakBytes);
    EXPECT_EQ(read->dramConstantBytes, report.dramConstantBytes);
  }
}

TEST(ReadReportTest, UnknownFieldsAreIgnored) {
  std::string text = editedFirst(
      "\"version\": 1,", "\"version\": 1, \"energy\": {\"b\": [{}]}, \"x\": "
                         "[\"\\\"]}\", {\"ops\": [1, []]}], \"\": null,");
  EXPECT_EQ(errorOf(text), "none");
  EXPECT_EQ(toJson(cantFail(parseReport(text, "r.json"))), sample());
}

TEST(ReadReportTest, OtherOrderOfSums) {
  // As from a tool that sorts keys: the sum differs in the last bit at most.
  std::string text = edited("\"mac\": 1.5,\n        \"dram\": 2",
                            "\"dram\": 2,\n        \"mac\": 1.5");
  EXPECT_EQ(errorOf(text), "none");
  EXPECT_EQ(errorOf(edited("\"energy_pj\": 3.5", "\"energy_pj\": 3.50000001")),
            "r.json: ops[0].energy_pj: expected the sum of its components 3.5, "
            "got 3.50000001");
}

TEST(ReadReportTest, NotAReport) {
  EXPECT_THAT(errorOf(""),
              testing::StartsWith("r.json: expected a cost report in JSON, "
                                  "got ["));
  EXPECT_THAT(errorOf("{\"schema\": "), testing::HasSubstr("byte="));
  EXPECT_EQ(errorOf("[1]"),
            "r.json: expected a cost report in JSON, got an array");
  EXPECT_EQ(errorOf("\"a\""),
            "r.json: expected a cost report in JSON, got 'a'");
  EXPECT_EQ(errorOf("{}"), "r.json: schema: expected 'accopt.cost' (a "
                           "--report=FILE.json), got nothing");
  EXPECT_EQ(errorOf("{\"schema\": \"accopt.comparison\"}"),
            "r.json: schema: expected 'accopt.cost' (a --report=FILE.json), "
            "got 'accopt.comparison'");
  EXPECT_EQ(errorOf("{\"schema\": \"accopt.cost\", \"version\": 2}"),
            "r.json: version: expected 1, as a newer tool wrote the file, "
            "got 2");
  EXPECT_EQ(errorOf("{\"schema\": \"accopt.cost\", \"version\": \"1\"}"),
            "r.json: version: expected a whole number of at least 0, got '1'");
  EXPECT_EQ(errorOf("{\"schema\": \"accopt.cost\", \"version\": 1}"),
            "r.json: source: expected a string, got nothing");
  EXPECT_EQ(errorOf(std::string(1'000'000, '[')),
            "r.json: expected a cost report in JSON, got arrays and objects "
            "more than 64 deep");
  EXPECT_THAT(toString(readReport("no/such/file.json").takeError()),
              testing::StartsWith("no/such/file.json: cannot read: "));
}

TEST(ReadReportTest, BadFields) {
  EXPECT_EQ(errorOf(edited("\"cycles\": 40", "\"cycles\": -1")),
            "r.json: ops[0].cycles: expected a whole number of at least 0, "
            "got -1");
  EXPECT_EQ(errorOf(edited("\"cycles\": 40", "\"cycles\": 1.5")),
            "r.json: ops[0].cycles: expected a whole number of at least 0, "
            "got 1.5");
  EXPECT_EQ(errorOf(edited("\"cycles\": 40,", "")),
            "r.json: ops[0].cycles: expected a whole number of at least 0, "
            "got nothing");
  EXPECT_EQ(errorOf(edited("\"macs\": 0", "\"macs\": 99999999999999999999")),
            "r.json: ops[0].macs: expected a whole number of at least 0, "
            "got 1e+20");
  EXPECT_EQ(errorOf(edited("\"dram\": 2", "\"dram\": -2")),
            "r.json: ops[0].energy.dram: expected a number of at least 0, "
            "got -2");
  EXPECT_THAT(errorOf(edited("\"utilization\": 0", "\"utilization\": 1e999")),
              testing::StartsWith("r.json: "));
  EXPECT_EQ(errorOf(edited("\"array\"", "\"tpu\"")),
            "r.json: ops[0].placement: expected one of array, vector, dma, "
            "host, got 'tpu'");
  EXPECT_EQ(errorOf(edited("\"roofline_cycles\": 0",
                           "\"roofline_cycles\": 0, \"weight_bits\": 4")),
            "r.json: ops[0].input_bits: expected a whole number of at least "
            "0, got nothing");
}

TEST(ReadReportTest, Engines) {
  auto with = [](StringRef engines) {
    return edited("\"roofline_cycles\": 0",
                  ("\"roofline_cycles\": 0, \"engines\": " + engines).str());
  };
  CostReport report = cantFail(parseReport(
      with("{\"host\": {\"start\": 1, \"end\": 3, \"busy\": 2, \"x\": 0}, "
           "\"later\": []}"),
      "r.json"));
  EXPECT_EQ(report.ops[0].engines[3], (EngineUse{1, 3, 2}));
  EXPECT_FALSE(report.ops[0].engines[0]);
  EXPECT_EQ(errorOf(with("[]")),
            "r.json: ops[0].engines: expected an object, got an array");
  EXPECT_EQ(errorOf(with("{\"load\": 1}")),
            "r.json: ops[0].engines.load: expected an object, got 1");
  EXPECT_EQ(errorOf(with("{\"load\": {\"start\": 1, \"end\": 2}}")),
            "r.json: ops[0].engines.load.busy: expected a whole number of at "
            "least 0, got nothing");
  EXPECT_EQ(
      errorOf(with("{\"exec\": {\"start\": 3, \"end\": 2, \"busy\": 0}}")),
      "r.json: ops[0].engines.exec.end: expected at least the start 3, got 2");
  EXPECT_EQ(errorOf(edited("\"roofline_cycles\": 0",
                           "\"roofline_cycles\": 0, \"scratchpad_bytes\": "
                           "null")),
            "r.json: ops[0].scratchpad_bytes: expected a whole number of at "
            "least 0, got null");
}

TEST(ReadReportTest, MembersThatComeTwice) {
  EXPECT_THAT(
      errorOf(edited("\"ops\"", "\"ops\": [], \"ops\"")),
      testing::AnyOf("none", testing::HasSubstr("the sum of the ops'")));
  EXPECT_THAT(errorOf(edited("\"energy\"", "\"energy\": {}, \"energy\"")),
              testing::AnyOf("none", testing::HasSubstr("energy_pj")));
}

TEST(ReadReportTest, DamagedTextIsRefusedOrRead) {
  std::mt19937 random(1);
  std::string text = sample();
  for (unsigned i = 0; i < 3000; ++i) {
    std::string damaged = text;
    for (unsigned count = 1 + random() % 3; count > 0; --count)
      damaged[random() % damaged.size()] = "0\"{}[],:\\e-"[random() % 11];
    damaged.resize(damaged.size() - random() % 2 * random() % damaged.size());
    std::string error = errorOf(damaged);
    EXPECT_THAT(error, testing::AnyOf("none", testing::StartsWith("r.json: ")));
  }
}

TEST(ReadReportTest, TotalsHaveToAddUp) {
  EXPECT_EQ(errorOf(editedFirst("\"cycles\": 40", "\"cycles\": 41")),
            "r.json: total.cycles: expected the sum of the ops' 40, got 41");
  EXPECT_EQ(
      errorOf(edited("\"cycles\": 40", "\"cycles\": 9223372036854775807")),
      "r.json: total.cycles: expected the sum of the ops' "
      "9223372036854775807, got 40");
}

} // namespace
