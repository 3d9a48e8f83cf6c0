//===- ReadReport.cpp - Cost reports from JSON ----------------------------===//

#include "accopt/Report/ReadReport.h"

#include "JsonFields.h"
#include "JsonOrder.h"
#include "accopt/Report/Comparison.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/Encoding.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <array>
#include <utility>

using namespace llvm;
using namespace accopt;

namespace {

class ReportReader {
public:
  CostReport read(const json::Object &root, EnergyOrder order);

  JsonFields fields;

private:
  bool checkSchema(const json::Object &root);
  void readTarget(const json::Object &root, CostReport &report);
  void readTotal(const json::Object &root, const KeyList &order,
                 CostReport &report);
  OpCost readOp(const json::Object &object, const Twine &path,
                const KeyList &order);
  void readEngines(const json::Object &object, const Twine &path, OpCost &op);
  void checkTotal(const CostReport &report);

  CostCounts counts(const json::Object &parent, const Twine &path);
  EnergyComponents energy(const json::Object &parent, const Twine &path,
                          const KeyList &order);
  /// One of the values of an enumeration, by name.
  template <typename Enum, size_t n>
  Enum choice(const json::Object &parent, StringRef key, const Twine &path,
              const std::array<Enum, n> &values);
};

} // namespace

static constexpr std::pair<StringLiteral, int64_t CostCounts::*> countFields[] =
    {{"macs", &CostCounts::macs},
     {"dram_read_bytes", &CostCounts::dramReadBytes},
     {"dram_write_bytes", &CostCounts::dramWriteBytes},
     {"scratchpad_read_bytes", &CostCounts::scratchpadReadBytes},
     {"scratchpad_write_bytes", &CostCounts::scratchpadWriteBytes},
     {"accumulator_read_bytes", &CostCounts::accumulatorReadBytes},
     {"accumulator_write_bytes", &CostCounts::accumulatorWriteBytes}};

CostCounts ReportReader::counts(const json::Object &parent, const Twine &path) {
  CostCounts result;
  for (auto [name, member] : countFields)
    result.*member = fields.count(parent, name, path);
  return result;
}

EnergyComponents ReportReader::energy(const json::Object &parent,
                                      const Twine &path, const KeyList &order) {
  EnergyComponents components;
  const json::Object &values = fields.object(parent, "energy", path);
  for (const std::string &key : order)
    if (none_of(components, [&](auto &entry) { return entry.first == key; }))
      components.emplace_back(key,
                              fields.number(values, key, path + "energy."));
  double sum = sumEnergy(components);
  double energyPj = fields.number(parent, "energy_pj", path);
  if (!isSameEnergy(sum, energyPj))
    fields.fail(path + "energy_pj",
                "the sum of its components " + describeJson(sum),
                describeJson(energyPj));
  return components;
}

template <typename Enum, size_t n>
Enum ReportReader::choice(const json::Object &parent, StringRef key,
                          const Twine &path,
                          const std::array<Enum, n> &values) {
  std::string names;
  for (Enum value : values) {
    if (parent.getString(key) == getName(value))
      return value;
    names += (names.empty() ? "" : ", ") + getName(value).str();
  }
  fields.fail(path + key, "one of " + names, describeJson(parent.get(key)));
  return values[0];
}

bool ReportReader::checkSchema(const json::Object &root) {
  const json::Value *schema = root.get("schema");
  if (!schema || schema->getAsString() != "accopt.cost") {
    fields.fail("schema", "'accopt.cost' (a --report=FILE.json)",
                describeJson(schema));
    return false;
  }
  int64_t version = fields.count(root, "version", "");
  if (version > 1)
    fields.fail("version", "1, as a newer tool wrote the file", Twine(version));
  else if (version < 1)
    fields.fail("version", "1", describeJson(root.get("version")));
  return !fields.hasFailed();
}

void ReportReader::readTarget(const json::Object &root, CostReport &report) {
  const json::Object &target = fields.object(root, "target", "");
  report.targetName = fields.text(target, "name", "target.");
  report.targetSha256 = fields.text(target, "sha256", "target.");
  const json::Object &parameters =
      fields.object(target, "parameters", "target.");
  report.targetParameters = json::Object(parameters);
  // What the file does not hold by itself.
  auto parameter = [&](StringRef name) {
    return std::clamp<int64_t>(parameters.getInteger(name).value_or(0), 0,
                               INT32_MAX);
  };
  report.clockHz = parameters.getNumber("clock_hz").value_or(report.clockHz);
  report.peakMacsPerCycle = parameter("rows") * parameter("columns");
  report.hasArrayRates =
      parameter("array_rate_4bit") > 1 || parameter("array_rate_2bit") > 1;
}

void ReportReader::readTotal(const json::Object &root, const KeyList &order,
                             CostReport &report) {
  const json::Object &object = fields.object(root, "total", "");
  CostTotal &total = report.total;
  total.cycles = fields.count(object, "cycles", "total.");
  total.energyPj = fields.number(object, "energy_pj", "total.");
  total.energy = energy(object, "total.", order);
  total.counts = counts(object, "total.");
  total.latencySeconds = fields.number(object, "latency_s", "total.");
  total.utilization = fields.number(object, "utilization", "total.");
  total.rooflineCycles = fields.count(object, "roofline_cycles", "total.");
  report.dramPeakBytes = fields.count(object, "dram_peak_bytes", "total.");
  if (object.get("dram_constant_bytes"))
    report.dramConstantBytes =
        fields.count(object, "dram_constant_bytes", "total.");
}

