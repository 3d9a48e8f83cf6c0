//===- Diagnostics.cpp - One-line errors that name the file ---------------===//

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"

#include <unistd.h>

using namespace llvm;

Error accopt::makeFileError(StringRef file, const Twine &message) {
  return createStringError(inconvertibleErrorCode(), file + ": " + message);
}

/// A character, or U+FFFD with `size` 1 where the bytes are no UTF-8.
static uint32_t readCharacter(StringRef text, size_t &size) {
  unsigned char first = text.front();
  size = first < 0x80             ? 1
         : (first & 0xe0) == 0xc0 ? 2
         : (first & 0xf0) == 0xe0 ? 3
         : (first & 0xf8) == 0xf0 ? 4
                                  : 0;
  uint32_t character = size == 1 ? first : first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if (i == text.size() || (text[i] & 0xc0) != 0x80)
      size = 0;
    else
      character = character << 6 | (text[i] & 0x3f);
  }
  if (size != 0)
    return character;
  size = 1;
  return 0xfffd;
}

/// Control characters, bytes that are no UTF-8, separators of lines, and what
/// would hide or reorder the text around it.
static bool isHarmful(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd;
}

static void printOneLine(StringRef text, raw_ostream &os) {
  text = text.rtrim("\n");
  while (!text.empty()) {
    size_t size;
    uint32_t character = readCharacter(text, size);
    for (unsigned char byte : text.take_front(size)) {
      if (isHarmful(character))
        os << "\\x" << hexdigit(byte >> 4) << hexdigit(byte & 15);
      else
        os << byte;
    }
    text = text.drop_front(size);
  }
}

void accopt::printError(Error error, raw_ostream &os) {
  handleAllErrors(std::move(error), [&](const ErrorInfoBase &info) {
    os << "error: ";
    printOneLine(info.message(), os);
    os << '\n';
  });
}

/// Must not allocate: standard error has no buffer.
static void exitOutOfMemory(void *file, const char *, bool) {
  raw_ostream &os = errs();
  os << "error: ";
  printOneLine(static_cast<const char *>(file), os);
  os << ": out of memory\n";
  sys::RunInterruptHandlers();
  _exit(1);
}

void accopt::exitWhereMemoryEnds(const std::string &file) {
  install_bad_alloc_error_handler(exitOutOfMemory,
                                  const_cast<char *>(file.c_str()));
}
