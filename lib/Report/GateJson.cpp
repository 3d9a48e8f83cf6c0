//===- GateJson.cpp - The schema accopt.comparison ------------------------===//

#include "GateFormats.h"

#include "Writers.h"

#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace accopt;

static void writeIdentity(StringRef key, const CostReport &report,
                          json::OStream &os) {
  auto write = [&](StringRef part, StringRef name, StringRef hash) {
    os.attributeObject(part, [&] {
      os.attribute("name", json::fixUTF8(name));
      os.attribute("sha256", json::fixUTF8(hash));
    });
  };
  os.attributeObject(key, [&] {
    os.attribute("source", json::fixUTF8(report.source));
    write("model", report.modelName, report.modelSha256);
    write("target", report.targetName, report.targetSha256);
  });
}

/// `delta` is given, for that of energies is 0 if only rounding differs.
template <typename T>
static void writeChange(StringRef key, T before, T after, T delta,
                        json::OStream &os) {
  os.attributeObject(key, [&] {
    os.attribute("before", before);
    os.attribute("after", after);
    os.attribute("delta", delta);
  });
}

static void writeCounts(const CostCounts &before, const CostCounts &after,
                        json::OStream &os) {
  SmallVector<int64_t> old;
  forEachCount(before, [&](StringRef, int64_t value) { old.push_back(value); });
  size_t index = 0;
  forEachCount(after, [&](StringRef name, int64_t value) {
    int64_t from = old[index++];
    writeChange(name, from, value, value - from, os);
  });
}

static void writeGate(const GateResult &gate, json::OStream &os) {
  os.object([&] {
    os.attribute("name", gate.name);
    os.attribute("kind", gate.baseline ? "regression" : "budget");
    os.attribute("metric",
                 gate.metric == CostMetric::Cycles ? "cycles" : "energy_pj");
    if (gate.baseline)
      os.attribute("baseline", *gate.baseline);
    os.attribute("limit", gate.limit);
    os.attribute("actual", gate.actual);
    os.attribute("passed", gate.passed);
    os.attribute("message", json::fixUTF8(gate.message));
  });
}

static void writeTotal(const CostComparison &comparison, json::OStream &os) {
  const CostTotal &before = comparison.before.total;
  const CostTotal &after = comparison.after.total;
  writeChange("cycles", before.cycles, after.cycles, comparison.cyclesDelta(),
              os);
  writeChange("energy_pj", before.energyPj, after.energyPj,
              comparison.energyDeltaPj(), os);
  writeCounts(before.counts, after.counts, os);
  writeChange("latency_s", before.latencySeconds, after.latencySeconds,
              after.latencySeconds - before.latencySeconds, os);
  writeChange("roofline_cycles", before.rooflineCycles, after.rooflineCycles,
              after.rooflineCycles - before.rooflineCycles, os);
  int64_t oldPeak = comparison.before.dramPeakBytes;
  int64_t newPeak = comparison.after.dramPeakBytes;
  writeChange("dram_peak_bytes", oldPeak, newPeak, newPeak - oldPeak, os);
}

static void writePlacement(const OpComparison &op, json::OStream &os) {
  os.attributeObject("placement", [&] {
    if (op.before)
      os.attribute("before", getName(op.before->placement));
    if (op.after)
      os.attribute("after", getName(op.after->placement));
  });
}

static void writeOp(const OpComparison &op, json::OStream &os) {
  os.object([&] {
    os.attribute("name", json::fixUTF8(op.shown().name));
    os.attribute("op", json::fixUTF8(op.shown().op));
    os.attribute("change", !op.before  ? "added"
                           : !op.after ? "removed"
                                       : "changed");
    if (op.before && op.before->name != op.shown().name)
      os.attribute("baseline_name", json::fixUTF8(op.before->name));
    writePlacement(op, os);
    writeChange("cycles", op.cyclesBefore(), op.cyclesAfter(), op.cyclesDelta(),
                os);
    writeChange("energy_pj", op.energyBeforePj(), op.energyAfterPj(),
                op.energyDeltaPj(), os);
    static const CostCounts none;
    writeCounts(op.before ? op.before->counts : none,
                op.after ? op.after->counts : none, os);
  });
}

static void writeComparison(const CostComparison &comparison,
                            json::OStream &os) {
  os.attributeArray("notes", [&] {
    for (const std::string &line : describeDifferences(comparison))
      os.value(json::fixUTF8(line));
  });
  os.attributeObject("total", [&] { writeTotal(comparison, os); });
  os.attribute("ops_unchanged", int64_t(comparison.countUnchanged()));
  os.attributeArray("ops", [&] {
    for (const OpComparison &op : comparison.ops)
      if (op.isChanged())
        writeOp(op, os);
  });
}

void accopt::printGateJson(const GateCheck &check, raw_ostream &stream) {
  json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("schema", "accopt.comparison");
    os.attribute("version", 1);
    os.attribute("passed", check.hasPassed());
    if (check.comparison)
      writeIdentity("baseline", check.comparison->before, os);
    writeIdentity("current", check.report, os);
    os.attributeArray("gates", [&] {
      for (const GateResult &gate : check.gates)
        writeGate(gate, os);
    });
    if (check.comparison)
      writeComparison(*check.comparison, os);
  });
  stream << '\n';
}
