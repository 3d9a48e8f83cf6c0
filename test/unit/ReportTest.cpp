//===- ReportTest.cpp - Cost reports --------------------------------------===//

#include "accopt/Report/ReportWriter.h"

#include "llvm/ADT/StringExtras.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace accopt;

namespace {

CostReport makeReport() {
  CostReport report;
  report.source = "analysis";
  report.modelName = "tiny.onnx";
  report.targetName = "systolic16x16";
  report.targetParameters = json::Object{{"rows", 16}};
  report.clockHz = 1e9;
  report.peakMacsPerCycle = 256;
  report.dramPeakBytes = 4096;

  OpCost conv;
  conv.name = "/a/very/long/name/of/a/node/that/does/not/fit/into/the/table/"
              "of/one/hundred/columns/Conv";
  conv.op = "conv2d";
  conv.cycles = 1000;
  conv.rooflineCycles = 800;
  conv.energy = {{"mac", 0.1}, {"dram", 2048.5}};
  conv.counts = {.macs = 128000,
                 .dramReadBytes = 1,
                 .dramWriteBytes = 2,
                 .scratchpadReadBytes = 3,
                 .scratchpadWriteBytes = 4,
                 .accumulatorReadBytes = 5,
                 .accumulatorWriteBytes = 6};
  conv.utilization = 0.5;
  report.ops.push_back(conv);

  OpCost host;
  host.name = "odd,\"name\"|";
  host.op = "softmax";
  host.placement = CostPlacement::Host;
  host.reason = "no exp on the vector unit";
  host.cycles = 3000;
  host.energy = {{"mac", 0.2}, {"host", 1.0}};
  host.bound = CostBound::Host;
  report.ops.push_back(host);
  report.computeTotal();
  return report;
}

std::string print(ReportFormat format) {
  std::string text;
  raw_string_ostream os(text);
  printReport(makeReport(), format, os);
  return text;
}

TEST(ReportTest, TotalsAddUp) {
  CostReport report = makeReport();
  EXPECT_EQ(report.total.cycles, 4000);
  EXPECT_EQ(report.total.rooflineCycles, 800);
  EXPECT_EQ(report.total.counts, report.ops[0].counts);
  EXPECT_DOUBLE_EQ(report.total.energyPj, 2049.8);
  EXPECT_DOUBLE_EQ(report.total.latencySeconds, 4e-6);
  // 128,000 MACs of 4,000 cycles times 256.
  EXPECT_DOUBLE_EQ(report.total.utilization, 0.125);
  ASSERT_EQ(report.total.energy.size(), 3u);
  EXPECT_EQ(report.total.energy[0].first, "mac");
  EXPECT_EQ(report.total.energy[0].second, 0.1 + 0.2);
  EXPECT_EQ(report.total.energy[2].first, "host");
}

TEST(ReportTest, TableFitsAndNamesTheHost) {
  std::string table = print(ReportFormat::Table);
  SmallVector<StringRef> lines;
  StringRef(table).split(lines, '\n');
  for (StringRef line : lines)
    EXPECT_LE(line.size(), 100u) << line.str();
  EXPECT_THAT(table, testing::HasSubstr("/a/very/long"));
  EXPECT_THAT(table, testing::HasSubstr("columns/Conv"));
  EXPECT_THAT(table,
              testing::HasSubstr("(softmax): no exp on the vector unit"));
  EXPECT_THAT(table, testing::HasSubstr("5.00 x the roofline of 800 cycles"));
  // 1,000 of 4,000 cycles at half of the array.
  EXPECT_THAT(table, testing::ContainsRegex("1000 +25.0 +50.0 +2.05nJ"));
  EXPECT_THAT(table, testing::ContainsRegex("total +4000 +100.0 +12.5"));
}

TEST(ReportTest, JsonReadsBackExactly) {
  Expected<json::Value> parsed = json::parse(print(ReportFormat::Json));
  ASSERT_TRUE(bool(parsed)) << toString(parsed.takeError());
  const json::Object &root = *parsed->getAsObject();
  EXPECT_EQ(root.getString("schema"), "accopt.cost");
  EXPECT_EQ(root.getInteger("version"), 1);
  EXPECT_EQ(
      root.getObject("target")->getObject("parameters")->getInteger("rows"),
      16);
  CostReport report = makeReport();
  const json::Object &total = *root.getObject("total");
  EXPECT_EQ(total.getNumber("energy_pj"), report.total.energyPj);
  EXPECT_EQ(total.getInteger("cycles"), 4000);
  const json::Object &op = *(*root.getArray("ops"))[0].getAsObject();
  EXPECT_EQ(op.getInteger("accumulator_write_bytes"), 6);
  EXPECT_EQ(op.getObject("energy")->getNumber("mac"), 0.1);
  EXPECT_EQ(op.get("reason"), nullptr);
  EXPECT_EQ((*root.getArray("ops"))[1].getAsObject()->getString("reason"),
            "no exp on the vector unit");
}

TEST(ReportTest, EnginesAndMemoryInJson) {
  CostReport report = makeReport();
  OpCost &conv = report.ops[0];
  conv.engines[unsigned(Engine::Exec)] = {10, 30, 15};
  conv.scratchpadBytes = 0;
  conv.dramLiveBytes = 640;
  report.dramConstantBytes = 99;
  std::string text;
  raw_string_ostream os(text);
  printReport(report, ReportFormat::Json, os);
  json::Value root = cantFail(json::parse(text));
  const json::Object &total = *root.getAsObject()->getObject("total");
  EXPECT_EQ(total.getInteger("dram_constant_bytes"), 99);
  const json::Array &ops = *root.getAsObject()->getArray("ops");
  const json::Object &op = *ops[0].getAsObject();
  EXPECT_EQ(op.getInteger("scratchpad_bytes"), 0);
  EXPECT_EQ(op.getInteger("dram_live_bytes"), 640);
  json::Object expected{
      {"exec", json::Object{{"start", 10}, {"end", 30}, {"busy", 15}}}};
  EXPECT_EQ(*op.get("engines"), json::Value(std::move(expected)));
  // Of an op that does not know them nothing is said.
  for (StringRef field : {"engines", "scratchpad_bytes", "dram_live_bytes"})
    EXPECT_EQ(ops[1].getAsObject()->get(field), nullptr) << field.str();
}

TEST(ReportTest, CsvQuotesAndFillsComponents) {
  std::string csv = print(ReportFormat::Csv);
  SmallVector<StringRef> lines;
  StringRef(csv).rtrim().split(lines, '\n');
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].starts_with(
      "name,op,placement,reason,cycles,energy_pj,energy_mac_pj,"
      "energy_dram_pj,energy_host_pj,macs,"))
      << lines[0].str();
  EXPECT_TRUE(lines[2].starts_with("\"odd,\"\"name\"\"|\",softmax,host,"))
      << lines[2].str();
  EXPECT_TRUE(lines[2].ends_with(",0,1,0,0,0,0,0,0,0,host,0,0"))
      << lines[2].str();
}

