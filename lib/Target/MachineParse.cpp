//===- MachineParse.cpp - Machines from YAML ------------------------------===//
//
// A description is one flat mapping. It starts from the machine that `inherit`
// names (or from nothing: then every parameter has the default of Machine.h),
// replaces the fields given, derives the prices and is checked as a whole.
// `name{field=value,...}` is the same with the braces as the document.
//
//===----------------------------------------------------------------------===//

#include "MachineFields.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

#include <cmath>
#include <optional>
#include <vector>

using namespace accopt;
using llvm::StringRef;

namespace {

/// A description that inherits more often than this is taken to be a cycle.
constexpr unsigned kMaxInheritance = 8;

/// `name: value` and where it stands.
struct Entry {
  std::string key, value;
  unsigned line = 0;
};

struct Fault {
  std::string field, reason;
};

llvm::Error fail(StringRef file, unsigned line, StringRef field,
                 const llvm::Twine &reason) {
  std::string text = file.str();
  if (line)
    text += ":" + std::to_string(line);
  if (!field.empty())
    text += (": field '" + field + "'").str();
  return llvm::make_error<llvm::StringError>(
      text + ": " + reason.str(),
      std::make_error_code(std::errc::invalid_argument));
}

/// Stores `text` in the field called `key`, if the list has it.
struct Setter {
  StringRef key, text;
  bool found = false;
  std::string reason;

  void operator()(const char *name, uint32_t &field, int64_t low, int64_t high,
                  const char *) {
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
                  const char *) {
    if (key != name)
      return;
    found = true;
    double value;
    if (text.getAsDouble(value, /*AllowInexact=*/true) || !(value >= low) ||
        !(value <= high))
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
                  const char *) {
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
                           const char *) { prices.push_back(price); });
  return prices;
}

std::optional<Fault> findFault(const Machine &m) {
  if (m.dataflow != "weight-stationary")
    return Fault{"dataflow",
                 "expected 'weight-stationary', got '" + m.dataflow + "'"};
  if (m.name.empty())
    return Fault{"name", "expected a text, got none"};
  if (m.energy.name.empty())
    return Fault{"energy_profile", "expected a text, got none"};
  RangeCheck check;
  visitParameters(m, check);
  visitPrices(m.energy, check);
  if (check.fault)
    return check.fault;
  if (m.energy.name == kDerivedProfile &&
      pricesOf(m.energy) !=
          pricesOf(horowitz45(m.scratchpadBytes, m.accumulatorBytes)))
    return Fault{"energy_profile",
                 "expected the prices that the profile derives from the sizes"};
  if (m.accumulatorBytes % (4 * m.columns))
    return Fault{
        "accumulator_bytes",
        llvm::formatv("expected a multiple of {0}, the bytes of a row of "
                      "accumulators in {1} columns, got {2}",
                      4 * m.columns, m.columns, m.accumulatorBytes)};
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

  llvm::Expected<Machine> build(const std::vector<Entry> &entries) {
    for (const Entry &entry : entries)
      if (llvm::Error error = apply(entry))
        return error;
    if (llvm::Error error = finishEnergy(entries))
      return error;
    if (std::optional<Fault> fault = findFault(machine))
      return fail(file, lineOf(entries, fault->field), fault->field,
                  fault->reason);
    return std::move(machine);
  }

private:
  llvm::Error apply(const Entry &entry) {
    if (entry.key == "inherit")
      return llvm::Error::success();
    if (std::string *text = textField(entry.key)) {
      if (entry.value.empty())
        return fail(file, entry.line, entry.key, "expected a text, got none");
      *text = entry.value;
      return llvm::Error::success();
    }
    Setter setter{entry.key, entry.value, false, {}};
    visitParameters(machine, setter);
    if (!setter.found) {
      visitPrices(machine.energy, setter);
      if (setter.found)
        prices.insert(entry.key);
    }
    if (!setter.found)
      return fail(file, entry.line, entry.key, "unknown field");
    if (!setter.reason.empty())
      return fail(file, entry.line, entry.key, setter.reason);
    return llvm::Error::success();
  }

  std::string *textField(StringRef key) {
    if (key == "name")
      return &machine.name;
    if (key == "dataflow")
      return &machine.dataflow;
    if (key == "energy_profile")
      return &machine.energy.name;
    if (key == "energy_source")
      return &machine.energy.source;
    return nullptr;
  }

  /// One source for all prices: the derived profile takes none from the file, a
  /// profile of the file's own gives all of them.
  llvm::Error finishEnergy(const std::vector<Entry> &entries) {
    StringRef profile = machine.energy.name;
    if (profile == kDerivedProfile) {
      for (const Entry &entry : entries)
        if (entry.key == "energy_source" || prices.contains(entry.key))
          return fail(file, entry.line, entry.key,
                      llvm::Twine("profile '") + kDerivedProfile +
                          "' has its own prices; give the field "
                          "'energy_profile' another name");
      machine.energy =
          horowitz45(machine.scratchpadBytes, machine.accumulatorBytes);
      return llvm::Error::success();
    }
    if (profile == inheritedProfile)
      return llvm::Error::success();
    std::string missing;
    visitPrices(machine.energy,
                [&](const char *name, double &, double, double, const char *) {
                  if (missing.empty() && !prices.contains(name))
                    missing = name;
                });
    if (missing.empty())
      return llvm::Error::success();
    return fail(file, lineOf(entries, "energy_profile"), missing,
                llvm::Twine("profile '") + profile +
                    "' needs every price; this one is missing");
  }

  static unsigned lineOf(const std::vector<Entry> &entries, StringRef field) {
    for (const Entry &entry : entries)
      if (entry.key == field)
        return entry.line;
    return entries.empty() ? 0 : entries.back().line;
  }

  StringRef file;
  std::string inheritedProfile;
  Machine machine;
  llvm::StringSet<> prices;
};

