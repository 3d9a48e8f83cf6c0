//===- HtmlTemplate.h - The page of a cost report ---------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_HTMLTEMPLATE_H
#define ACCOPT_LIB_REPORT_HTMLTEMPLATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace accopt {

/// lib/Report/html as one page with style and scripts in it, in pieces: up to
/// where the report stands as JSON, and what follows.
llvm::ArrayRef<llvm::StringLiteral> htmlBeforeReport();
llvm::ArrayRef<llvm::StringLiteral> htmlAfterReport();

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_HTMLTEMPLATE_H
