//===- MachineParse.cpp - Machines from YAML ------------------------------===//
//
// A description is one flat mapping. It starts from the machine that `inherit`
// names (or from nothing: then every parameter has the default of Machine.h),
// replaces the fields given, derives the prices and is checked as a whole.
// `name{field=value,...}` is the same with the braces as the document.
//
//===----------------------------------------------------------------------===//

#include "MachineEntries.h"
#include "MachineFields.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>
#include <optional>
#include <vector>

using namespace accopt;
using llvm::StringRef;

namespace {

/// A description that inherits more often than this is taken to be a cycle.
constexpr unsigned kMaxInheritance = 8;

struct Fault {
  std::string field, reason;
};

/// LLVM's reader also takes hexadecimal numbers and exponents without digits.
bool isDecimal(StringRef text) {
  return text.find_first_not_of("0123456789.eE+-") == StringRef::npos &&
         !text.empty() && llvm::isDigit(text.back());
}

/// Stores `text` in the field called `key`, if the list has it.
struct Setter {
  StringRef key, text;
  bool found = false;
  std::string reason;

  template <typename Choice>
  void operator()(const char *name, Choice &field,
                  llvm::ArrayRef<const char *> names, const char *) {
    if (key != name)
      return;
    found = true;
    auto it = llvm::find(names, text);
    if (it != names.end())
      field = Choice(it - names.begin());
    else
      reason = llvm::formatv("expected one of {0}, got '{1}'",
                             llvm::join(names, ", "), text);
  }
  void operator()(const char *name, uint32_t &field, int64_t low, int64_t high,
                  const FieldDoc &) {
    if (key != name)
      return;
    found = true;
    int64_t value;
    if (text.getAsInteger(10, value) || value < low || value > high)
      reason = llvm::formatv("expected an integer in [{0}, {1}], got '{2}'",
                             low, high, text);
    else
      field = static_cast<uint32_t>(value);
  }
  void operator()(const char *name, double &field, double low, double high,
                  const FieldDoc &) {
    if (key != name)
      return;
    found = true;
    double value;
    if (!isDecimal(text) || text.getAsDouble(value, /*AllowInexact=*/true) ||
        !(value >= low) || !(value <= high))
      reason = llvm::formatv("expected a number in [{0}, {1}], got '{2}'", low,
                             high, text);
    else
      field = value;
  }
};

/// Checks the range of each field; setting has done it already for what comes
/// from a file, not for what a program builds.
struct RangeCheck {
  std::optional<Fault> fault;

  template <typename T, typename L>
  void operator()(const char *name, const T &field, L low, L high,
                  const FieldDoc &) {
    double value = double(field);
    if (!fault && !(value >= double(low) && value <= double(high)))
      fault = Fault{name, llvm::formatv("expected a value in [{0}, {1}], got "
                                        "{2}",
                                        low, high, field)};
  }
};

std::vector<double> pricesOf(const EnergyProfile &profile) {
  std::vector<double> prices;
  visitPrices(profile, [&](const char *, double price, double, double,
                           const FieldDoc &) { prices.push_back(price); });
  return prices;
}

std::optional<Fault> findFault(const Machine &m) {
  if (m.name.empty())
    return Fault{"name", "expected a text, got none"};
  if (m.energy.name.empty())
    return Fault{"energy_profile", "expected a text, got none"};
  RangeCheck check;
  visitParameters(m, check);
  visitPrices(m.energy, check);
  if (check.fault)
    return check.fault;
  if (std::optional<EnergyProfile> derived = derivedProfile(m.energy.name, m);
      derived && pricesOf(m.energy) != pricesOf(*derived))
    return Fault{"energy_profile",
                 "expected the prices that the profile derives from the sizes"};
  if (m.dramBurstBytes % m.dramBytesPerCycle &&
      m.dramBytesPerCycle % m.dramBurstBytes)
    return Fault{"dram_burst_bytes",
                 llvm::formatv("expected a divisor or a multiple of "
                               "dram_bytes_per_cycle ({0}), got {1}",
                               m.dramBytesPerCycle, m.dramBurstBytes)};
  if (m.scratchpadBytes % m.scratchpadBanks)
    return Fault{"scratchpad_banks",
                 llvm::formatv("expected a divisor of scratchpad_bytes ({0}), "
                               "got {1}",
                               m.scratchpadBytes, m.scratchpadBanks)};
  if (m.accumulatorBytes % m.accumulatorBanks)
    return Fault{"accumulator_banks",
                 llvm::formatv("expected a divisor of accumulator_bytes ({0}), "
                               "got {1}",
                               m.accumulatorBytes, m.accumulatorBanks)};
  if (m.accumulatorBytes % (4 * m.columns))
    return Fault{
        "accumulator_bytes",
        llvm::formatv("expected a multiple of {0}, the bytes of a row of "
                      "accumulators in {1} columns, got {2}",
                      4 * m.columns, m.columns, m.accumulatorBytes)};
  if (m.arrayPes16Bit > m.rows)
    return Fault{"array_pes_16bit",
                 llvm::formatv("expected at most the {0} rows, got {1}", m.rows,
                               m.arrayPes16Bit)};
  if (m.arrayPes16Bit && m.lanes % 2)
    return Fault{"lanes", llvm::formatv("expected an even number for values of "
                                        "16 bits, got {0}",
                                        m.lanes)};
  // Two tiles of weights, so that one can be loaded while the other is used.
  uint64_t tiles = 2 * uint64_t(m.rows) * m.columns;
  if (m.scratchpadBytes < tiles)
    return Fault{"scratchpad_bytes",
                 llvm::formatv("expected room for two {0}x{1} tiles of weights "
                               "({2} bytes), got {3}",
                               m.rows, m.columns, tiles, m.scratchpadBytes)};
  return std::nullopt;
}

/// Applies entries to a machine.
class Builder {
public:
  Builder(StringRef file, Machine start)
      : file(file), inheritedProfile(start.energy.name),
        machine(std::move(start)) {}

