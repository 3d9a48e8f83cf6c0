//===- HtmlReport.cpp - Cost reports as a page ----------------------------===//
//
// The page is fixed; the report stands in it as the JSON that
// --report=FILE.json writes.
//
//===----------------------------------------------------------------------===//

#include "HtmlTemplate.h"
#include "Writers.h"

#include <string>

using namespace llvm;
using namespace accopt;

void accopt::printPage(const HtmlTemplate &page, StringRef json,
                       raw_ostream &os) {
  for (StringRef piece : page.before)
    os << piece;
  for (StringRef rest = json; !rest.empty();) {
    auto [plain, after] = rest.split('<');
    os << plain;
    if (plain.size() < rest.size())
      os << "\\u003c";
    rest = after;
  }
  for (StringRef piece : page.after)
    os << piece;
}

void accopt::printHtml(const CostReport &report, raw_ostream &os) {
  std::string text;
  raw_string_ostream json(text);
  printJson(report, json);
  printPage(costPage(), text, os);
}
