//===- MaestroDataflow.cpp - Reads data-centric directives ----------------===//

#include "accopt/Formulas/Maestro.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace accopt::formulas;

namespace {

class Parser {
public:
  Parser(StringRef text, StringRef file) : text(text), file(file) {}

  Expected<std::vector<MaestroDirective>> run() {
    std::vector<MaestroDirective> directives;
    while (!peek().empty()) {
      if (accept(";"))
        continue;
      MaestroDirective directive;
      if (Error error = parse(directive))
        return std::move(error);
      directives.push_back(directive);
    }
    if (directives.empty())
      return fail("a directive");
    return directives;
  }

private:
  /// The next token, or "" at the end: a word with its primes, or one sign.
  StringRef peek() {
    for (;;) {
      text = text.ltrim();
      if (!text.starts_with("//"))
        break;
      text = text.drop_until([](char c) { return c == '\n'; });
    }
    StringRef word =
        text.take_while([](char c) { return llvm::isAlnum(c) || c == '\''; });
    return word.empty() ? text.take_front(1) : word;
  }

  bool accept(StringRef token) {
    if (peek() != token)
      return false;
    text = text.drop_front(token.size());
    return true;
  }

  Error fail(const Twine &expected) {
    StringRef found = peek();
    size_t line = 1 + whole.drop_back(text.size()).count('\n');
    return createStringError(
        inconvertibleErrorCode(),
        file + ":" + Twine(line) + ": expected " + expected + ", got " +
            (found.empty() ? Twine("the end") : "'" + found + "'"));
  }

  Error expect(StringRef token) {
    return accept(token) ? Error::success() : fail("'" + token + "'");
  }

  Error parse(MaestroDim &dim) {
    std::optional<MaestroDim> found =
        StringSwitch<std::optional<MaestroDim>>(peek())
            .Case("K", MaestroDim::K)
            .Case("C", MaestroDim::C)
            .Case("R", MaestroDim::R)
            .Case("S", MaestroDim::S)
            .Case("Y", MaestroDim::Y)
            .Case("X", MaestroDim::X)
            .Case("Y'", MaestroDim::OutY)
            .Case("X'", MaestroDim::OutX)
            .Default(std::nullopt);
    if (!found)
      return fail("a dimension of K, C, R, S, Y, X, Y', X'");
    dim = *found;
    return expect(peek());
  }

  /// N or Sz(D).
  Error parse(MaestroSize &size) {
    if (accept("Sz") || accept("SZ")) {
      size.extentOf.emplace();
      if (Error error = expect("("))
        return error;
      if (Error error = parse(*size.extentOf))
        return error;
      return expect(")");
    }
    if (peek().getAsInteger(10, size.value) || size.value < 1 ||
        size.value > maxExtent)
      return fail("Sz(...) or an integer in [1, " + Twine(maxExtent) + "]");
    return expect(peek());
  }

  Error parse(MaestroDirective &directive) {
    using Kind = MaestroDirective::Kind;
    std::optional<Kind> kind = StringSwitch<std::optional<Kind>>(peek())
                                   .Case("SpatialMap", Kind::SpatialMap)
                                   .Case("TemporalMap", Kind::TemporalMap)
                                   .Case("Cluster", Kind::Cluster)
                                   .Default(std::nullopt);
    if (!kind)
      return fail("SpatialMap, TemporalMap or Cluster");
    directive.kind = *kind;
    cantFail(expect(peek()));
    if (Error error = expect("("))
      return error;
    if (Error error = parse(directive.size))
      return error;
    if (kind == Kind::Cluster)
      return parseClusterEnd();
    if (Error error = expect(","))
      return error;
    if (Error error = parse(directive.offset))
      return error;
    if (Error error = expect(")"))
      return error;
    if (Error error = parse(directive.dim))
      return error;
    return expect(";");
  }

  /// Physical or logical: one cost.
  Error parseClusterEnd() {
    if (accept(",") && !accept("P") && !accept("L"))
      return fail("P or L");
    if (Error error = expect(")"))
      return error;
    return expect(";");
  }

  StringRef text; ///< what is left
  StringRef file;
  const StringRef whole = text;
};

} // namespace

Expected<std::vector<MaestroDirective>>
accopt::formulas::parseMaestroDataflow(StringRef text, StringRef file) {
  return Parser(text, file).run();
}
