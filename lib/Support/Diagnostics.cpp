//===- Diagnostics.cpp - One-line errors that name the file ---------------===//

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;

Error accopt::makeFileError(StringRef file, const Twine &message) {
  return createStringError(inconvertibleErrorCode(), file + ": " + message);
}

static void printOneLine(StringRef text, raw_ostream &os) {
  text = text.rtrim("\n");
  for (unsigned char c : text) {
    if (c < 0x20 || c == 0x7f)
      os << "\\x" << hexdigit(c >> 4) << hexdigit(c & 15);
    else
      os << c;
  }
}

void accopt::printError(Error error, raw_ostream &os) {
  handleAllErrors(std::move(error), [&](const ErrorInfoBase &info) {
    os << "error: ";
    printOneLine(info.message(), os);
    os << '\n';
  });
}
