//===- GateMarkdown.cpp - Verdicts for a pull request ---------------------===//
//
// Names come from a model: they stand in code spans, where neither Markdown nor
// HTML nor a mention of somebody means anything.
//
//===----------------------------------------------------------------------===//

#include "GateFormats.h"

#include "Format.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace llvm;
using namespace accopt;

/// A comment on GitHub has at most 65,536 characters.
static constexpr size_t maxRows = 200;
static constexpr size_t maxName = 80;

/// A code span that neither ends early nor ends its cell.
static std::string codeSpan(StringRef text) {
  std::string result = "`";
  for (char c : fitName(text, maxName)) {
    if (c == '|')
      result += '\\';
    result += c == '`' ? '\'' : c;
  }
  return text.empty() ? "" : result + "`";
}

/// Text in which nothing is markup. After an "@" comes a blank of no width, or
/// it might mention somebody.
static std::string escape(StringRef text) {
  std::string result;
  for (char c : text) {
    if (StringRef("\\`*_{}[]<>#|~@&").contains(c))
      result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    if (c == '@')
      result += "\u200b";
  }
  return result;
}

static StringRef arrow(double delta) {
  return delta > 0 ? "\u25b2 " : delta < 0 ? "\u25bc " : "";
}

static void printRow(ArrayRef<std::string> cells, raw_ostream &os) {
  for (const std::string &cell : cells)
    os << "| " << cell << ' ';
  os << "|\n";
}

/// The cells of a value before and after: both, the change, the change in
/// percent.
static void addChange(double before, double after,
                      function_ref<std::string(double)> format,
                      SmallVectorImpl<std::string> &cells) {
  double delta = after - before;
  cells.append({format(before), format(after)});
  cells.push_back(delta == 0 ? "="
                             : arrow(delta).str() +
                                   withSign(delta, format(std::fabs(delta))));
  cells.push_back(formatChange(before, after));
}

static void printTotals(const CostComparison &comparison, raw_ostream &os) {
  os << "| total | before | after | change | % |\n"
        "|---|---:|---:|---:|---:|\n";
  forEachTotal(comparison, [&](StringRef name, double before, double after,
                               std::string (*format)(double)) {
    SmallVector<std::string> cells = {name.str()};
    addChange(before, after, format, cells);
    printRow(cells, os);
  });
  os << '\n';
}

static void printGates(ArrayRef<GateResult> gates, raw_ostream &os) {
  if (gates.empty())
    return;
  os << "| gate | baseline | at most | actual | |\n"
        "|---|---:|---:|---:|---|\n";
  for (const GateResult &gate : gates)
    printRow({gate.name,
              gate.baseline ? formatMetric(gate.metric, *gate.baseline) : "",
              formatMetric(gate.metric, gate.limit),
              formatMetric(gate.metric, gate.actual),
              gate.passed ? "passed" : "**failed**"},
             os);
  os << '\n';
}

static void printOps(ArrayRef<OpComparison> ops, raw_ostream &os) {
  os << "| op | type | cycles before | after | change | % | energy before | "
        "after | change | % | |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n";
  for (const OpComparison &op : ops) {
    SmallVector<std::string> cells = {codeSpan(op.shown().name),
                                      codeSpan(op.shown().op)};
    addChange(double(op.cyclesBefore()), double(op.cyclesAfter()), formatCycles,
              cells);
    double energy = op.energyBeforePj();
    addChange(energy, energy + op.energyDeltaPj(), formatEnergy, cells);
    cells.push_back(escape(describeChange(op)));
    printRow(cells, os);
  }
  os << '\n';
}

static void printChanges(const GateCheck &check, raw_ostream &os) {
  std::vector<OpComparison> changed =
      rankChanges(*check.comparison, check.mainMetric());
  size_t unchanged = check.comparison->countUnchanged();
  ArrayRef<OpComparison> top = ArrayRef(changed).take_front(kTopChanges);
  ArrayRef<OpComparison> rest = ArrayRef(changed).drop_front(top.size());
  if (!top.empty()) {
    os << "### Ops that changed most\n\n";
    printOps(top, os);
  }
  if (!rest.empty()) {
    os << "<details><summary>" << countOf(rest.size(), "more op")
       << " changed</summary>\n\n";
    printOps(rest.take_front(maxRows), os);
    if (rest.size() > maxRows)
      os << countOf(rest.size() - maxRows, "more op")
         << " are not shown here.\n\n";
    os << "</details>\n\n";
  }
  os << countOf(unchanged, "op") << " unchanged.\n";
}

void accopt::printGateMarkdown(const GateCheck &check, raw_ostream &os) {
  size_t failed =
      count_if(check.gates, [](const GateResult &g) { return !g.passed; });
  os << "## Cost of " << codeSpan(check.report.modelName) << " on "
     << codeSpan(check.report.targetName);
  if (failed)
    os << ": " << countOf(failed, "limit") << " exceeded";
  else if (!check.gates.empty())
    os << ": within limits";
  os << "\n\n";
  if (check.comparison) {
    for (const std::string &line : describeDifferences(*check.comparison))
      os << "> " << escape(line) << "\n\n";
    printTotals(*check.comparison, os);
  }
  printGates(check.gates, os);
  if (check.comparison)
    printChanges(check, os);
}
