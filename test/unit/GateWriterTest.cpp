//===- GateWriterTest.cpp - Verdicts as table, Markdown, JSON, JUnit ------===//

#include "accopt/Report/GateWriter.h"

#include "RandomReport.h"
#include "SmallReport.h"
#include "accopt/Report/ReadReport.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::test;

namespace {

std::string print(const GateCheck &check, GateFormat format) {
  std::string text;
  raw_string_ostream os(text);
  printGates(check, format, os);
  return text;
}

SmallVector<StringRef> linesOf(StringRef text) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  return lines;
}

TEST(GateWriterTest, Table) {
  CostReport before = makeReport({makeOp("conv1", 300, 2000),
                                  makeOp("conv2", 400, 10), makeOp("c", 9, 1)});
  CostReport after = makeReport({makeOp("conv1", 325, 1000),
                                 makeOp("conv2", 390, 10), makeOp("c", 9, 1)});
  after.ops[0].placement = CostPlacement::Host;
  std::string table =
      print(checkGates(after, &before, GateOptions()), GateFormat::Table);
  EXPECT_THAT(table, testing::StartsWith(
                         "tiny on systolic16x16 against the baseline\n"));
  EXPECT_THAT(table,
              testing::ContainsRegex("cycles +709 +724 +\\+15 +\\+2.12%"));
  EXPECT_THAT(table, testing::ContainsRegex("energy +2.01nJ +1.01nJ +-1nJ"));
  EXPECT_THAT(table, testing::ContainsRegex(
                         "conv1 +conv2d +300 325 +\\+25 +\\+8.33% +-1nJ "
                         "-50.00% array -> host\n"));
  EXPECT_THAT(table,
              testing::ContainsRegex("conv2 +conv2d +400 390 +-10 +-2.50%\n"));
  EXPECT_THAT(table, testing::HasSubstr("\n1 op unchanged\n"));
  EXPECT_THAT(table, testing::ContainsRegex(
                         "cycles vs. baseline +709 +709 +724 FAILED\n"));
  EXPECT_THAT(table, testing::ContainsRegex(
                         "energy vs. baseline +2.011nJ +2.011nJ +1.011nJ "
                         "passed\n"));
}

TEST(GateWriterTest, LinesFitTheTerminal) {
  for (unsigned seed = 1; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    test::RandomReport random(seed);
    CostReport before = random.report(), after = random.changed(before);
    std::string table =
        print(checkGates(after, &before, GateOptions()), GateFormat::Table);
    for (StringRef line : linesOf(table))
      EXPECT_LE(line.size(), 100u) << line.str();
    EXPECT_EQ(table.find('\x01'), std::string::npos);
  }
  // The largest numbers.
  std::string name(300, 'n');
  CostReport before = makeReport({makeOp(name, 1, 1e-3)});
  CostReport after = makeReport({makeOp(name, INT64_MAX, 1e25)});
  after.ops[0].op = name;
  before.ops[0].op = name;
  after.ops[0].placement = CostPlacement::Host;
  GateOptions options;
  options.budgetCycles = INT64_MAX;
  for (const auto &[a, b] :
       {std::pair(&before, &after), std::pair(&after, &before)}) {
    std::string table = print(checkGates(*b, a, options), GateFormat::Table);
    for (StringRef line : linesOf(table))
      EXPECT_LE(line.size(), 100u) << line.str();
  }
}

TEST(GateWriterTest, ManyChanges) {
  std::vector<OpCost> old, now;
  for (int64_t i = 0; i < 250; ++i) {
    old.push_back(makeOp("op" + std::to_string(i), 1000, 1));
    now.push_back(makeOp("op" + std::to_string(i), 1000 + i, 1));
  }
  CostReport before = makeReport(old), after = makeReport(now);
  GateCheck check = checkGates(after, &before, GateOptions());
  std::string table = print(check, GateFormat::Table);
  EXPECT_THAT(table, testing::HasSubstr("op240 "));
  EXPECT_THAT(table, testing::Not(testing::HasSubstr("op239 ")));
  EXPECT_THAT(table,
              testing::HasSubstr("239 more ops changed; 1 op unchanged\n"));
  std::string markdown = print(check, GateFormat::Markdown);
  EXPECT_THAT(markdown, testing::HasSubstr("<details><summary>239 more ops "
                                           "changed</summary>\n\n| op"));
  EXPECT_THAT(markdown, testing::HasSubstr("39 more ops are not shown here.\n\n"
                                           "</details>\n"));
  EXPECT_LT(markdown.size(), 65536u);
  std::string xml = print(check, GateFormat::JUnit);
  EXPECT_THAT(xml, testing::HasSubstr("\n239 more ops got worse\n</failure>"));
}

TEST(GateWriterTest, MarkdownEscapesNames) {
  CostReport before = makeReport({makeOp("a|b`c<d>\n", 1, 0)});
  CostReport after = makeReport({makeOp("a|b`c<d>\n", 2, 0)});
  before.targetName = "@x_|y";
  std::string text =
      print(checkGates(after, &before, GateOptions()), GateFormat::Markdown);
  EXPECT_THAT(text, testing::StartsWith("## Cost of `tiny` on `systolic16x16`: "
                                        "1 limit exceeded\n\n> the baseline"));
  EXPECT_THAT(text, testing::HasSubstr("'\\@\u200bx\\_\\|y'"));
  EXPECT_THAT(text, testing::HasSubstr(
                        "| `a\\|b'c<d>?` | `conv2d` | 1 | 2 | \u25b2 +1 | "
                        "+100.00% | 0pJ | 0pJ | = |  |  |\n"));
  EXPECT_THAT(text, testing::HasSubstr("| cycles vs. baseline | 1 | 1 | 2 | "
                                       "**failed** |\n"));
  EXPECT_THAT(
      print(checkGates(after, &after, GateOptions()), GateFormat::Markdown),
      testing::AllOf(testing::HasSubstr(": within limits\n"),
                     testing::HasSubstr("1 op unchanged.\n")));
}

