//===- QuantizationPlanText.cpp - Plans as JSON ---------------------------===//
//
// Numbers are written with 17 digits, which a double survives.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/QuantizationPlan.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace accopt;

static constexpr StringLiteral schemaName = "accopt.quantization-plan";
static constexpr int64_t schemaVersion = 1;

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static void write(json::OStream &json, const ActivationQuantizer &quantizer) {
  json.object([&] {
    json.attributeArray("values", [&] {
      for (const std::string &name : quantizer.values)
        json.value(json::fixUTF8(name));
    });
    json.attribute("bits", quantizer.bits);
    json.attribute("scale", quantizer.scale);
    json.attribute("zero_point", quantizer.zeroPoint);
    json.attribute("fixed", quantizer.isFixed);
    json.attribute("can_narrow", quantizer.canNarrow);
  });
}

static void write(json::OStream &json, const WeightQuantizer &quantizer) {
  json.object([&] {
    json.attribute("layer", json::fixUTF8(quantizer.layer));
    json.attribute("bits", quantizer.bits);
    json.attributeArray("scales", [&] {
      for (double scale : quantizer.scales)
        json.value(scale);
    });
  });
}

std::string accopt::serializePlan(const QuantizationPlan &plan) {
  std::string text;
  raw_string_ostream os(text);
  json::OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("schema", schemaName);
    json.attribute("version", schemaVersion);
    json.attributeArray("activations", [&] {
      for (const ActivationQuantizer &quantizer : plan.activations)
        write(json, quantizer);
    });
    json.attributeArray("weights", [&] {
      for (const WeightQuantizer &quantizer : plan.weights)
        write(json, quantizer);
    });
  });
  os << "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Error makeError(const Twine &where, const Twine &message) {
  return createStringError("quantization plan: " + where + ": " + message);
}

static bool isScale(double value) {
  return value > 0.0 && std::isfinite(value) && double(float(value)) == value;
}

static bool isBits(std::optional<int64_t> bits) {
  return bits && *bits >= 2 && *bits <= 8;
}

static Expected<ActivationQuantizer> parseActivation(const json::Value &value,
                                                     const Twine &where) {
  const json::Object *entry = value.getAsObject();
  const json::Array *names = entry ? entry->getArray("values") : nullptr;
  if (!names || names->empty())
    return makeError(where, "expected an object with an array \"values\"");
  ActivationQuantizer result;
  for (const json::Value &name : *names) {
    std::optional<StringRef> text = name.getAsString();
    if (!text)
      return makeError(where, "expected names as \"values\"");
    result.values.push_back(text->str());
  }
  std::optional<int64_t> bits = entry->getInteger("bits");
  std::optional<double> scale = entry->getNumber("scale");
  std::optional<int64_t> zeroPoint = entry->getInteger("zero_point");
  if (!isBits(bits))
    return makeError(where, "expected 2 to 8 as \"bits\"");
  if (!scale || !isScale(*scale))
    return makeError(where, "expected an f32 above zero as \"scale\"");
  result.bits = unsigned(*bits);
  result.scale = *scale;
  IntegerRange integers = activationIntegers(result.bits);
  if (!zeroPoint || !integers.contains({*zeroPoint, *zeroPoint}))
    return makeError(where, "expected a \"zero_point\" in [" +
                                Twine(integers.min) + ", " +
                                Twine(integers.max) + "]");
  result.zeroPoint = *zeroPoint;
  std::optional<bool> isFixed = entry->getBoolean("fixed");
  std::optional<bool> canNarrow = entry->getBoolean("can_narrow");
  if (!isFixed || !canNarrow)
    return makeError(where, "expected booleans \"fixed\" and \"can_narrow\"");
  result.isFixed = *isFixed;
  result.canNarrow = *canNarrow;
  return result;
}

static Expected<WeightQuantizer> parseWeights(const json::Value &value,
                                              const Twine &where) {
  const json::Object *entry = value.getAsObject();
  std::optional<StringRef> layer =
      entry ? entry->getString("layer") : std::nullopt;
  if (!layer)
    return makeError(where, "expected an object with a name as \"layer\"");
  std::optional<int64_t> bits = entry->getInteger("bits");
  if (!isBits(bits))
    return makeError(where, "expected 2 to 8 as \"bits\"");
  const json::Array *scales = entry->getArray("scales");
  if (!scales || scales->empty())
    return makeError(where, "expected an array \"scales\"");
  WeightQuantizer result{layer->str(), unsigned(*bits), {}};
  for (const json::Value &scale : *scales) {
    std::optional<double> number = scale.getAsNumber();
    if (!number || !isScale(*number))
      return makeError(where, "expected f32 above zero as \"scales\"");
    result.scales.push_back(*number);
  }
  return result;
}

/// Parses the array `key` of `root` entry by entry.
template <typename T>
static Error
parseArray(const json::Object &root, StringRef key, std::vector<T> &result,
           Expected<T> (*parse)(const json::Value &, const Twine &)) {
  const json::Array *entries = root.getArray(key);
  if (!entries)
    return makeError("root", "expected an array \"" + key + "\"");
  for (size_t i = 0; i < entries->size(); ++i) {
    Expected<T> entry = parse((*entries)[i], key + "[" + Twine(i) + "]");
    if (!entry)
      return entry.takeError();
    result.push_back(std::move(*entry));
  }
  return Error::success();
}

Expected<QuantizationPlan> accopt::parsePlan(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError("text", "expected JSON: " + toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  if (!root ||
      root->getString("schema") != std::optional(StringRef(schemaName)))
    return makeError("root", "expected an object with \"schema\": \"" +
                                 schemaName + "\"");
  if (root->getInteger("version") != std::optional(schemaVersion))
    return makeError("root", "expected \"version\": " + Twine(schemaVersion));
  QuantizationPlan plan;
  if (Error error =
          parseArray(*root, "activations", plan.activations, parseActivation))
    return error;
  if (Error error = parseArray(*root, "weights", plan.weights, parseWeights))
    return error;
  return plan;
}
