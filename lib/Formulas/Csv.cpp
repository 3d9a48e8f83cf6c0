//===- Csv.cpp - Lines of comma-separated values --------------------------===//

#include "Csv.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

std::vector<CsvLine> accopt::formulas::splitCsv(StringRef text) {
  text.consume_front("\xef\xbb\xbf");
  std::vector<CsvLine> lines;
  for (unsigned number = 1; !text.empty(); ++number) {
    auto [line, rest] = text.split('\n');
    text = rest;
    line = line.trim();
    if (line.trim(", \t").empty())
      continue;
    CsvLine made;
    made.number = number;
    line.consume_back(",");
    line.split(made.cells, ',');
    for (StringRef &cell : made.cells)
      cell = cell.trim();
    lines.push_back(std::move(made));
  }
  return lines;
}

std::string accopt::formulas::normalizeTitle(StringRef text) {
  std::string result;
  for (char c : text)
    if (isAlnum(c))
      result += toLower(c);
  return result;
}

Error accopt::formulas::makeLineError(StringRef file, unsigned line,
                                      const Twine &message) {
  // A cell may be as long as the file.
  std::string text = message.str();
  constexpr size_t kLongest = 400;
  if (text.size() > kLongest)
    text = text.substr(0, kLongest) + "...";
  return makeFileError((file + ":" + Twine(line)).str(), text);
}

Error accopt::formulas::atLine(StringRef file, unsigned line, Error error) {
  return makeLineError(file, line, toString(std::move(error)));
}

Expected<std::unique_ptr<MemoryBuffer>>
accopt::formulas::openFile(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return makeFileError(path, "cannot read: " + buffer.getError().message());
  return std::move(*buffer);
}
