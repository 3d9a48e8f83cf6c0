//===- BitReport.cpp - What got more bits, and why ------------------------===//

#include "accopt/Report/BitReport.h"

#include "Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace accopt;

/// Noise to signal as dB of signal to noise; 200 without noise.
static double decibels(double noise) {
  return noise > 0 ? std::min(200.0, -10 * std::log10(noise)) : 200.0;
}

static std::string printMeasure(const GoalMeasure &measure) {
  std::string text = llvm::formatv("{0:F1} dB", measure.sqnr).str();
  if (measure.rows)
    text += llvm::formatv(", {0} of {1} rows decided alike",
                          measure.sameDecision, measure.rows);
  return text;
}

void accopt::printBits(const BitReport &report, llvm::raw_ostream &os) {
  os << report.model << ": bits for at least " << report.goal << " over "
     << countOf(report.samples, "sample") << '\n';
  TextTable points({{"bits", false, 40},
                    {"tensors", true},
                    {"weights", true},
                    {"cycles", true},
                    {"results against float", false, 60}});
  auto addPoint = [&](const std::string &name, const BitPoint &point) {
    points.addRow(
        {name, std::to_string(point.widened), std::to_string(point.corrected),
         formatCycles(double(point.cycles)), printMeasure(point.measure)});
  };
  addPoint("8 for all", report.narrow);
  addPoint("chosen", report.chosen);
  if (report.control && report.control->point)
    addPoint("by chance", *report.control->point);
  if (report.wide)
    addPoint("more for all", *report.wide);
  points.print(os);
  os << "tensors, weights: how many have more than 8 bits\n";
  os << "chosen, in the machine's integers: " << printMeasure(report.integers)
     << "; " << countOf(report.experiments, "experiment");
  if (!report.classes.empty())
    os << " after ranking " << report.classes.size() << " of them";
  os << '\n';
  if (report.control && !report.control->point)
    os << "by chance: nothing reached the goal in "
       << countOf(report.control->experiments, "experiment") << '\n';
  if (report.chosen.widened + report.chosen.corrected == 0)
    return;
  TextTable table({{"more bits", false, 46},
                   {"of", false, 7},
                   {"bits", true},
                   {"its 8 bits alone, dB", true},
                   {"cycles alone", true}});
  for (const BitClass &entry : report.classes)
    if (entry.isWidened)
      table.addRow(
          {entry.values.front(), entry.areWeights ? "weights" : "tensor",
           std::to_string(entry.wideBits),
           llvm::formatv("{0:F1}", decibels(entry.soleNoise)).str(),
           withSign(double(entry.soleCycles),
                    formatCycles(std::abs(double(entry.soleCycles))))});
  table.print(os);
}

namespace {
class Writer {
public:
  Writer(llvm::raw_ostream &os) : json(os, 1) {}

  void write(const BitReport &report);

private:
  void writeMeasure(const GoalMeasure &measure) {
    json.attribute("sqnr_db", measure.sqnr);
    if (!measure.rows)
      return;
    json.attribute("rows", int64_t(measure.rows));
    json.attribute("same_decision", int64_t(measure.sameDecision));
  }
  void writePoint(llvm::StringRef name, const BitPoint &point) {
    json.attributeObject(name, [&] {
      json.attribute("widened", int64_t(point.widened));
      json.attribute("cycles", int64_t(point.cycles));
      writeMeasure(point.measure);
      json.attribute("corrected", int64_t(point.corrected));
      json.attribute("activation_bits",
                     llvm::json::fixUTF8(point.activationFlag));
      json.attribute("weight_bits", llvm::json::fixUTF8(point.weightFlag));
    });
  }
  void writeClass(const BitClass &entry) {
    json.object([&] {
      json.attribute("kind", entry.areWeights ? "weights" : "activations");
      json.attributeArray("values", [&] {
        for (const std::string &value : entry.values)
          json.value(llvm::json::fixUTF8(value));
      });
      json.attribute("bits", entry.isWidened ? int64_t(entry.wideBits) : 8);
      json.attribute("sole_sqnr_db", decibels(entry.soleNoise));
      json.attribute("sole_cycles", entry.soleCycles);
    });
  }

  llvm::json::OStream json;
};
} // namespace

void Writer::write(const BitReport &report) {
  json.object([&] {
    json.attribute("schema", "accopt.activation-bits");
    json.attribute("version", 1);
    json.attribute("model", llvm::json::fixUTF8(report.model));
    json.attribute("goal", report.goal);
    json.attribute("samples", int64_t(report.samples));
    json.attribute("samples_ranked", int64_t(report.ranked));
    json.attribute("experiments", int64_t(report.experiments));
    writePoint("narrow", report.narrow);
    writePoint("chosen", report.chosen);
    if (report.wide)
      writePoint("wide", *report.wide);
    json.attributeObject("integers", [&] { writeMeasure(report.integers); });
    if (report.control)
      json.attributeObject("control", [&] {
        json.attribute("seed", int64_t(report.control->seed));
        json.attribute("experiments", int64_t(report.control->experiments));
        if (report.control->point)
          writePoint("point", *report.control->point);
      });
    json.attributeArray("classes", [&] {
      for (const BitClass &entry : report.classes)
        writeClass(entry);
    });
  });
}

void accopt::writeBitsJson(const BitReport &report, llvm::raw_ostream &os) {
  Writer(os).write(report);
  os << '\n';
}
