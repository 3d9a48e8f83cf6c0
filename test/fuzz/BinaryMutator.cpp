//===- BinaryMutator.cpp - Mutates sections of a binary in place ----------===//
//
// Bytes changed at random break the ELF structure, the JSON or the target's
// hash. So most mutations stay in one section and keep its size: a command's
// words, a table's text, or a number of the target's parameters together with
// the hash over them.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Target/Encoding.h"
#include "accopt/Target/MachineIO.h"
#include "lib/CodeGen/Tables.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/JSON.h"

#include <cstring>

using namespace accopt;
using llvm::MutableArrayRef;
using llvm::StringRef;
using ElfFile = llvm::object::ELFFile<llvm::object::ELF64LE>;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// The contents of the section called `name`; empty where there is none.
static MutableArrayRef<uint8_t> findSection(MutableArrayRef<uint8_t> file,
                                            StringRef name) {
  llvm::Expected<ElfFile> elf = ElfFile::create(
      StringRef(reinterpret_cast<const char *>(file.data()), file.size()));
  if (!elf) {
    llvm::consumeError(elf.takeError());
    return {};
  }
  auto headers = elf->sections();
  if (!headers) {
    llvm::consumeError(headers.takeError());
    return {};
  }
  for (const auto &header : *headers) {
    llvm::Expected<StringRef> found = elf->getSectionName(header);
    auto contents = elf->getSectionContents(header);
    if (!found || !contents) {
      llvm::consumeError(found.takeError());
      llvm::consumeError(contents.takeError());
      continue;
    }
    if (*found == name)
      return file.slice(size_t(contents->data() - file.data()),
                        contents->size());
  }
  return {};
}

/// A word, half-word or byte of a command becomes another one, or a command
/// takes the place of another.
static void mutateCommands(MutableArrayRef<uint8_t> bytes,
                           fuzz::Choices &choices) {
  size_t count = bytes.size() / kCommandBytes;
  if (!count)
    return;
  MutableArrayRef<uint8_t> command =
      bytes.slice(choices.below(count) * kCommandBytes, kCommandBytes);
  if (choices.oneIn(8)) {
    auto other =
        bytes.slice(choices.below(count) * kCommandBytes, kCommandBytes);
    std::swap_ranges(command.begin(), command.end(), other.begin());
    return;
  }
  size_t width = size_t(1) << choices.below(3);
  size_t at = choices.below(kCommandBytes / width) * width;
  uint32_t old = 0;
  std::memcpy(&old, &command[at], width);
  uint32_t value = choices.oneIn(2) ? uint32_t(choices.integer())
                                    : old + uint32_t(choices.below(9)) - 4;
  std::memcpy(&command[at], &value, width);
}

static bool isDigit(uint8_t c) { return llvm::isDigit(char(c)); }

/// One digit of a text becomes another.
static void mutateDigit(MutableArrayRef<uint8_t> text, fuzz::Choices &choices) {
  for (unsigned attempt = 0; attempt < 64 && !text.empty(); ++attempt) {
    uint8_t &c = text[choices.below(text.size())];
    if (!isDigit(c))
      continue;
    c = uint8_t('0' + choices.below(10));
    return;
  }
}

/// Text mutated by libFuzzer, with spaces where it became shorter.
static void mutateText(MutableArrayRef<uint8_t> text, fuzz::Choices &choices) {
  if (choices.oneIn(2))
    return mutateDigit(text, choices);
  size_t size = LLVMFuzzerMutate(text.data(), text.size(), text.size());
  std::fill(text.begin() + ptrdiff_t(size), text.end(), ' ');
}

/// A digit of the target's parameters, and the hash that belongs to them.
static void mutateTarget(MutableArrayRef<uint8_t> note,
                         fuzz::Choices &choices) {
  StringRef text(reinterpret_cast<const char *>(note.data()), note.size());
  size_t begin = text.find('{'), end = text.rfind('}');
  size_t hash = text.find("\"target_sha256\":\"");
  if (begin == StringRef::npos || end == StringRef::npos || end < begin ||
      hash == StringRef::npos)
    return;
  hash += std::strlen("\"target_sha256\":\"");
  mutateDigit(note.slice(begin, end - begin), choices);
  llvm::Expected<llvm::json::Value> json =
      llvm::json::parse(text.slice(begin, end + 1));
  if (!json) {
    llvm::consumeError(json.takeError());
    return;
  }
  const llvm::json::Object *object = json->getAsObject();
  std::optional<StringRef> yaml;
  if (object)
    yaml = object->getString("target_parameters");
  if (!yaml)
    return;
  llvm::Expected<Machine> machine =
      parseMachine(llvm::MemoryBufferRef(*yaml, "target parameters"));
  if (!machine) {
    llvm::consumeError(machine.takeError());
    return;
  }
  std::string digest = machineHash(*machine);
  if (hash + digest.size() <= note.size())
    std::memcpy(&note[hash], digest.data(), digest.size());
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  fuzz::Choices choices(seed);
  if (choices.oneIn(16))
    return LLVMFuzzerMutate(data, size, maxSize);
  MutableArrayRef<uint8_t> file(data, size);
  for (size_t more = 1 + choices.below(4); more; --more) {
    size_t kind = choices.below(8);
    static constexpr const char *tables[] = {kTensorsSection, kLayersSection,
                                             kHostSection};
    if (kind < 4)
      mutateCommands(findSection(file, kCommandsSection), choices);
    else if (kind < 5)
      mutateTarget(findSection(file, kNoteSection), choices);
    else if (auto table = findSection(file, tables[kind - 5]); !table.empty())
      mutateText(table, choices);
  }
  return size;
}
