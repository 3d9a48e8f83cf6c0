//===- GemminiReport.cpp - Gemmini's cycles for a file of layers ----------===//

#include "accopt/Formulas/GemminiReport.h"

#include "Csv.h"

#include "accopt/Formulas/ScaleSim.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace accopt::formulas;

/// The field that a column sets, or null.
static int64_t GemminiLayer::*fieldOf(StringRef title) {
  using L = GemminiLayer;
  return StringSwitch<int64_t L::*>(title)
      .Case("n", &L::n)
      .Case("c", &L::c)
      .Case("k", &L::k)
      .Case("p", &L::p)
      .Case("q", &L::q)
      .Case("r", &L::r)
      .Case("s", &L::s)
      .Case("wstride", &L::strideWidth)
      .Case("hstride", &L::strideHeight)
      .Case("wdilation", &L::dilation)
      .Default(nullptr);
}

static Expected<GemminiRecord> parseRecord(const CsvLine &line,
                                           ArrayRef<std::string> titles) {
  if (line.cells.size() > titles.size())
    return createStringError("expected at most " + Twine(titles.size()) +
                             " cells, got " + Twine(line.cells.size()));
  GemminiRecord record;
  record.name = ("line " + Twine(line.number)).str();
  StringRef mapping;
  for (auto [title, cell] : zip(titles, line.cells)) {
    if (title == "row")
      record.name = cell.str();
    else if (title == "mapping")
      mapping = cell;
    else if (int64_t GemminiLayer::*field = fieldOf(title);
             field && cell.getAsInteger(10, record.layer.*field))
      return createStringError("expected an integer in column " + title +
                               ", got '" + cell + "'");
  }
  if (Error error = check(record.layer))
    return std::move(error);
  if (mapping.empty())
    return record;
  Expected<GemminiMapping> parsed = parseGemminiMapping(mapping, record.layer);
  if (!parsed)
    return parsed.takeError();
  record.mapping = *parsed;
  return record;
}

Expected<std::vector<GemminiRecord>>
accopt::formulas::parseGemminiRecords(StringRef text, StringRef file) {
  std::vector<CsvLine> lines = splitCsv(text);
  if (lines.empty())
    return makeLineError(file, 1, "expected titles of columns, got nothing");
  std::vector<std::string> titles;
  for (StringRef cell : lines[0].cells)
    titles.push_back(normalizeTitle(cell));
  for (StringRef required : {"c", "k", "p", "q"})
    if (!is_contained(titles, required))
      return makeLineError(file, lines[0].number,
                           "expected a column " + Twine(toUpper(required[0])) +
                               ", got none");
  std::vector<GemminiRecord> records;
  for (const CsvLine &line : ArrayRef(lines).drop_front()) {
    Expected<GemminiRecord> record = parseRecord(line, titles);
    if (!record)
      return atLine(file, line.number, record.takeError());
    records.push_back(std::move(*record));
  }
  return records;
}

/// SCALE-Sim's cycles of the layer as a product after im2col.
static int64_t scaleSimCycles(const GemminiLayer &layer, int64_t dim) {
  GemmShape gemm;
  gemm.m = layer.n * layer.p * layer.q;
  gemm.n = layer.k;
  gemm.k = layer.c * layer.r * layer.s;
  return scaleSimCost(gemm, {dim, dim}, Dataflow::WeightStationary).cycles;
}

FormulaReport accopt::formulas::reportGemmini(ArrayRef<GemminiRecord> records,
                                              const GemminiMachine &machine) {
  FormulaReport report;
  report.model = "gemmini";
  report.parameters = {{"rows", machine.dim}, {"columns", machine.dim}};
  report.columns = {
      {"mapping_cycles", "mapping cycles", 0, true, 1, false},
      {"auto_tiling_cycles", "own tiling cycles", 0, true, 1, false},
      {"search_cycles", "of them search", 0, true, 1, false},
      {"scale_sim_ws_cycles", "SCALE-Sim cycles", 0, true, 1, false},
      {"tiles", "tiles", 0, false, 1, true},
      {"load_cycles", "load cycles", 0, false, 1, true},
      {"execute_cycles", "execute cycles", 0, false, 1, true},
      {"store_cycles", "store cycles", 0, false, 1, true}};
  for (const GemminiRecord &record : records) {
    GemminiCost own = gemminiAutoTilingCost(record.layer, machine);
    std::vector<Cell> cells(report.columns.size());
    if (record.mapping) {
      GemminiCost cost = gemminiCost(record.layer, *record.mapping, machine);
      cells[0] = int64_t(cost.cycles);
      cells[4] = cost.tiles;
      cells[5] = cost.load;
      cells[6] = cost.execute;
      cells[7] = cost.store;
    }
    cells[1] = int64_t(own.cycles);
    cells[2] = int64_t(own.search);
    cells[3] = scaleSimCycles(record.layer, machine.dim);
    report.rows.push_back({record.name, std::move(cells)});
  }
  report.notes = {"Own tilings include the core's search for them. Accuracy: "
                  "docs/Design/Gemmini.md."};
  return report;
}

Expected<FormulaReport> accopt::formulas::evaluateGemmini(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = openFile(path);
  if (!buffer)
    return buffer.takeError();
  Expected<std::vector<GemminiRecord>> records =
      parseGemminiRecords((*buffer)->getBuffer(), path);
  if (!records)
    return records.takeError();
  return reportGemmini(*records);
}
