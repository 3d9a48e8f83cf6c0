//===- JsonReport.cpp - The schema accopt.cost ----------------------------===//
//
// llvm::json prints a double with 17 digits, so every number reads back as it
// was.
//
//===----------------------------------------------------------------------===//

#include "Writers.h"

#include "accopt/Target/Encoding.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace accopt;

static void writeCounts(const CostCounts &counts, json::OStream &os) {
  forEachCount(counts, [&](StringRef name, int64_t value) {
    os.attribute(name, value);
  });
}

static void writeEnergy(const EnergyComponents &energy, json::OStream &os) {
  os.attributeObject("energy", [&] {
    for (const auto &[component, value] : energy)
      os.attribute(component, value);
  });
}

static void writeEngines(const OpCost &op, json::OStream &os) {
  if (none_of(op.engines, [](const auto &use) { return use.has_value(); }))
    return;
  os.attributeObject("engines", [&] {
    for (unsigned e = 0; e < kEngineCount; ++e)
      if (const std::optional<EngineUse> &use = op.engines[e])
        os.attributeObject(engineName(Engine(e)), [&] {
          os.attribute("start", use->start);
          os.attribute("end", use->end);
          os.attribute("busy", use->busy);
        });
  });
}

static void writeOp(const OpCost &op, json::OStream &os) {
  os.object([&] {
    os.attribute("name", json::fixUTF8(op.name));
    os.attribute("op", op.op);
    os.attribute("placement", getName(op.placement));
    if (!op.reason.empty())
      os.attribute("reason", json::fixUTF8(op.reason));
    os.attribute("cycles", op.cycles);
    os.attribute("energy_pj", op.energyPj());
    writeEnergy(op.energy, os);
    writeCounts(op.counts, os);
    os.attribute("bound", getName(op.bound));
    os.attribute("utilization", op.utilization);
    os.attribute("roofline_cycles", op.rooflineCycles);
    if (op.weightBits) {
      os.attribute("weight_bits", op.weightBits);
      os.attribute("input_bits", op.inputBits);
    }
    if (op.arrayPrecision) {
      os.attribute("array_mode", op.arrayPrecision);
      os.attribute("array_rate", op.arrayRate);
    }
    writeEngines(op, os);
    if (op.scratchpadBytes)
      os.attribute("scratchpad_bytes", *op.scratchpadBytes);
    if (op.dramLiveBytes)
      os.attribute("dram_live_bytes", *op.dramLiveBytes);
  });
}

void accopt::printJson(const CostReport &report, raw_ostream &stream) {
  json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("schema", "accopt.cost");
    os.attribute("version", 1);
    os.attribute("source", report.source);
    os.attributeObject("model", [&] {
      os.attribute("name", json::fixUTF8(report.modelName));
      os.attribute("sha256", report.modelSha256);
    });
    os.attributeObject("target", [&] {
      os.attribute("name", json::fixUTF8(report.targetName));
      os.attribute("sha256", report.targetSha256);
      os.attribute("parameters", report.targetParameters);
    });
    os.attributeObject("total", [&] {
      os.attribute("cycles", report.total.cycles);
      os.attribute("energy_pj", report.total.energyPj);
      writeEnergy(report.total.energy, os);
      writeCounts(report.total.counts, os);
      os.attribute("latency_s", report.total.latencySeconds);
      os.attribute("utilization", report.total.utilization);
      os.attribute("roofline_cycles", report.total.rooflineCycles);
      os.attribute("dram_peak_bytes", report.dramPeakBytes);
      if (report.dramConstantBytes)
        os.attribute("dram_constant_bytes", *report.dramConstantBytes);
    });
    os.attributeArray("ops", [&] {
      for (const OpCost &op : report.ops)
        writeOp(op, os);
    });
  });
  stream << '\n';
}
