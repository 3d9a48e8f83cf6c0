//===- Format.h - Numbers, names and tables for people ----------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_FORMAT_H
#define ACCOPT_LIB_REPORT_FORMAT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt {

/// Three digits and a unit prefix: 1234567 becomes "1.23M".
std::string formatScaled(double value);

/// Three digits and a unit from pJ to PJ.
std::string formatEnergy(double picojoules);

/// At most `digits` digits and a unit; ten are enough to see why a comparison
/// fails.
std::string formatEnergyDigits(double picojoules, int digits = 10);

/// All digits below 10^10, three and a prefix above.
std::string formatCycles(double cycles);

/// `text` with "+" before a positive `value` and "-" before a negative one.
std::string withSign(double value, llvm::StringRef text);

/// Signed, two decimals ("+1.04%"), more digits for what is smaller; "new" if
/// there was nothing before and "" if nothing changed.
std::string formatChange(double before, double after);

/// `text` in at most `width` bytes, without its middle if it is longer (ONNX
/// names differ at both ends) and without control characters. A character of
/// UTF-8 is not cut.
std::string fitName(llvm::StringRef text, size_t width);

/// "1 op", "2 ops".
std::string countOf(size_t count, llvm::StringRef noun);

/// Rows of cells in columns, a blank between them.
class TextTable {
public:
  struct Column {
    std::string header;
    bool isNumber = true;
    /// Longer cells lose their middle.
    size_t maxWidth = size_t(-1);
  };

  TextTable(llvm::ArrayRef<Column> columns) : columns(columns) {}

  /// As many cells as there are columns.
  void addRow(std::vector<std::string> cells) {
    rows.push_back(std::move(cells));
  }

  /// The first column takes what the others leave of 100 columns. If that is
  /// less than 8, the other columns of text get narrower, to 8 as well.
  void print(llvm::raw_ostream &os) const;

private:
  std::vector<size_t> fitWidths() const;

  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_FORMAT_H
