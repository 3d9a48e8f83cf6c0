//===- GateTable.cpp - Verdicts for the terminal --------------------------===//

#include "GateFormats.h"

#include "Format.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace llvm;
using namespace accopt;

std::string accopt::formatMetric(CostMetric metric, double value) {
  return metric == CostMetric::Energy ? formatEnergyDigits(value, 6)
                                      : formatCycles(value);
}

/// "+32", "-1.20nJ"; empty for no change.
static std::string formatDelta(CostMetric metric, double delta) {
  double size = std::fabs(delta);
  return delta == 0 ? ""
                    : withSign(delta, metric == CostMetric::Energy
                                          ? formatEnergy(size)
                                          : formatCycles(size));
}

std::string accopt::summarizeChange(const OpComparison &op) {
  std::string text = op.shown().name + " (" + op.shown().op + "):";
  if (int64_t delta = op.cyclesDelta())
    text += " " + formatDelta(CostMetric::Cycles, double(delta)) + " cycles (" +
            formatChange(double(op.cyclesBefore()), double(op.cyclesAfter())) +
            "),";
  if (double delta = op.energyDeltaPj(); delta != 0)
    text += " " + formatDelta(CostMetric::Energy, delta) + " (" +
            formatChange(op.energyBeforePj(), op.energyAfterPj()) + "),";
  if (std::string words = describeChange(op); !words.empty())
    text += " " + words;
  return StringRef(text).rtrim(",").str();
}

static std::string formatLatency(double seconds) {
  std::string text;
  raw_string_ostream(text) << format("%.6gms", seconds * 1e3);
  return text;
}

static std::string formatBytes(double bytes) {
  return formatScaled(bytes) + "B";
}

void accopt::forEachTotal(
    const CostComparison &comparison,
    function_ref<void(StringRef, double, double, std::string (*)(double))>
        visit) {
  const CostTotal &before = comparison.before.total;
  const CostTotal &after = comparison.after.total;
  auto visitChanged = [&](StringRef name, double before, double after,
                          std::string (*format)(double)) {
    if (before != after)
      visit(name, before, after, format);
  };
  visit("cycles", double(before.cycles), double(after.cycles), formatCycles);
  // Rounding is no change.
  visit("energy", before.energyPj, before.energyPj + comparison.energyDeltaPj(),
        formatEnergy);
  // With the same clock it says what the cycles say.
  if (comparison.before.clockHz != comparison.after.clockHz)
    visitChanged("latency", before.latencySeconds, after.latencySeconds,
                 formatLatency);
  visitChanged("MACs", double(before.counts.macs), double(after.counts.macs),
               formatScaled);
  visitChanged("DRAM read", double(before.counts.dramReadBytes),
               double(after.counts.dramReadBytes), formatBytes);
  visitChanged("DRAM written", double(before.counts.dramWriteBytes),
               double(after.counts.dramWriteBytes), formatBytes);
  visitChanged("DRAM peak", double(comparison.before.dramPeakBytes),
               double(comparison.after.dramPeakBytes), formatBytes);
}

static void printTotals(const CostComparison &comparison, raw_ostream &os) {
  TextTable table({{"total", false}, {"before"}, {"after"}, {"change"}, {"%"}});
  forEachTotal(comparison, [&](StringRef name, double before, double after,
                               std::string (*format)(double)) {
    double delta = after - before;
    table.addRow({name.str(), format(before), format(after),
                  delta == 0 ? "" : withSign(delta, format(std::fabs(delta))),
                  formatChange(before, after)});
  });
  table.print(os);
}

static void printOps(const GateCheck &check, raw_ostream &os) {
  std::vector<OpComparison> changed =
      rankChanges(*check.comparison, check.mainMetric());
  size_t unchanged = check.comparison->countUnchanged();
  if (!changed.empty()) {
    TextTable table({{"op", false},
                     {"type", false, 16},
                     {"cycles"},
                     {"now"},
                     {"change"},
                     {"%"},
                     {"energy"},
                     {"%"},
                     {"", false, 14}});
    for (const OpComparison &op : ArrayRef(changed).take_front(kTopChanges))
      table.addRow(
          {op.shown().name, op.shown().op,
           formatCycles(double(op.cyclesBefore())),
           formatCycles(double(op.cyclesAfter())),
           formatDelta(CostMetric::Cycles, double(op.cyclesDelta())),
           formatChange(double(op.cyclesBefore()), double(op.cyclesAfter())),
           formatDelta(CostMetric::Energy, op.energyDeltaPj()),
           formatChange(op.energyBeforePj(),
                        op.energyBeforePj() + op.energyDeltaPj()),
           describeChange(op)});
    os << '\n';
    table.print(os);
  }
  os << '\n';
  if (changed.size() > kTopChanges)
    os << countOf(changed.size() - kTopChanges, "more op") << " changed; ";
  os << countOf(unchanged, "op") << " unchanged\n";
}

void accopt::printGateTable(const GateCheck &check, raw_ostream &os) {
  if (check.comparison) {
    os << fitName(check.report.modelName, 40) << " on "
       << fitName(check.report.targetName, 40) << " against the baseline\n";
    for (const std::string &line : describeDifferences(*check.comparison))
      os << "note: " << fitName(line, size_t(-1)) << '\n';
    printTotals(*check.comparison, os);
    printOps(check, os);
  }
  if (check.gates.empty())
    return;
  TextTable table(
      {{"gate", false}, {"baseline"}, {"at most"}, {"actual"}, {"", false}});
  for (const GateResult &gate : check.gates)
    table.addRow(
        {gate.name,
         gate.baseline ? formatMetric(gate.metric, *gate.baseline) : "",
         formatMetric(gate.metric, gate.limit),
         formatMetric(gate.metric, gate.actual),
         gate.passed ? "passed" : "FAILED"});
  os << '\n';
  table.print(os);
}
