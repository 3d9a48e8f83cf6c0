//===- MachineEntries.cpp - The fields that a description gives -----------===//

#include "MachineEntries.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

using namespace accopt;
using llvm::StringRef;

llvm::Error accopt::machineError(StringRef file, unsigned line, StringRef field,
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

namespace {

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

  llvm::Expected<std::vector<MachineEntry>> read() {
    llvm::yaml::Stream stream(buffer, sources, /*ShowColors=*/false);
    auto document = stream.begin();
    llvm::yaml::Node *root =
        document == stream.end() ? nullptr : document->getRoot();
    auto *mapping = llvm::dyn_cast_or_null<llvm::yaml::MappingNode>(root);
    if (!mapping)
      return wrongForm(1, "", "expected a mapping of fields to values");
    std::vector<MachineEntry> entries;
    for (llvm::yaml::KeyValueNode &pair : *mapping) {
      llvm::Expected<MachineEntry> entry = readEntry(pair);
      if (!entry)
        return entry.takeError();
      if (!keys.insert(entry->key).second)
        return wrongForm(entry->line, entry->key, "given twice");
      entries.push_back(std::move(*entry));
    }
    if (stream.failed())
      return wrongForm(0, "", "malformed YAML");
    if (++document != stream.end() || stream.failed())
      return wrongForm(0, "", "expected one document, got more");
    return entries;
  }

private:
  llvm::Expected<MachineEntry> readEntry(llvm::yaml::KeyValueNode &pair) {
    auto *key = llvm::dyn_cast_or_null<llvm::yaml::ScalarNode>(pair.getKey());
    if (!key)
      return wrongForm(1, "", "expected the name of a field");
    MachineEntry entry;
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
      return machineError(buffer.getBufferIdentifier(), syntaxLine, "",
                          syntaxError);
    return machineError(buffer.getBufferIdentifier(), line, field, reason);
  }

  llvm::MemoryBufferRef buffer;
  llvm::SourceMgr sources;
  llvm::StringSet<> keys;
  std::string syntaxError;
  unsigned syntaxLine = 0;
};

} // namespace

llvm::Expected<std::vector<MachineEntry>>
accopt::readEntries(llvm::MemoryBufferRef buffer) {
  return EntryReader(buffer).read();
}

llvm::Expected<std::vector<MachineEntry>>
accopt::readOverrides(StringRef spec, StringRef text) {
  std::vector<MachineEntry> entries;
  llvm::StringSet<> keys;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    auto [key, value] = part.split('=');
    key = key.trim();
    if (!part.contains('='))
      return machineError(spec, 0, key, "expected field=value");
    if (key == "inherit" || key == "name")
      return machineError(spec, 0, key, "cannot be overridden");
    if (!keys.insert(key).second)
      return machineError(spec, 0, key, "given twice");
    entries.push_back({key.str(), value.trim().str(), 0});
  }
  return entries;
}