/// Reads the mapping of a document into entries.
class EntryReader {
public:
  explicit EntryReader(llvm::MemoryBufferRef buffer) : buffer(buffer) {
    sources.setDiagHandler(
        [](const llvm::SMDiagnostic &d, void *self) {
          auto &reader = *static_cast<EntryReader *>(self);
          if (reader.syntaxError.empty()) {
            reader.syntaxError = d.getMessage().str();
            reader.syntaxLine = std::max(d.getLineNo(), 0);
          }
        },
        this);
  }

  llvm::Expected<std::vector<Entry>> read() {
    llvm::yaml::Stream stream(buffer, sources, /*ShowColors=*/false);
    auto document = stream.begin();
    llvm::yaml::Node *root =
        document == stream.end() ? nullptr : document->getRoot();
    auto *mapping = llvm::dyn_cast_or_null<llvm::yaml::MappingNode>(root);
    if (!mapping)
      return wrongForm(1, "", "expected a mapping of fields to values");
    std::vector<Entry> entries;
    for (llvm::yaml::KeyValueNode &pair : *mapping) {
      llvm::Expected<Entry> entry = readEntry(pair);
      if (!entry)
        return entry.takeError();
      if (!keys.insert(entry->key).second)
        return wrongForm(entry->line, entry->key, "given twice");
      entries.push_back(std::move(*entry));
    }
    if (stream.failed())
      return wrongForm(0, "", "malformed YAML");
    return entries;
  }

private:
  llvm::Expected<Entry> readEntry(llvm::yaml::KeyValueNode &pair) {
    auto *key = llvm::dyn_cast_or_null<llvm::yaml::ScalarNode>(pair.getKey());
    if (!key)
      return wrongForm(1, "", "expected the name of a field");
    Entry entry;
    llvm::SmallString<64> storage;
    entry.key = key->getValue(storage).str();
    entry.line = sources.getLineAndColumn(key->getSourceRange().Start).first;
    auto *value =
        llvm::dyn_cast_or_null<llvm::yaml::ScalarNode>(pair.getValue());
    if (!value)
      return wrongForm(entry.line, entry.key, "expected a single value");
    storage.clear();
    entry.value = value->getValue(storage).str();
    return entry;
  }