TEST(GateWriterTest, JUnitHoldsNoForbiddenCharacter) {
  std::string name = "a&<b>\"'\x01\x1f\n\t\x7f\xef\xbf\xbe\xff]]>";
  CostReport before = makeReport({makeOp(name, 1, 0)});
  CostReport after = makeReport({makeOp(name, 2, 0)});
  std::string xml =
      print(checkGates(after, &before, GateOptions()), GateFormat::JUnit);
  EXPECT_THAT(xml,
              testing::HasSubstr("<testsuites name=\"acc-opt\" tests=\"2\" "
                                 "failures=\"1\" errors=\"0\""));
  std::string escaped = "a&amp;&lt;b&gt;&quot;'\\x01\\x1F&#10;&#9;\x7f\\uFFFE"
                        "\xef\xbf\xbd]]&gt; (conv2d): +1 cycles (+100.00%)";
  EXPECT_THAT(xml, testing::HasSubstr("<property name=\"worse op\" value=\"" +
                                      escaped + "\"/>"));
  EXPECT_THAT(
      xml, testing::HasSubstr("got 2 (+100.00%)\n" + escaped + "\n</failure>"));
  EXPECT_THAT(xml, testing::HasSubstr("name=\"energy vs. baseline\" "
                                      "time=\"0\">\n    </testcase>"));
}

TEST(GateWriterTest, JsonHoldsAll) {
  for (unsigned seed = 1; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    test::RandomReport random(seed);
    CostReport before = random.report(), after = random.changed(before);
    GateCheck check = checkGates(after, &before, GateOptions());
    std::string text = print(check, GateFormat::Json);
    EXPECT_EQ(text, print(check, GateFormat::Json));
    Expected<json::Value> value = json::parse(text);
    ASSERT_TRUE(bool(value)) << toString(value.takeError());
    const json::Object &root = *value->getAsObject();
    EXPECT_EQ(root.getString("schema"), "accopt.comparison");
    EXPECT_EQ(root.getInteger("version"), 1);
    EXPECT_EQ(root.getBoolean("passed"), check.hasPassed());
    int64_t sum = 0;
    for (const json::Value &op : *root.getArray("ops"))
      sum += *op.getAsObject()->getObject("cycles")->getInteger("delta");
    const json::Object &cycles = *root.getObject("total")->getObject("cycles");
    EXPECT_EQ(cycles.getInteger("delta"), sum);
    EXPECT_EQ(cycles.getInteger("after"), after.total.cycles);
    EXPECT_EQ(
        root.getInteger("ops_unchanged"),
        int64_t(check.comparison->ops.size() - root.getArray("ops")->size()));
  }
}

TEST(GateWriterTest, Files) {
  SmallString<128> folder;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("gates", folder));
  scope_exit cleanup([&] { (void)sys::fs::remove_directories(folder); });
  auto path = [&](StringRef name) { return (folder + "/" + name).str(); };
  auto start = [&](StringRef name) {
    ErrorOr<std::unique_ptr<MemoryBuffer>> file =
        MemoryBuffer::getFile(path(name));
    return file ? (*file)->getBuffer().take_front(16).str() : "none";
  };

  CostReport report = makeReport({makeOp("a", 2, 1)});
  GateOutputs outputs;
  outputs.isQuiet = true;
  outputs.reports = {path("r.json"), path("r.md"), path("r.xml"),
                     path("r.txt")};
  GateCheck check = checkGates(report, &report, GateOptions());
  EXPECT_THAT(toString(writeGates(check, outputs)),
              testing::HasSubstr("r.txt: expected a report that ends in"));
  outputs.reports.pop_back();
  outputs.comparison = path("c.txt");
  EXPECT_THAT(toString(writeGates(check, outputs)),
              testing::HasSubstr("c.txt: expected a comparison that ends in"));
  EXPECT_EQ(start("r.json"), "none");

  outputs.comparison = path("c.json");
  outputs.junit = path("verdicts");
  ASSERT_FALSE(bool(writeGates(check, outputs)));
  EXPECT_EQ(start("r.json"), "{\n  \"schema\": \"a");
  EXPECT_EQ(start("r.md"), "## Cost of `tiny");
  EXPECT_EQ(start("r.xml"), "<?xml version=\"1");
  EXPECT_EQ(start("verdicts"), "<?xml version=\"1");
  EXPECT_THAT(cantFail(readReport(path("r.json"))).ops, report.ops);
  EXPECT_THAT(toString(readReport(path("c.json")).takeError()),
              testing::HasSubstr("got 'accopt.comparison'"));

  // Without a baseline Markdown is the cost report.
  outputs.comparison.clear();
  ASSERT_FALSE(
      bool(writeGates(checkGates(report, nullptr, GateOptions()), outputs)));
  EXPECT_EQ(start("r.md"), "## tiny on systo");
}

} // namespace
