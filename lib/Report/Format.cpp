//===- Format.cpp - Numbers, names and tables for people ------------------===//

#include "Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace accopt;

static constexpr StringRef energyUnits[] = {"pJ", "nJ", "uJ", "mJ", "J"};

template <typename... Args>
static std::string print(const char *pattern, Args... args) {
  std::string text;
  raw_string_ostream(text) << format(pattern, args...);
  return text;
}

std::string accopt::formatScaled(double value) {
  constexpr StringRef prefixes[] = {"", "k", "M", "G", "T", "P"};
  unsigned prefix = 0;
  // 999.5 would round up to four digits.
  while (value >= 999.5 && prefix + 1 < std::size(prefixes)) {
    value /= 1000;
    ++prefix;
  }
  if (prefix == 0 && value == static_cast<int64_t>(value))
    return formatv("{0}", static_cast<int64_t>(value));
  if (value >= 9995)
    return print("%.1e", value) + prefixes[prefix].str();
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return print("%.*f", decimals, value) + prefixes[prefix].str();
}

std::string accopt::formatEnergy(double picojoules) {
  unsigned unit = 0;
  while (picojoules >= 999.5 && unit + 1 < std::size(energyUnits)) {
    picojoules /= 1000;
    ++unit;
  }
  return formatScaled(picojoules) + energyUnits[unit].str();
}

std::string accopt::formatEnergyDigits(double picojoules, int digits) {
  unsigned unit = 0;
  while (picojoules >= 1000 && unit + 1 < std::size(energyUnits)) {
    picojoules /= 1000;
    ++unit;
  }
  return print("%.*g", digits, picojoules) + energyUnits[unit].str();
}

std::string accopt::formatCycles(double cycles) {
  return cycles < 1e10 ? std::to_string(int64_t(cycles)) : formatScaled(cycles);
}

std::string accopt::withSign(double value, StringRef text) {
  return (Twine(value > 0 ? "+" : value < 0 ? "-" : "") + text).str();
}

std::string accopt::formatChange(double before, double after) {
  if (before == after)
    return "";
  if (before == 0)
    return "new";
  double percent = 100 * (after - before) / before;
  double size = std::fabs(percent);
  if (size < 0.005)
    return print("%+.1g%%", percent);
  return print(size < 1e5 ? "%+.2f%%" : "%+.1e%%", percent);
}

static bool isContinuation(char c) { return (c & 0xc0) == 0x80; }

std::string accopt::fitName(StringRef text, size_t width) {
  std::string name = text.str();
  for (char &c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  if (name.size() <= width)
    return name;
  size_t tail = (width - 2) / 2;
  size_t headEnd = width - 2 - tail, tailBegin = name.size() - tail;
  while (headEnd > 0 && isContinuation(name[headEnd]))
    --headEnd;
  while (tailBegin < name.size() && isContinuation(name[tailBegin]))
    ++tailBegin;
  return name.substr(0, headEnd) + ".." + name.substr(tailBegin);
}

std::string accopt::countOf(size_t count, StringRef noun) {
  return formatv("{0} {1}{2}", count, noun, count == 1 ? "" : "s");
}

std::vector<size_t> TextTable::fitWidths() const {
  std::vector<size_t> widths;
  for (auto [index, column] : enumerate(columns)) {
    size_t width = column.header.size();
    for (const std::vector<std::string> &row : rows)
      width = std::max(width, row[index].size());
    widths.push_back(std::min(width, column.maxWidth));
  }
  constexpr size_t lineWidth = 100, minText = 8;
  size_t others = columns.size() - 1;
  for (size_t width : drop_begin(widths))
    others += width;
  for (size_t index = 1; index < widths.size(); ++index) {
    if (columns[index].isNumber || widths[index] <= minText ||
        others + minText <= lineWidth)
      continue;
    size_t excess =
        std::min(others + minText - lineWidth, widths[index] - minText);
    widths[index] -= excess;
    others -= excess;
  }
  size_t room = std::max(minText, lineWidth - std::min(others, lineWidth));
  widths[0] = std::min(widths[0], room);
  return widths;
}

void TextTable::print(raw_ostream &os) const {
  std::vector<size_t> widths = fitWidths();
  auto printRow = [&](auto cellOf) {
    std::string line;
    raw_string_ostream text(line);
    for (auto [index, width] : enumerate(widths)) {
      text << (index ? " " : "");
      std::string cell = fitName(cellOf(index), width);
      if (columns[index].isNumber)
        text << right_justify(cell, width);
      else
        text << left_justify(cell, width);
    }
    os << StringRef(line).rtrim() << '\n';
  };
  printRow([&](size_t index) { return columns[index].header; });
  size_t rule = widths.size() - 1;
  for (size_t width : widths)
    rule += width;
  os << std::string(rule, '-') << '\n';
  for (const std::vector<std::string> &row : rows)
    printRow([&](size_t index) { return row[index]; });
}
