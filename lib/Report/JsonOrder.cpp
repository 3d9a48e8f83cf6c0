//===- JsonOrder.cpp - The order of energy components in JSON -------------===//
//
// A sum of doubles depends on the order of its terms, and llvm::json::Object
// has none. So the text is walked a second time, for the keys alone. It has
// been parsed by then: nothing is checked here.
//
//===----------------------------------------------------------------------===//

#include "JsonOrder.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace accopt;

namespace {

class Walker {
public:
  Walker(StringRef text) : text(text) { skipSpace(); }

  char peek() const { return text[at]; }

  /// Calls `visit` at each value of the object; it has to consume the value.
  void members(function_ref<void(StringRef key)> visit) {
    list([&] {
      std::string key = takeString();
      take(':');
      visit(key);
    });
  }

  /// Calls `visit` at each element of the array, or member of the object.
  void list(function_ref<void()> visit) {
    take(peek());
    while (peek() != ']' && peek() != '}') {
      visit();
      if (peek() == ',')
        take(',');
    }
    take(peek());
  }

  void skip() {
    if (peek() == '{')
      return members([&](StringRef) { skip(); });
    if (peek() == '[')
      return list([&] { skip(); });
    if (peek() == '"')
      takeString();
    else
      at = text.find_first_of(",]} \t\r\n", at);
    skipSpace();
  }

private:
  void take(char) {
    ++at;
    skipSpace();
  }

  void skipSpace() {
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
  }

  std::string takeString() {
    size_t begin = at++;
    while (peek() != '"')
      at += peek() == '\\' ? 2 : 1;
    StringRef literal = text.slice(begin, at + 1);
    take('"');
    Expected<json::Value> value = json::parse(literal);
    return cantFail(std::move(value)).getAsString()->str();
  }

  StringRef text;
  size_t at = 0;
};

} // namespace

/// The keys of the member "energy" of the object that comes next.
static KeyList takeEnergyKeys(Walker &walker) {
  KeyList keys;
  if (walker.peek() != '{') {
    walker.skip();
    return keys;
  }
  walker.members([&](StringRef member) {
    if (member != "energy" || walker.peek() != '{')
      return walker.skip();
    keys.clear();
    walker.members([&](StringRef key) {
      keys.push_back(key.str());
      walker.skip();
    });
  });
  return keys;
}

EnergyOrder accopt::readEnergyOrder(StringRef json) {
  EnergyOrder order;
  Walker walker(json);
  walker.members([&](StringRef key) {
    if (key == "total") {
      order.total = takeEnergyKeys(walker);
    } else if (key == "ops" && walker.peek() == '[') {
      order.ops.clear();
      walker.list([&] { order.ops.push_back(takeEnergyKeys(walker)); });
    } else {
      walker.skip();
    }
  });
  return order;
}

bool accopt::isNestedTooDeep(StringRef json) {
  constexpr unsigned maxDepth = 64;
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (inString)
      continue;
    else if (c == '[' || c == '{')
      ++depth;
    else if ((c == ']' || c == '}') && depth > 0)
      --depth;
    if (depth > maxDepth)
      return true;
  }
  return false;
}