  llvm::Expected<Machine> build(const std::vector<MachineEntry> &entries) {
    for (const MachineEntry &entry : entries)
      if (llvm::Error error = apply(entry))
        return error;
    if (llvm::Error error = finishEnergy(entries))
      return error;
    if (std::optional<Fault> fault = findFault(machine))
      return machineError(file, lineOf(entries, fault->field), fault->field,
                          fault->reason);
    return std::move(machine);
  }

private:
  llvm::Error apply(const MachineEntry &entry) {
    if (entry.key == "inherit")
      return llvm::Error::success();
    if (std::string *text = textField(entry.key)) {
      if (entry.value.empty())
        return machineError(file, entry.line, entry.key,
                            "expected a text, got none");
      // It goes into JSON and back into YAML, which know no other encoding.
      if (!llvm::json::isUTF8(entry.value))
        return machineError(file, entry.line, entry.key,
                            "expected a text in UTF-8, got other bytes");
      *text = entry.value;
      return llvm::Error::success();
    }
    Setter setter{entry.key, entry.value, false, {}};
    visitChoices(machine, setter);
    visitParameters(machine, setter);
    if (!setter.found) {
      visitPrices(machine.energy, setter);
      if (setter.found)
        prices.insert(entry.key);
    }
    if (!setter.found)
      return machineError(file, entry.line, entry.key, "unknown field");
    if (!setter.reason.empty())
      return machineError(file, entry.line, entry.key, setter.reason);
    return llvm::Error::success();
  }

  std::string *textField(StringRef key) {
    if (key == "name")
      return &machine.name;
    if (key == "energy_profile")
      return &machine.energy.name;
    if (key == "energy_source")
      return &machine.energy.source;
    return nullptr;
  }

  /// One source for all prices: the derived profile takes none from the file, a
  /// profile of the file's own gives all of them.
  llvm::Error finishEnergy(const std::vector<MachineEntry> &entries) {
    StringRef profile = machine.energy.name;
    if (std::optional<EnergyProfile> derived =
            derivedProfile(profile, machine)) {
      for (const MachineEntry &entry : entries)
        if (entry.key == "energy_source" || prices.contains(entry.key))
          return machineError(file, entry.line, entry.key,
                              "profile '" + profile +
                                  "' has its own prices; give the field "
                                  "'energy_profile' another name");
      machine.energy = std::move(*derived);
      return llvm::Error::success();
    }
    if (profile == inheritedProfile)
      return llvm::Error::success();
    // Descriptions that say nothing of lower precisions price them as int8.
    if (!prices.contains("price_mac_4bit"))
      machine.energy.mac4Bit = machine.energy.macInt8;
    if (!prices.contains("price_mac_2bit"))
      machine.energy.mac2Bit = machine.energy.macInt8;
    // A product of twice as many partial products, and as if it were two MACs.
    if (!prices.contains("price_mac_16bit"))
      machine.energy.mac16Bit = 2 * machine.energy.macInt8;
    std::string missing;
    visitPrices(machine.energy, [&](const char *name, double &, double, double,
                                    const FieldDoc &) {
      bool derived = llvm::StringRef(name).ends_with("bit");
      if (missing.empty() && !derived && !prices.contains(name))
        missing = name;
    });
    if (missing.empty())
      return llvm::Error::success();
    return machineError(file, lineOf(entries, "energy_profile"), missing,
                        llvm::Twine("profile '") + profile +
                            "' needs every price; this one is missing");
  }