/// Of the engines that the object names; others are not known and ignored.
void ReportReader::readEngines(const json::Object &object, const Twine &path,
                               OpCost &op) {
  for (unsigned e = 0; e < kEngineCount; ++e) {
    StringRef name = engineName(Engine(e));
    if (!object.get(name))
      continue;
    std::string prefix = (path + name + ".").str();
    const json::Object &use = fields.object(object, name, path);
    op.engines[e] = {fields.count(use, "start", prefix),
                     fields.count(use, "end", prefix),
                     fields.count(use, "busy", prefix)};
    if (op.engines[e]->end < op.engines[e]->start)
      fields.fail(prefix + "end",
                  "at least the start " + Twine(op.engines[e]->start),
                  Twine(op.engines[e]->end));
  }
}

OpCost ReportReader::readOp(const json::Object &object, const Twine &path,
                            const KeyList &order) {
  using enum CostPlacement;
  OpCost op;
  op.name = fields.text(object, "name", path);
  op.op = fields.text(object, "op", path);
  op.placement =
      choice(object, "placement", path, std::array{Array, Vector, Dma, Host});
  if (object.get("reason"))
    op.reason = fields.text(object, "reason", path);
  op.cycles = fields.count(object, "cycles", path);
  op.energy = energy(object, path, order);
  op.counts = counts(object, path);
  op.bound = choice(
      object, "bound", path,
      std::array{CostBound::Compute, CostBound::Memory, CostBound::Host});
  op.utilization = fields.number(object, "utilization", path);
  op.rooflineCycles = fields.count(object, "roofline_cycles", path);
  if (object.get("weight_bits")) {
    op.weightBits = fields.count(object, "weight_bits", path);
    op.inputBits = fields.count(object, "input_bits", path);
  }
  if (object.get("array_mode")) {
    op.arrayPrecision = fields.count(object, "array_mode", path);
    op.arrayRate = fields.number(object, "array_rate", path);
  }
  if (object.get("engines"))
    readEngines(fields.object(object, "engines", path), path + "engines.", op);
  if (object.get("scratchpad_bytes"))
    op.scratchpadBytes = fields.count(object, "scratchpad_bytes", path);
  if (object.get("dram_live_bytes"))
    op.dramLiveBytes = fields.count(object, "dram_live_bytes", path);
  return op;
}

/// What a comparison adds up must not overflow, and must give the totals.
void ReportReader::checkTotal(const CostReport &report) {
  int64_t cycles = 0;
  double energyPj = 0;
  for (const OpCost &op : report.ops) {
    energyPj += op.energyPj();
    if (AddOverflow(cycles, op.cycles, cycles))
      return fields.fail("ops", "cycles whose sum fits 63 bits", "more");
  }
  if (cycles != report.total.cycles)
    fields.fail("total.cycles", "the sum of the ops' " + Twine(cycles),
                Twine(report.total.cycles));
  if (!isSameEnergy(energyPj, report.total.energyPj))
    fields.fail("total.energy_pj",
                "the sum of the ops' " + describeJson(energyPj),
                describeJson(report.total.energyPj));
}

CostReport ReportReader::read(const json::Object &root, EnergyOrder order) {
  CostReport report;
  if (!checkSchema(root))
    return report;
  report.source = fields.text(root, "source", "");
  const json::Object &model = fields.object(root, "model", "");
  report.modelName = fields.text(model, "name", "model.");
  report.modelSha256 = fields.text(model, "sha256", "model.");
  readTarget(root, report);
  readTotal(root, order.total, report);
  const json::Array *ops = root.getArray("ops");
  if (!ops)
    fields.fail("ops", "an array", describeJson(root.get("ops")));
  if (fields.hasFailed())
    return report;
  // The two differ if the file has two members "ops".
  order.ops.resize(ops->size());
  for (auto [index, value] : enumerate(*ops)) {
    std::string path = ("ops[" + Twine(index) + "]").str();
    if (const json::Object *op = value.getAsObject())
      report.ops.push_back(readOp(*op, path + ".", order.ops[index]));
    else
      fields.fail(path, "an object", describeJson(&value));
  }
  if (!fields.hasFailed())
    checkTotal(report);
  return report;
}

Expected<CostReport> accopt::parseReport(StringRef text, StringRef name) {
  if (isNestedTooDeep(text))
    return makeFileError(name, "expected a cost report in JSON, got arrays and "
                               "objects more than 64 deep");
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeFileError(name, "expected a cost report in JSON, got " +
                                   toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  if (!root)
    return makeFileError(name, "expected a cost report in JSON, got " +
                                   describeJson(&*value));
  ReportReader reader;
  CostReport report = reader.read(*root, readEnergyOrder(text));
  if (reader.fields.hasFailed())
    return makeFileError(name, reader.fields.message());
  return report;
}

Expected<CostReport> accopt::readReport(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return makeFileError(path, "cannot read: " + buffer.getError().message());
  return parseReport((*buffer)->getBuffer(), path);
}
