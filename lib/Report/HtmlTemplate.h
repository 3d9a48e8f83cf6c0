//===- HtmlTemplate.h - The pages of reports --------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_HTMLTEMPLATE_H
#define ACCOPT_LIB_REPORT_HTMLTEMPLATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// A page with style and scripts in it, in pieces: up to where the report
/// stands as JSON, and what follows.
struct HtmlTemplate {
  llvm::ArrayRef<llvm::StringLiteral> before, after;
};

/// lib/Report/html and lib/Report/html/tune.
HtmlTemplate costPage();
HtmlTemplate tunePage();

/// Writes the page with `json` in it. In JSON, `<` occurs in strings only.
/// Escaped there, no name of a node can end the element or begin another, and
/// the text means the same.
void printPage(const HtmlTemplate &page, llvm::StringRef json,
               llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_HTMLTEMPLATE_H