  static unsigned lineOf(const std::vector<MachineEntry> &entries,
                         StringRef field) {
    for (const MachineEntry &entry : entries)
      if (entry.key == field)
        return entry.line;
    return entries.empty() ? 0 : entries.back().line;
  }

  StringRef file;
  std::string inheritedProfile;
  Machine machine;
  llvm::StringSet<> prices;
};

llvm::Expected<Machine> parse(llvm::MemoryBufferRef buffer, unsigned depth);

std::string knownNames() {
  std::string names;
  for (const BuiltinMachine &builtin : builtinMachines())
    names += (names.empty() ? "" : ", ") + builtin.name.str();
  return names;
}

/// A built-in's name or a path; `folder` is where relative paths begin.
llvm::Expected<Machine> find(StringRef name, StringRef folder, unsigned depth) {
  for (const BuiltinMachine &builtin : builtinMachines())
    if (name == builtin.name)
      return parse(llvm::MemoryBufferRef(builtin.yaml, builtin.name), depth);
  llvm::SmallString<128> path(name);
  if (!llvm::sys::path::is_absolute(path) && !folder.empty()) {
    path = folder;
    llvm::sys::path::append(path, name);
  }
  // A device or a pipe may have no end.
  bool isDirectory = false;
  if (!llvm::sys::fs::is_directory(path, isDirectory) && !isDirectory &&
      !llvm::sys::fs::is_regular_file(path))
    return machineError(name, 0, "", "expected a regular file");
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return machineError(name, 0, "",
                        "expected a YAML file or one of " + knownNames() +
                            ", got " + file.getError().message());
  return parse((*file)->getMemBufferRef(), depth);
}

llvm::Expected<Machine> parse(llvm::MemoryBufferRef buffer, unsigned depth) {
  StringRef file = buffer.getBufferIdentifier();
  if (depth > kMaxInheritance)
    return machineError(file, 0, "inherit", "descriptions inherit in a cycle");
  llvm::Expected<std::vector<MachineEntry>> entries = readEntries(buffer);
  if (!entries)
    return entries.takeError();

  Machine start;
  start.name = llvm::sys::path::stem(file).str();
  start.energy.name = kDefaultProfile;
  for (const MachineEntry &entry : *entries) {
    if (entry.key != "inherit")
      continue;
    llvm::Expected<Machine> parent =
        find(entry.value, llvm::sys::path::parent_path(file), depth + 1);
    // The outermost description and the one at fault are enough to find it.
    if (!parent && depth)
      return parent.takeError();
    if (!parent)
      return machineError(file, entry.line, "inherit",
                          llvm::toString(parent.takeError()));
    std::string name = std::move(start.name);
    start = std::move(*parent);
    start.name = std::move(name);
  }
  return Builder(file, std::move(start)).build(*entries);
}

} // namespace

llvm::Error accopt::checkMachine(const Machine &machine) {
  if (std::optional<Fault> fault = findFault(machine))
    return machineError(machine.name, 0, fault->field, fault->reason);
  return llvm::Error::success();
}

llvm::Expected<Machine> accopt::parseMachine(llvm::MemoryBufferRef buffer) {
  return parse(buffer, 0);
}

llvm::Expected<Machine> accopt::loadMachine(StringRef spec) {
  size_t brace = spec.find('{');
  if (brace == StringRef::npos)
    return find(spec, "", 0);
  if (!spec.ends_with("}") || spec.find('}') + 1 != spec.size())
    return machineError(spec, 0, "", "expected one '{...}' at the end");
  if (brace == 0)
    return machineError(spec, 0, "", "expected a machine before the '{'");
  llvm::Expected<Machine> base = find(spec.take_front(brace), "", 0);
  if (!base)
    return base.takeError();
  llvm::Expected<std::vector<MachineEntry>> overrides =
      readOverrides(spec, spec.drop_front(brace + 1).drop_back());
  if (!overrides)
    return overrides.takeError();
  if (!overrides->empty()) {
    base->name += "{";
    for (const MachineEntry &entry : *overrides)
      base->name += (&entry == overrides->data() ? "" : ",") + entry.key + "=" +
                    entry.value;
    base->name += "}";
  }
  return Builder(spec, std::move(*base)).build(*overrides);
}
