//===- FuzzSupport.h - What all fuzzers need --------------------*- C++ -*-===//
//
// Part of AccOpt. A fuzzer passes where the code under test returns, whatever
// it returns, and where the properties that it demands hold. libFuzzer keeps
// the input of a run that does not return.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_FUZZ_FUZZSUPPORT_H
#define ACCOPT_TEST_FUZZ_FUZZSUPPORT_H

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <cstdlib>
#include <random>

namespace accopt::fuzz {

/// Ends the process, as a crash does, unless `holds`.
inline void demand(bool holds, const llvm::Twine &what) {
  if (holds)
    return;
  llvm::errs() << "property broken: " << what << "\n";
  std::abort();
}

/// Demands that `line` is one line `error: ...` of printable characters (UTF-8
/// counts), without its end.
inline void demandErrorLine(llvm::StringRef line) {
  demand(line.starts_with("error: "), "expected an error, got: " + line);
  for (char c : line)
    demand(uint8_t(c) >= 0x20 && c != 0x7f,
           "expected one line of printable characters, got: " + line);
}

/// Demands that the tools would print `error` as one line.
inline void demandOneLine(llvm::Error error) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printError(std::move(error), os);
  demand(llvm::StringRef(text).ends_with("\n"), "expected a line's end");
  demandErrorLine(llvm::StringRef(text).drop_back());
}

/// The value, or null; then the error must be one line.
template <typename T> T *get(llvm::Expected<T> &result) {
  if (result)
    return &*result;
  demandOneLine(result.takeError());
  return nullptr;
}

/// Ends the process if there is no value, with its error.
template <typename T> T &need(llvm::Expected<T> &result, llvm::StringRef what) {
  if (!result)
    demand(false, what + ": " + llvm::toString(result.takeError()));
  return *result;
}

/// The random choices of a mutator, which follow from libFuzzer's seed.
class Choices {
public:
  explicit Choices(unsigned seed) : random(seed) {}

  /// In [0, bound); 0 for a bound of 0.
  size_t below(size_t bound) { return bound ? random() % bound : 0; }
  bool oneIn(size_t n) { return below(n) == 0; }

  /// A small number, or one at which sizes and sums tend to break.
  int64_t integer() {
    static constexpr int64_t edges[] = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        -2,
                                        127,
                                        -128,
                                        255,
                                        65535,
                                        65536,
                                        INT32_MAX,
                                        INT32_MIN,
                                        int64_t(1) << 31,
                                        int64_t(1) << 32,
                                        int64_t(1) << 40,
                                        int64_t(1) << 62,
                                        INT64_MAX,
                                        INT64_MIN,
                                        INT64_MIN + 1};
    if (oneIn(2))
      return int64_t(below(9));
    return edges[below(std::size(edges))];
  }

private:
  std::minstd_rand random;
};

} // namespace accopt::fuzz

#endif // ACCOPT_TEST_FUZZ_FUZZSUPPORT_H
