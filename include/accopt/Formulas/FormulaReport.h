//===- FormulaReport.h - Tables of what formulas say ------------*- C++ -*-===//
//
// Part of AccOpt. One row for each layer, the same columns for all of a model,
// and sums. Written as JSON (schema "accopt.formulas"), CSV, Markdown or as a
// table of at most 100 columns for a terminal.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_FORMULAREPORT_H
#define ACCOPT_FORMULAS_FORMULAREPORT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace accopt::formulas {

/// A count, a measure, or a word. monostate: unknown; null in JSON.
using Cell = std::variant<std::monostate, int64_t, double, std::string>;

struct FormulaColumn {
  /// In files, with the unit: "cycles", "energy_pj".
  std::string key;
  /// In tables.
  std::string title;
  /// Digits after the point of doubles in tables; files have all.
  unsigned digits = 2;
  /// Whether the last line adds it up.
  bool summed = false;
  /// Tables show a double times this, in the title's unit.
  double scale = 1;
  /// Left out of tables.
  bool onlyInFiles = false;
};

struct FormulaReport {
  std::string model;
  /// What was asked for: dataflow, array, batch.
  std::vector<std::pair<std::string, Cell>> parameters;
  std::vector<FormulaColumn> columns;
  struct Row {
    std::string name;
    std::vector<Cell> cells; ///< one for each column
  };
  std::vector<Row> rows;
  /// Sentences below the table: what is counted and what is not.
  std::vector<std::string> notes;

  /// Fails where the sum of a column of counts has more than 63 bits.
  llvm::Error checkTotals() const;

  /// The sum of a column; int64_t if all its cells are. checkTotals() holds.
  Cell total(size_t column) const;
};

void printTable(const FormulaReport &report, llvm::raw_ostream &os);
void printMarkdown(const FormulaReport &report, llvm::raw_ostream &os);
void printCsv(const FormulaReport &report, llvm::raw_ostream &os);
/// Keys: schema, version, model, parameters, layers, total.
void printJson(const FormulaReport &report, llvm::raw_ostream &os);

/// Writes `path`, whole or not at all, in the form that its ending names:
/// .json, .csv or .md; "-" is the table on standard output. Fails on another
/// ending or where the file cannot be written.
llvm::Error writeReport(const FormulaReport &report, llvm::StringRef path);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_FORMULAREPORT_H
