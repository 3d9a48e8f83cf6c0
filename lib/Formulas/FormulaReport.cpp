//===- FormulaReport.cpp - Tables of what formulas say --------------------===//

#include "accopt/Formulas/FormulaReport.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <algorithm>

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

Error FormulaReport::checkTotals() const {
  for (auto [at, column] : enumerate(columns)) {
    int64_t sum = 0;
    for (const Row &row : rows)
      if (const int64_t *value = std::get_if<int64_t>(&row.cells[at]);
          column.summed && value && AddOverflow(sum, *value, sum))
        return createStringError("expected totals of 63 bits, got more in '" +
                                 column.key + "' at layer '" + row.name + "'");
  }
  return Error::success();
}

Cell FormulaReport::total(size_t column) const {
  int64_t count = 0;
  double measure = 0;
  bool whole = true;
  for (const Row &row : rows) {
    const Cell &cell = row.cells[column];
    if (const int64_t *value = std::get_if<int64_t>(&cell)) {
      count += *value;
      measure += double(*value);
    } else if (const double *real = std::get_if<double>(&cell)) {
      measure += *real;
      whole = false;
    }
  }
  return whole ? Cell(count) : Cell(measure);
}

/// "1234567" as "1,234,567".
static std::string group(int64_t value) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  for (int at = int(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(size_t(at), ",");
  return value < 0 ? "-" + digits : digits;
}

static std::string show(const Cell &cell, unsigned digits, double scale = 1) {
  if (const int64_t *count = std::get_if<int64_t>(&cell))
    return group(*count);
  std::string text;
  raw_string_ostream os(text);
  if (const double *measure = std::get_if<double>(&cell))
    os << format("%.*f", int(digits), scale * *measure);
  else if (const std::string *word = std::get_if<std::string>(&cell))
    os << *word;
  else
    os << '-';
  return text;
}

/// Titles, rows and sums as text; the first column is the name.
static std::vector<std::vector<std::string>>
layOut(const FormulaReport &report) {
  std::vector<std::vector<std::string>> lines(1, {"layer"});
  for (const FormulaColumn &column : report.columns)
    if (!column.onlyInFiles)
      lines.front().push_back(column.title);
  for (const FormulaReport::Row &row : report.rows) {
    lines.push_back({row.name});
    for (auto [cell, column] : zip(row.cells, report.columns))
      if (!column.onlyInFiles)
        lines.back().push_back(show(cell, column.digits, column.scale));
  }
  lines.push_back({"total"});
  for (auto [at, column] : enumerate(report.columns))
    if (!column.onlyInFiles)
      lines.back().push_back(
          column.summed ? show(report.total(at), column.digits, column.scale)
                        : "");
  return lines;
}

static std::string describe(const FormulaReport &report) {
  std::string text = report.model;
  for (const auto &[key, value] : report.parameters)
    text += ", " + key + " " + show(value, 3);
  return text;
}

/// Names give way where the table would exceed this.
static constexpr size_t tableColumns = 100, leastName = 8;

void accopt::formulas::printTable(const FormulaReport &report,
                                  raw_ostream &os) {
  std::vector<std::vector<std::string>> lines = layOut(report);
  std::vector<size_t> widths(lines.front().size(), 0);
  for (const auto &line : lines)
    for (auto [at, text] : enumerate(line))
      widths[at] = std::max(widths[at], text.size());
  size_t others = 0;
  for (size_t width : drop_begin(widths))
    others += width + 2;
  size_t room =
      others + leastName > tableColumns ? leastName : tableColumns - others;
  widths.front() = std::min(widths.front(), room);

  os << describe(report) << "\n\n";
  for (auto [at, line] : enumerate(lines)) {
    if (at + 1 == lines.size())
      os << std::string(others + widths.front(), '-') << '\n';
    std::string name = line.front();
    if (name.size() > widths.front())
      name = name.substr(0, widths.front() - 1) + "~";
    std::string row;
    raw_string_ostream cells(row);
    cells << left_justify(name, widths.front());
    for (auto [text, width] : zip(drop_begin(line), drop_begin(widths)))
      cells << "  " << right_justify(text, width);
    os << StringRef(row).rtrim() << '\n';
  }
  for (const std::string &note : report.notes)
    os << '\n' << note << '\n';
}

void accopt::formulas::printMarkdown(const FormulaReport &report,
                                     raw_ostream &os) {
  os << describe(report) << "\n\n";
  auto escape = [](std::string text) {
    for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
      text.insert(at, "\\");
    return text;
  };
  for (auto [at, line] : enumerate(layOut(report))) {
    for (const std::string &text : line)
      os << "| " << escape(text) << ' ';
    os << "|\n";
    if (at != 0)
      continue;
    os << "|---";
    for (size_t i = 1; i < line.size(); ++i)
      os << "|--:";
    os << "|\n";
  }
  for (const std::string &note : report.notes)
    os << '\n' << note << '\n';
}

void accopt::formulas::printCsv(const FormulaReport &report, raw_ostream &os) {
  os << "layer";
  for (const FormulaColumn &column : report.columns)
    os << ',' << column.key;
  os << '\n';
  for (const FormulaReport::Row &row : report.rows) {
    os << row.name;
    for (const Cell &cell : row.cells) {
      os << ',';
      if (const int64_t *count = std::get_if<int64_t>(&cell))
        os << *count;
      else if (const double *measure = std::get_if<double>(&cell))
        os << format("%.17g", *measure);
      else if (const std::string *word = std::get_if<std::string>(&cell))
        os << *word;
    }
    os << '\n';
  }
}

static json::Value toJson(const Cell &cell) {
  if (const int64_t *count = std::get_if<int64_t>(&cell))
    return *count;
  if (const double *measure = std::get_if<double>(&cell))
    return *measure;
  if (const std::string *word = std::get_if<std::string>(&cell))
    return json::fixUTF8(*word);
  return nullptr;
}

void accopt::formulas::printJson(const FormulaReport &report, raw_ostream &os) {
  json::OStream j(os, 2);
  j.object([&] {
    j.attribute("schema", "accopt.formulas");
    j.attribute("version", 1);
    j.attribute("model", report.model);
    j.attributeObject("parameters", [&] {
      for (const auto &[key, value] : report.parameters)
        j.attribute(key, toJson(value));
    });
    j.attributeArray("layers", [&] {
      for (const FormulaReport::Row &row : report.rows)
        j.object([&] {
          j.attribute("name", json::fixUTF8(row.name));
          for (auto [cell, column] : zip(row.cells, report.columns))
            j.attribute(column.key, toJson(cell));
        });
    });
    j.attributeObject("total", [&] {
      for (auto [at, column] : enumerate(report.columns))
        if (column.summed)
          j.attribute(column.key, toJson(report.total(at)));
    });
  });
  os << '\n';
}

Error accopt::formulas::writeReport(const FormulaReport &report,
                                    StringRef path) {
  if (path == "-") {
    printTable(report, outs());
    return Error::success();
  }
  StringRef ending = sys::path::extension(path);
  auto *print = ending == ".json"  ? &printJson
                : ending == ".csv" ? &printCsv
                : ending == ".md"  ? &printMarkdown
                                   : nullptr;
  if (!print)
    return makeFileError(path,
                         "expected a report name ending in .json, .csv or "
                         ".md, or -, got '" +
                             ending + "'");
  return writeOutputFile(path, [&](raw_ostream &os) {
    print(report, os);
    return Error::success();
  });
}