  llvm::Error wrongForm(unsigned line, StringRef field, StringRef reason) {
    if (!syntaxError.empty())
      return fail(buffer.getBufferIdentifier(), syntaxLine, "", syntaxError);
    return fail(buffer.getBufferIdentifier(), line, field, reason);
  }

  llvm::MemoryBufferRef buffer;
  llvm::SourceMgr sources;
  llvm::StringSet<> keys;
  std::string syntaxError;
  unsigned syntaxLine = 0;
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
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return fail(name, 0, "",
                "expected a YAML file or one of " + knownNames() + ", got " +
                    file.getError().message());
  return parse((*file)->getMemBufferRef(), depth);
}

llvm::Expected<Machine> parse(llvm::MemoryBufferRef buffer, unsigned depth) {
  StringRef file = buffer.getBufferIdentifier();
  if (depth > kMaxInheritance)
    return fail(file, 0, "inherit", "descriptions inherit in a cycle");
  llvm::Expected<std::vector<Entry>> entries = EntryReader(buffer).read();
  if (!entries)
    return entries.takeError();

  Machine start;
  start.name = llvm::sys::path::stem(file).str();
  start.energy.name = kDerivedProfile;
  for (const Entry &entry : *entries) {
    if (entry.key != "inherit")
      continue;
    llvm::Expected<Machine> parent =
        find(entry.value, llvm::sys::path::parent_path(file), depth + 1);
    if (!parent)
      return fail(file, entry.line, "inherit",
                  llvm::toString(parent.takeError()));
    std::string name = std::move(start.name);
    start = std::move(*parent);
    start.name = std::move(name);
  }
  return Builder(file, std::move(start)).build(*entries);
}

/// The overrides in `name{key=value,...}`.
llvm::Expected<std::vector<Entry>> readOverrides(StringRef spec,
                                                 StringRef text) {
  std::vector<Entry> entries;
  llvm::StringSet<> keys;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    auto [key, value] = part.split('=');
    key = key.trim();
    if (!part.contains('='))
      return fail(spec, 0, key, "expected field=value");
    if (key == "inherit" || key == "name")
      return fail(spec, 0, key, "cannot be overridden");
    if (!keys.insert(key).second)
      return fail(spec, 0, key, "given twice");
    entries.push_back({key.str(), value.trim().str(), 0});
  }
  return entries;
}

} // namespace

llvm::Error accopt::checkMachine(const Machine &machine) {
  if (std::optional<Fault> fault = findFault(machine))
    return fail(machine.name, 0, fault->field, fault->reason);
  return llvm::Error::success();
}

llvm::Expected<Machine> accopt::parseMachine(llvm::MemoryBufferRef buffer) {
  return parse(buffer, 0);
}

llvm::Expected<Machine> accopt::loadMachine(StringRef spec) {
  size_t brace = spec.find('{');
  if (brace == StringRef::npos)
    return find(spec, "", 0);
  if (!spec.ends_with("}"))
    return fail(spec, 0, "", "expected '}' at the end");
  llvm::Expected<Machine> base = find(spec.take_front(brace), "", 0);
  if (!base)
    return base.takeError();
  llvm::Expected<std::vector<Entry>> overrides =
      readOverrides(spec, spec.drop_front(brace + 1).drop_back());
  if (!overrides)
    return overrides.takeError();
  if (!overrides->empty()) {
    base->name += "{";
    for (const Entry &entry : *overrides)
      base->name += (&entry == overrides->data() ? "" : ",") + entry.key + "=" +
                    entry.value;
    base->name += "}";
  }
  return Builder(spec, std::move(*base)).build(*overrides);
}
