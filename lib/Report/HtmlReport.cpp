//===- HtmlReport.cpp - Cost reports as a page ----------------------------===//
//
// The page is fixed; the report stands in it as the JSON that
// --report=FILE.json writes. In JSON, `<` occurs in strings only. Escaped
// there, no name of a node can end the element or begin another, and the text
// means the same.
//
//===----------------------------------------------------------------------===//

#include "HtmlTemplate.h"
#include "Writers.h"

#include <string>

using namespace llvm;
using namespace accopt;

void accopt::printHtml(const CostReport &report, raw_ostream &os) {
  for (StringRef piece : htmlBeforeReport())
    os << piece;
  std::string text;
  raw_string_ostream json(text);
  printJson(report, json);
  for (StringRef rest = text; !rest.empty();) {
    auto [plain, after] = rest.split('<');
    os << plain;
    if (plain.size() < rest.size())
      os << "\\u003c";
    rest = after;
  }
  for (StringRef piece : htmlAfterReport())
    os << piece;
}
