//===- TableReport.cpp - Cost tables for people ---------------------------===//
//
// One row for each op and one for the total. The text table fits a terminal of
// 100 columns: long names lose their middle, for ONNX node names differ at both
// ends ("/layer1/layer1.0/conv1/Conv").
//
//===----------------------------------------------------------------------===//

#include "Format.h"
#include "Writers.h"

#include "accopt/Report/Excess.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Format.h"

#include <algorithm>
#include <array>

using namespace llvm;
using namespace accopt;

namespace {
constexpr unsigned lineWidth = 100;
/// Name and op are cut and aligned to the left, numbers to the right.
constexpr unsigned textColumns = 3;
using Row = SmallVector<std::string, 11>;
} // namespace

static Row makeHeader(bool withBits) {
  Row header = {"op",    "type",   "on",   "cycles", "%",
                "util%", "energy", "MACs", "DRAM",   "bound"};
  if (withBits)
    header.insert(header.begin() + textColumns, "bits");
  return header;
}

/// "4/8": weights of 4 bits, inputs of 8.
static std::string formatBits(const OpCost &op) {
  if (!op.weightBits)
    return "";
  return std::to_string(op.weightBits) + "/" + std::to_string(op.inputBits);
}

static std::string formatPercent(double part, double whole) {
  std::string text;
  raw_string_ostream(text) << format("%.1f",
                                     whole > 0 ? 100 * part / whole : 0.0);
  return text;
}

static Row makeRow(const OpCost &op, const CostTotal &total) {
  const CostCounts &counts = op.counts;
  return {op.name,
          op.op,
          getName(op.placement).str(),
          std::to_string(op.cycles),
          formatPercent(double(op.cycles), double(total.cycles)),
          formatPercent(op.utilization, 1),
          formatEnergy(op.energyPj()),
          formatScaled(double(counts.macs)),
          formatScaled(double(counts.dramReadBytes + counts.dramWriteBytes)),
          getName(op.bound).str()};
}

static Row makeTotalRow(const CostTotal &total) {
  const CostCounts &counts = total.counts;
  return {"total",
          "",
          "",
          std::to_string(total.cycles),
          formatPercent(double(total.cycles), double(total.cycles)),
          formatPercent(total.utilization, 1),
          formatEnergy(total.energyPj),
          formatScaled(double(counts.macs)),
          formatScaled(double(counts.dramReadBytes + counts.dramWriteBytes)),
          ""};
}

/// A column of bits only where an op has fewer than 8.
static std::vector<Row> makeRows(const CostReport &report) {
  std::vector<Row> rows;
  rows.reserve(report.ops.size() + 1);
  bool withBits = report.hasOtherBits();
  for (const OpCost &op : report.ops) {
    rows.push_back(makeRow(op, report.total));
    if (withBits)
      rows.back().insert(rows.back().begin() + textColumns, formatBits(op));
  }
  rows.push_back(makeTotalRow(report.total));
  if (withBits)
    rows.back().insert(rows.back().begin() + textColumns, "");
  return rows;
}

/// Widths that together with a blank between columns fit in `lineWidth`: the
/// numbers take what they need, the two names share the rest.
static SmallVector<unsigned> fitWidths(const Row &header, ArrayRef<Row> rows) {
  unsigned columnCount = header.size();
  SmallVector<unsigned> widths(columnCount);
  for (unsigned i = 0; i < columnCount; ++i) {
    widths[i] = header[i].size();
    for (const Row &row : rows)
      widths[i] = std::max<unsigned>(widths[i], row[i].size());
  }
  constexpr unsigned maxOpType = 16;
  widths[1] = std::min(widths[1], maxOpType);
  unsigned others = columnCount - 1;
  for (unsigned i = 1; i < columnCount; ++i)
    others += widths[i];
  constexpr unsigned minName = 8;
  unsigned room = others + minName < lineWidth ? lineWidth - others : minName;
  widths[0] = std::min(widths[0], room);
  return widths;
}

static void printRow(const Row &row, ArrayRef<unsigned> widths,
                     raw_ostream &os) {
  std::string line;
  raw_string_ostream text(line);
  for (unsigned i = 0; i < row.size(); ++i) {
    if (i != 0)
      text << ' ';
    bool isText = i < textColumns || i + 1 == row.size();
    if (isText)
      text << left_justify(fitName(row[i], widths[i]), widths[i]);
    else
      text << right_justify(row[i], widths[i]);
  }
  os << StringRef(line).rtrim() << '\n';
}