TEST(ReportTest, MarkdownEscapesCells) {
  EXPECT_THAT(
      print(ReportFormat::Markdown),
      testing::HasSubstr("| odd,\"name\"\\| | softmax | host | 3000 |"));
}

/// The page's data is the JSON, whatever names are;
/// test/integration/html-report looks at the page.
TEST(ReportTest, HtmlHoldsTheJson) {
  CostReport report = makeReport();
  report.ops[0].name = "</script><script>/*ACCOPT_REPORT*/<!-- \"x\"";
  auto printed = [&](ReportFormat format) {
    std::string text;
    raw_string_ostream os(text);
    printReport(report, format, os);
    return text;
  };
  std::string page = printed(ReportFormat::Html);
  EXPECT_TRUE(StringRef(page).starts_with("<!doctype html>"));
  EXPECT_TRUE(StringRef(page).ends_with("</html>\n"));
  StringRef begin = "<script type=\"application/json\" id=\"report\">";
  ASSERT_EQ(StringRef(page).count(begin), 1u);
  StringRef data = StringRef(page).split(begin).second.split("</script>").first;
  EXPECT_EQ(data.count('<'), 0u);
  EXPECT_EQ(cantFail(json::parse(data)),
            cantFail(json::parse(printed(ReportFormat::Json))));
  // Every place of the template is filled.
  EXPECT_EQ(StringRef(page).count("/*ACCOPT_"), 1u);
}

