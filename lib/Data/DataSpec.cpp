//===- DataSpec.cpp - Parses what --data names ----------------------------===//
//
// Part of AccOpt. `KIND:PATH{key=value,...}`; numbers for each channel are
// separated by semicolons, for commas separate options.
//
//===----------------------------------------------------------------------===//

#include "Reader.h"

#include "llvm/ADT/SmallVector.h"

#include <cmath>

using namespace llvm;
using namespace accopt;

static Error specError(StringRef text, const Twine &message) {
  return createStringError("--data=" + text + ": " + message);
}

static std::optional<double> parseNumber(StringRef text) {
  double value;
  if (text.getAsDouble(value) || !std::isfinite(value))
    return std::nullopt;
  return value;
}

static Error parseNumbers(StringRef key, StringRef text, bool positive,
                          std::vector<double> &numbers) {
  SmallVector<StringRef> parts;
  text.split(parts, ';');
  for (StringRef part : parts) {
    std::optional<double> number = parseNumber(part.trim());
    if (!number || (positive && *number <= 0))
      return createStringError(key + ": expected " +
                               (positive ? "numbers above 0" : "numbers") +
                               ", separated by ';', got '" + text + "'");
    numbers.push_back(*number);
  }
  return Error::success();
}

static Error parseShare(StringRef key, StringRef text,
                        std::optional<double> &share) {
  share = parseNumber(text);
  if (!share || *share <= 0 || *share >= 1)
    return createStringError(key + ": expected a share between 0 and 1, got '" +
                             text + "'");
  return Error::success();
}

static Error parseOption(StringRef key, StringRef value, DataSpec &spec) {
  if (key == "mean")
    return parseNumbers(key, value, /*positive=*/false, spec.mean);
  if (key == "std")
    return parseNumbers(key, value, /*positive=*/true, spec.deviation);
  if (key == "validation")
    return parseShare(key, value, spec.validationShare);
  if (key == "test")
    return parseShare(key, value, spec.testShare);
  if (key == "scale") {
    spec.scale = parseNumber(value);
    if (!spec.scale || *spec.scale == 0)
      return createStringError("scale: expected a number other than 0, got '" +
                               value + "'");
    return Error::success();
  }
  if (key == "split-seed") {
    uint64_t seed;
    if (value.getAsInteger(10, seed))
      return createStringError("split-seed: expected an integer from 0, got '" +
                               value + "'");
    spec.splitSeed = seed;
    return Error::success();
  }
  if (key == "layout") {
    if (value != "nchw" && value != "nhwc")
      return createStringError("layout: expected nchw or nhwc, got '" + value +
                               "'");
    spec.channelsLast = value == "nhwc";
    return Error::success();
  }
  return createStringError("expected mean, std, scale, validation, test, "
                           "split-seed or layout, got '" +
                           key + "'");
}

static Error parseOptions(StringRef text, DataSpec &spec) {
  SmallVector<StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  SmallVector<StringRef> seen;
  for (StringRef part : parts) {
    auto [key, value] = part.trim().split('=');
    if (is_contained(seen, key))
      return createStringError("expected '" + key + "' once");
    seen.push_back(key);
    if (Error error = parseOption(key, value, spec))
      return error;
  }
  return Error::success();
}

static Error parsePlace(StringRef place, DataSpec &spec) {
  using Kind = DataSpec::Kind;
  constexpr std::pair<StringRef, Kind> prefixes[] = {
      {"cifar10:", Kind::Cifar10},
      {"mnist:", Kind::Mnist},
      {"folder:", Kind::Folder}};
  for (auto [prefix, kind] : prefixes) {
    if (!place.starts_with(prefix))
      continue;
    spec.kind = kind;
    spec.path = place.drop_front(prefix.size()).str();
    return spec.path.empty()
               ? createStringError("expected a folder after '" + prefix + "'")
               : Error::success();
  }
  spec.path = place.str();
  if (place == "digits") {
    spec.kind = Kind::Digits;
    return Error::success();
  }
  if (!place.ends_with(".npz"))
    return createStringError("expected FILE.npz, digits, cifar10:DIR, "
                             "mnist:DIR or folder:DIR, with options in braces");
  return Error::success();
}

Expected<DataSpec> accopt::parseDataSpec(StringRef text) {
  DataSpec spec;
  StringRef place = text, options;
  if (place.consume_back("}")) {
    size_t brace = place.rfind('{');
    if (brace == StringRef::npos)
      return specError(text, "expected '{' before '}'");
    options = place.drop_front(brace + 1);
    place = place.take_front(brace);
  }
  if (Error error = parsePlace(place, spec))
    return specError(text, toString(std::move(error)));
  if (Error error = parseOptions(options, spec))
    return specError(text, toString(std::move(error)));
  if (spec.channelsLast && spec.kind != DataSpec::Kind::Npz)
    return specError(text, "layout: expected an .npz file");
  return spec;
}
