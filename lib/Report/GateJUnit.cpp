//===- GateJUnit.cpp - Verdicts as JUnit XML ------------------------------===//
//
// One test suite for the model on its target, one test case for each gate. A
// failure's text holds what CI systems show (GitLab ignores the attribute
// "message" and shows the class as the suite); the ops that got worse are
// properties of the case as well.
//
//===----------------------------------------------------------------------===//

#include "GateFormats.h"

#include "Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace accopt;

/// XML 1.0 has no way to write most control characters, nor U+FFFE and U+FFFF:
/// they become \xNN and \uFFFE, bytes that are not UTF-8 U+FFFD. A line break
/// in an attribute has to be a reference.
static std::string escapeXml(StringRef text) {
  std::string result;
  std::string valid = json::fixUTF8(text);
  for (StringRef rest = valid; !rest.empty();) {
    if (rest.consume_front("\xef\xbf\xbe")) {
      result += "\\uFFFE";
      continue;
    }
    if (rest.consume_front("\xef\xbf\xbf")) {
      result += "\\uFFFF";
      continue;
    }
    unsigned char c = rest.front();
    rest = rest.drop_front();
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else if (c == '\n' || c == '\t' || c == '\r')
      result += "&#" + std::to_string(c) + ";";
    else if (c < 0x20)
      result += std::string("\\x") + hexdigit(c >> 4) + hexdigit(c & 15);
    else
      result += c;
  }
  return result;
}

/// Element text, where line breaks stay.
static std::string escapeLines(ArrayRef<std::string> lines) {
  std::string result;
  for (const std::string &line : lines)
    result += escapeXml(line) + "\n";
  return result;
}

static std::vector<OpComparison> worseOps(const GateCheck &check,
                                          CostMetric metric) {
  std::vector<OpComparison> ops;
  if (check.comparison)
    copy_if(rankChanges(*check.comparison, metric), std::back_inserter(ops),
            [&](const OpComparison &op) { return op.isWorse(metric); });
  return ops;
}

static void printCase(const GateCheck &check, const GateResult &gate,
                      raw_ostream &os) {
  os << "    <testcase classname=\""
     << escapeXml(check.report.modelName + " on " + check.report.targetName)
     << "\" name=\"" << escapeXml(gate.name) << "\" time=\"0\">\n";
  // A budget is exceeded by all ops together.
  std::vector<OpComparison> ops;
  if (gate.baseline)
    ops = worseOps(check, gate.metric);
  std::vector<std::string> lines = {gate.message};
  if (!ops.empty())
    os << "      <properties>\n";
  for (const OpComparison &op : ops) {
    std::string line = summarizeChange(op);
    os << "        <property name=\"worse op\" value=\"" << escapeXml(line)
       << "\"/>\n";
    if (lines.size() <= kTopChanges)
      lines.push_back(line);
  }
  if (!ops.empty())
    os << "      </properties>\n";
  if (ops.size() > kTopChanges)
    lines.push_back(countOf(ops.size() - kTopChanges, "more op") +
                    " got worse");
  if (!gate.passed)
    os << "      <failure type=\"" << escapeXml(gate.name) << "\" message=\""
       << escapeXml(gate.message) << "\">" << escapeLines(lines)
       << "</failure>\n";
  os << "    </testcase>\n";
}

void accopt::printGateJUnit(const GateCheck &check, raw_ostream &os) {
  size_t failures =
      count_if(check.gates, [](const GateResult &g) { return !g.passed; });
  std::string counts;
  raw_string_ostream(counts)
      << " tests=\"" << check.gates.size() << "\" failures=\"" << failures
      << "\" errors=\"0\" skipped=\"0\" time=\"0\"";
  os << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
     << "<testsuites name=\"acc-opt\"" << counts << ">\n"
     << "  <testsuite name=\""
     << escapeXml(check.report.modelName + " on " + check.report.targetName)
     << "\"" << counts << ">\n";
  for (const GateResult &gate : check.gates)
    printCase(check, gate, os);
  if (check.comparison) {
    std::vector<std::string> lines = describeDifferences(*check.comparison);
    if (!lines.empty())
      os << "    <system-out>" << escapeLines(lines) << "</system-out>\n";
  }
  os << "  </testsuite>\n"
     << "</testsuites>\n";
}