/// One line of the totals that the table has no column for.
static void printSummary(const CostReport &report, raw_ostream &os) {
  const CostTotal &total = report.total;
  double ratio = total.rooflineCycles > 0
                     ? double(total.cycles) / double(total.rooflineCycles)
                     : 0;
  os << format("latency %.6g ms at %.4g MHz; ", total.latencySeconds * 1e3,
               report.clockHz / 1e6)
     << format("%.2f x the roofline of ", ratio) << total.rooflineCycles
     << " cycles; DRAM peak " << formatScaled(double(report.dramPeakBytes))
     << "B\n";
}

/// What an op's bits save depends on the machine.
static bool savesTrafficOnly(const CostReport &report) {
  return any_of(report.ops, [](const OpCost &op) {
    return op.hasFewBits() && op.arrayRate == 1;
  });
}

/// Says why an op of few bits is as slow as one of 8.
static void printBitsNote(const CostReport &report, raw_ostream &os) {
  if (!savesTrafficOnly(report))
    return;
  os << (report.hasArrayRates ? "ops that run at the rate of 8 bits"
                              : "fixed-rate machine")
     << ": fewer bits save traffic only\n";
}

static void printHostOps(const CostReport &report, raw_ostream &os) {
  for (const OpCost &op : report.ops)
    if (op.placement == CostPlacement::Host)
      os << "on the host: " << fitName(op.name, 40) << " (" << op.op
         << "): " << op.reason << '\n';
}

/// Names the ops that keep a network from its bound, and says why.
static void printWorstOps(const CostReport &report, raw_ostream &os) {
  for (size_t i : worstOps(report, 5)) {
    const OpCost &op = report.ops[i];
    os << "above its bound by " << excessCycles(op) << ": "
       << fitName(op.name, 40) << ":\n    " << describeExcess(op, report)
       << '\n';
  }
}

void accopt::printTable(const CostReport &report, raw_ostream &os) {
  os << fitName(report.modelName, 40) << " on "
     << fitName(report.targetName, 40) << " (" << report.source << ")\n";
  std::vector<Row> rows = makeRows(report);
  Row header = makeHeader(report.hasOtherBits());
  SmallVector<unsigned> widths = fitWidths(header, rows);
  printRow(header, widths, os);
  unsigned width = header.size() - 1;
  for (unsigned column : widths)
    width += column;
  os << std::string(width, '-') << '\n';
  for (const Row &row : ArrayRef(rows).drop_back())
    printRow(row, widths, os);
  os << std::string(width, '-') << '\n';
  printRow(rows.back(), widths, os);
  printSummary(report, os);
  printBitsNote(report, os);
  printHostOps(report, os);
  printWorstOps(report, os);
}

/// Keeps a cell from ending its column.
static std::string escapeMarkdown(StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == '|')
      result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return result;
}

void accopt::printMarkdown(const CostReport &report, raw_ostream &os) {
  auto print = [&](const Row &row) {
    for (const std::string &cell : row)
      os << "| " << escapeMarkdown(cell) << ' ';
    os << "|\n";
  };
  os << "## " << escapeMarkdown(report.modelName) << " on "
     << escapeMarkdown(report.targetName) << " (" << report.source << ")\n\n";
  Row header = makeHeader(report.hasOtherBits());
  print(header);
  for (unsigned i = 0; i < header.size(); ++i)
    os << (i < textColumns || i + 1 == header.size() ? "|---" : "|---:");
  os << "|\n";
  for (const Row &row : makeRows(report))
    print(row);
  os << '\n';
  printSummary(report, os);
  printBitsNote(report, os);
  for (const OpCost &op : report.ops)
    if (op.placement == CostPlacement::Host)
      os << "\n- on the host: " << escapeMarkdown(op.name) << " (" << op.op
         << "): " << escapeMarkdown(op.reason);
  for (size_t index : worstOps(report, 5))
    os << "\n- above its bound by " << excessCycles(report.ops[index]) << ": "
       << escapeMarkdown(report.ops[index].name) << ": "
       << escapeMarkdown(describeExcess(report.ops[index], report));
  os << '\n';
}