TEST(ReportTest, FewBits) {
  auto printed = [](const CostReport &report, ReportFormat format) {
    std::string text;
    raw_string_ostream os(text);
    printReport(report, format, os);
    return text;
  };
  CostReport report = makeReport();
  OpCost &conv = report.ops[0];
  conv.weightBits = conv.inputBits = conv.arrayPrecision = 8;
  // With 8 bits nothing is said but in JSON.
  EXPECT_EQ(printed(report, ReportFormat::Table), print(ReportFormat::Table));
  EXPECT_EQ(printed(report, ReportFormat::Csv), print(ReportFormat::Csv));
  EXPECT_THAT(printed(report, ReportFormat::Json),
              testing::HasSubstr("\"array_mode\": 8"));

  conv.weightBits = 3;
  std::string table = printed(report, ReportFormat::Table);
  EXPECT_THAT(table, testing::ContainsRegex("type +on +bits +cycles"));
  EXPECT_THAT(table, testing::ContainsRegex("conv2d +array +3/8 +1000"));
  EXPECT_THAT(table, testing::HasSubstr(
                         "\nfixed-rate machine: fewer bits save traffic only"));
  SmallVector<StringRef> lines;
  StringRef(table).split(lines, '\n');
  for (StringRef line : lines)
    EXPECT_LE(line.size(), 100u) << line.str();
  std::string csv = printed(report, ReportFormat::Csv);
  EXPECT_THAT(csv, testing::HasSubstr("roofline_cycles,weight_bits,input_bits,"
                                      "array_mode,array_rate\n"));
  EXPECT_THAT(csv, testing::HasSubstr(",3,8,8,1\n"));
  EXPECT_THAT(csv, testing::EndsWith(",host,0,0,,,,\n"));

  report.hasArrayRates = true;
  EXPECT_THAT(printed(report, ReportFormat::Markdown),
              testing::HasSubstr("ops that run at the rate of 8 bits: fewer"));
  conv.inputBits = 4;
  conv.arrayPrecision = 4;
  conv.arrayRate = 2;
  report.computeTotal();
  EXPECT_THAT(printed(report, ReportFormat::Table),
              testing::Not(testing::HasSubstr("traffic only")));
  // 1,000 cycles at 512 MACs and 3,000 at 256.
  EXPECT_DOUBLE_EQ(report.total.utilization, 128000.0 / (5000 * 256));
}

TEST(ReportTest, FormatByEnding) {
  EXPECT_EQ(cantFail(getReportFormat("-")), ReportFormat::Table);
  EXPECT_EQ(cantFail(getReportFormat("a.json")), ReportFormat::Json);
  EXPECT_EQ(cantFail(getReportFormat("a.csv")), ReportFormat::Csv);
  EXPECT_EQ(cantFail(getReportFormat("a.md")), ReportFormat::Markdown);
  EXPECT_EQ(cantFail(getReportFormat("a.html")), ReportFormat::Html);
  EXPECT_EQ(toString(getReportFormat("a.txt").takeError()),
            "a.txt: expected a report that ends in .json, .csv, .md or .html, "
            "or '-'");
}

} // namespace
