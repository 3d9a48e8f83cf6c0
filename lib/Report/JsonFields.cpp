//===- JsonFields.cpp - Checked fields of JSON objects --------------------===//

#include "JsonFields.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <optional>

using namespace llvm;
using namespace accopt;

std::string accopt::describeJson(const json::Value *value) {
  if (!value)
    return "nothing";
  switch (value->kind()) {
  case json::Value::Null:
    return "null";
  case json::Value::Object:
    return "an object";
  case json::Value::Array:
    return "an array";
  case json::Value::String:
    return "'" + value->getAsString()->take_front(40).str() + "'";
  case json::Value::Boolean:
  case json::Value::Number:
    break;
  }
  std::string text;
  raw_string_ostream(text) << *value;
  return text;
}

std::string accopt::describeJson(double value) {
  std::string text;
  raw_string_ostream(text) << format("%.12g", value);
  return text;
}

void JsonFields::fail(const Twine &field, const Twine &expected,
                      const Twine &got) {
  if (problem.empty())
    problem = (field + ": expected " + expected + ", got " + got).str();
}

const json::Object &JsonFields::object(const json::Object &parent,
                                       StringRef key, const Twine &path) {
  static const json::Object empty;
  if (const json::Object *object = parent.getObject(key))
    return *object;
  fail(path + key, "an object", describeJson(parent.get(key)));
  return empty;
}

std::string JsonFields::text(const json::Object &parent, StringRef key,
                             const Twine &path) {
  if (std::optional<StringRef> value = parent.getString(key))
    return value->str();
  fail(path + key, "a string", describeJson(parent.get(key)));
  return "";
}

double JsonFields::number(const json::Object &parent, StringRef key,
                          const Twine &path) {
  std::optional<double> value = parent.getNumber(key);
  if (value && std::isfinite(*value) && *value >= 0)
    return *value;
  fail(path + key, "a number of at least 0", describeJson(parent.get(key)));
  return 0;
}

int64_t JsonFields::count(const json::Object &parent, StringRef key,
                          const Twine &path) {
  std::optional<int64_t> value = parent.getInteger(key);
  if (value && *value >= 0)
    return *value;
  fail(path + key, "a whole number of at least 0",
       describeJson(parent.get(key)));
  return 0;
}
