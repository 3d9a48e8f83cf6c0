//===- MachinePrint.cpp - Machines to YAML, JSON and a hash ---------------===//

#include "MachineFields.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/YAMLParser.h"
#include "llvm/Support/raw_ostream.h"

#include <charconv>

using namespace accopt;

/// The shortest text that reads back as the same number.
static std::string formatNumber(double value) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}
static std::string formatNumber(uint32_t value) {
  return std::to_string(value);
}

static std::string quote(llvm::StringRef text) {
  return "\"" + llvm::yaml::escape(text) + "\"";
}

std::string accopt::printMachine(const Machine &machine) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "name: " << quote(machine.name) << "\n";
  auto printLine = [&os](const std::string &field, const FieldDoc &doc) {
    os << llvm::left_justify(field, 40) << " # " << doc.help;
    if (*doc.unit)
      os << " [" << doc.unit << "]";
    os << "\n";
  };
  visitChoices(machine, [&](llvm::StringRef name, auto value, auto names,
                            const char *help) {
    printLine((name + ": " + names[size_t(value)]).str(), {"", help});
  });
  auto printField = [&](llvm::StringRef prefix) {
    return [&printLine, prefix](const char *name, auto value, auto, auto,
                                const FieldDoc &doc) {
      printLine((prefix + name + ": " + formatNumber(value)).str(), doc);
    };
  };
  visitParameters(machine, printField(""));
  os << "energy_profile: " << quote(machine.energy.name) << "\n";
  bool derived = derivedProfile(machine.energy.name, machine).has_value();
  if (derived)
    os << "# From the profile and the sizes, in pJ:\n";
  llvm::StringRef prefix = derived ? "# " : "";
  os << prefix << "energy_source: " << quote(machine.energy.source) << "\n";
  visitPrices(machine.energy, printField(prefix));
  return text;
}

llvm::json::Object accopt::machineParameters(const Machine &machine) {
  llvm::json::Object object;
  auto addChoice = [&](const char *name, auto value, auto names, const char *) {
    object[name] = names[size_t(value)];
  };
  auto add = [&](const char *name, auto value, auto, auto, const FieldDoc &) {
    object[name] = value;
  };
  visitChoices(machine, addChoice);
  visitParameters(machine, add);
  object["energy_profile"] = machine.energy.name;
  object["energy_source"] = machine.energy.source;
  visitPrices(machine.energy, add);
  return object;
}

std::string accopt::machineHash(const Machine &machine) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "accopt machine 2\n";
  auto addChoice = [&](const char *name, auto value, auto names, const char *) {
    os << name << "=" << names[size_t(value)] << "\n";
  };
  auto add = [&](const char *name, auto value, auto, auto, const FieldDoc &) {
    os << name << "=" << formatNumber(value) << "\n";
  };
  visitChoices(machine, addChoice);
  visitParameters(machine, add);
  os << "energy_profile=" << machine.energy.name << "\n";
  visitPrices(machine.energy, add);
  llvm::SHA256 sha;
  sha.update(text);
  return llvm::toHex(sha.final(), /*LowerCase=*/true);
}
