//===- Quantity.cpp - Cycles, energies and thresholds from text -----------===//
//
// Numbers are kept as digits and a power of ten until their unit is known, so
// that "0.1M" is 100,000 cycles and "25mJ" the double next to 25e9 pJ.
//
//===----------------------------------------------------------------------===//

#include "accopt/Report/Gate.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace llvm;
using namespace accopt;

namespace {

/// digits * 10^exponent.
struct Decimal {
  int64_t digits = 0;
  int exponent = 0;
};

} // namespace

/// Takes a number without a sign from the front of `text`.
static std::optional<Decimal> takeDecimal(StringRef &text) {
  StringRef rest = text;
  StringRef whole = rest.take_while(isDigit);
  rest = rest.drop_front(whole.size());
  StringRef fraction;
  if (rest.consume_front(".")) {
    fraction = rest.take_while(isDigit);
    rest = rest.drop_front(fraction.size());
  }
  Decimal result;
  std::string digits = (whole + fraction).str();
  if (StringRef(digits).getAsInteger(10, result.digits))
    return std::nullopt;
  result.exponent = -int(fraction.size());
  if (StringRef power = rest; power.consume_front_insensitive("e")) {
    unsigned exponent = 0;
    bool isNegative = power.consume_front("-");
    if (!isNegative)
      power.consume_front("+");
    if (!power.consumeInteger(10, exponent) && exponent < 1000) {
      result.exponent += isNegative ? -int(exponent) : int(exponent);
      rest = power;
    }
  }
  text = rest;
  return result;
}

/// The number as an integer; none if it is not whole or does not fit.
static std::optional<int64_t> toInteger(Decimal number) {
  for (; number.exponent < 0 && number.digits % 10 == 0 && number.digits != 0;
       ++number.exponent)
    number.digits /= 10;
  if (number.digits == 0)
    return 0;
  if (number.exponent < 0)
    return std::nullopt;
  for (; number.exponent > 0; --number.exponent)
    if (MulOverflow<int64_t>(number.digits, 10, number.digits))
      return std::nullopt;
  return number.digits;
}

static std::optional<double> toDouble(Decimal number) {
  double value = 0;
  std::string text =
      (Twine(number.digits) + "e" + Twine(number.exponent)).str();
  if (StringRef(text).getAsDouble(value) || !std::isfinite(value))
    return std::nullopt;
  return value;
}

static Error makeError(const Twine &expected, StringRef text) {
  return createStringError(inconvertibleErrorCode(),
                           "expected " + expected + ", got '" + text + "'");
}

/// The power of ten of a unit's prefix.
static std::optional<int> cyclesExponent(StringRef unit) {
  if (unit.empty())
    return 0;
  if (unit == "k" || unit == "K")
    return 3;
  if (unit == "M")
    return 6;
  if (unit == "G")
    return 9;
  if (unit == "T")
    return 12;
  return std::nullopt;
}

/// The power of ten of a unit of energy in picojoules.
static std::optional<int> energyExponent(StringRef unit) {
  // The two micro signs of Unicode.
  if (unit.consume_front("\xc2\xb5") || unit.consume_front("\xce\xbc"))
    return unit == "J" ? std::optional(6) : std::nullopt;
  constexpr std::pair<StringLiteral, int> units[] = {
      {"", 0},   {"fJ", -3}, {"pJ", 0}, {"nJ", 3},
      {"uJ", 6}, {"mJ", 9},  {"J", 12}, {"kJ", 15}};
  for (auto [name, exponent] : units)
    if (unit == name)
      return exponent;
  return std::nullopt;
}

Expected<int64_t> accopt::parseCycles(StringRef text) {
  StringRef rest = text.trim();
  if (std::optional<Decimal> number = takeDecimal(rest))
    if (std::optional<int> exponent = cyclesExponent(rest.ltrim())) {
      number->exponent += *exponent;
      if (std::optional<int64_t> cycles = toInteger(*number))
        return *cycles;
    }
  return makeError("a whole number of cycles such as 3068, 20M or 1.5e6", text);
}

Expected<double> accopt::parseEnergy(StringRef text) {
  StringRef rest = text.trim();
  if (std::optional<Decimal> number = takeDecimal(rest))
    if (std::optional<int> exponent = energyExponent(rest.ltrim())) {
      number->exponent += *exponent;
      if (std::optional<double> energy = toDouble(*number))
        return *energy;
    }
  return makeError("an energy such as 25mJ, 3uJ or 800pJ", text);
}

static Expected<Threshold> parsePercent(StringRef number, StringRef text) {
  Threshold threshold;
  StringRef rest = number.trim();
  if (std::optional<Decimal> percent = takeDecimal(rest);
      percent && rest.empty()) {
    percent->exponent += 6;
    constexpr int64_t largest = 1'000'000'000'000'000;
    std::optional<int64_t> value = toInteger(*percent);
    if (value && *value <= largest) {
      threshold.microPercent = *value;
      return threshold;
    }
  }
  return makeError("a percentage of at most 6 decimals such as 1% or 0.5%",
                   text);
}

/// One element of --max-regression for one metric.
static Expected<Threshold> parseThreshold(StringRef text, CostMetric metric) {
  Threshold threshold;
  if (text == "any") {
    threshold.kind = Threshold::Kind::Unlimited;
  } else if (StringRef number = text; number.consume_back("%")) {
    Expected<Threshold> percent = parsePercent(number, text);
    if (!percent)
      return percent.takeError();
    threshold = *percent;
  } else if (metric == CostMetric::Cycles) {
    threshold.kind = Threshold::Kind::Absolute;
    if (Error error = parseCycles(text).moveInto(threshold.cycles))
      return error;
  } else {
    threshold.kind = Threshold::Kind::Absolute;
    if (Error error = parseEnergy(text).moveInto(threshold.energyPj))
      return error;
  }
  threshold.text = text.str();
  return threshold;
}

Error accopt::parseThresholds(StringRef text, GateOptions &options) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    part = part.trim();
    bool isCycles = part.consume_front("cycles=");
    bool isEnergy = !isCycles && part.consume_front("energy=");
    if (!isCycles && !isEnergy) {
      bool isBoth = part.ends_with("%");
      isEnergy = isBoth || part.ends_with("J");
      isCycles = isBoth || !isEnergy;
    }
    if (isCycles)
      if (Error error = parseThreshold(part, CostMetric::Cycles)
                            .moveInto(options.cyclesThreshold))
        return error;
    if (isEnergy)
      if (Error error = parseThreshold(part, CostMetric::Energy)
                            .moveInto(options.energyThreshold))
        return error;
  }
  return Error::success();
}
