//===- Loader.cpp - ELF files to programs ---------------------------------===//
//
// Nothing is believed: LLVM's reader checks the ELF structure, the tables check
// their fields, and validateProgram() checks the whole before it is returned.
//
//===----------------------------------------------------------------------===//

#include "Tables.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"

#include "llvm/Object/ELF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <optional>

using namespace accopt;
using llvm::StringRef;
using ElfFile = llvm::object::ELFFile<llvm::object::ELF64LE>;

namespace {

llvm::Error fail(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(
      text, std::make_error_code(std::errc::invalid_argument));
}

class Loader {
public:
  explicit Loader(ElfFile elf) : elf(std::move(elf)) {}

  llvm::Expected<Program> load() {
    if (llvm::Error error = checkHeader())
      return error;
    if (llvm::Error error = findSections())
      return error;
    for (llvm::Error (Loader::*step)() :
         {&Loader::readTarget, &Loader::readCommands, &Loader::readConstants,
          &Loader::readTables})
      if (llvm::Error error = (this->*step)())
        return error;
    if (llvm::Error error = validateProgram(program))
      return error;
    return std::move(program);
  }

private:
  llvm::Error checkHeader() {
    const auto &header = elf.getHeader();
    if (header.e_ident[llvm::ELF::EI_CLASS] != llvm::ELF::ELFCLASS64 ||
        header.e_ident[llvm::ELF::EI_DATA] != llvm::ELF::ELFDATA2LSB)
      return fail("expected a 64-bit little-endian ELF file");
    if (header.e_ident[llvm::ELF::EI_VERSION] != llvm::ELF::EV_CURRENT)
      return fail(llvm::formatv(
          "expected ELF version {0}, got {1}", unsigned(llvm::ELF::EV_CURRENT),
          unsigned(header.e_ident[llvm::ELF::EI_VERSION])));
    if (header.e_type != llvm::ELF::ET_EXEC ||
        header.e_machine != llvm::ELF::EM_NONE)
      return fail(llvm::formatv("expected a binary of the accelerator, got ELF "
                                "type {0} for machine {1}",
                                header.e_type, header.e_machine));
    return llvm::Error::success();
  }

  struct Found {
    StringRef name, contents;
  };

  llvm::Error findSections() {
    auto headers = elf.sections();
    if (!headers)
      return headers.takeError();
    auto names = elf.getSectionStringTable(*headers);
    if (!names)
      return names.takeError();
    for (const auto &header : *headers) {
      if (header.sh_type == llvm::ELF::SHT_NULL)
        continue;
      llvm::Expected<StringRef> name = elf.getSectionName(header, *names);
      if (!name)
        return name.takeError();
      auto contents = elf.getSectionContents(header);
      if (!contents)
        return contents.takeError();
      // Constants are read as segments.
      if (*name == kConstantsSection)
        continue;
      sections.push_back(
          {*name, StringRef(reinterpret_cast<const char *>(contents->data()),
                            contents->size())});
    }
    return llvm::Error::success();
  }

  llvm::Expected<StringRef> section(StringRef name) const {
    const Found *found = nullptr;
    for (const Found &candidate : sections) {
      if (candidate.name != name)
        continue;
      if (found)
        return fail("expected one section " + name + ", got two");
      found = &candidate;
    }
    if (!found)
      return fail("expected a section " + name + ", got none");
    return found->contents;
  }

  llvm::Error readTarget() {
    llvm::Expected<StringRef> note = section(kNoteSection);
    if (!note)
      return note.takeError();
    StringRef owner(kNoteOwner, std::strlen(kNoteOwner) + 1);
    size_t head = 12 + llvm::alignTo(owner.size(), 4);
    auto word = [&](size_t i) {
      return llvm::support::endian::read32le(note->data() + 4 * i);
    };
    if (note->size() < head || word(0) != owner.size() ||
        note->substr(12, owner.size()) != owner ||
        word(1) > note->size() - head)
      return fail(llvm::formatv("expected a note of {0} in {1}", kNoteOwner,
                                kNoteSection));
    if (word(2) != kBinaryFormat)
      return fail(llvm::formatv("expected format {0}, got {1}", kBinaryFormat,
                                word(2)));
    return readNote(note->substr(head, word(1)), program);
  }

  llvm::Error readCommands() {
    llvm::Expected<StringRef> bytes = section(kCommandsSection);
    if (!bytes)
      return bytes.takeError();
    if (bytes->size() % kCommandBytes)
      return fail(llvm::formatv("{0}: expected a multiple of {1} bytes, got "
                                "{2}",
                                kCommandsSection, kCommandBytes,
                                bytes->size()));
    program.commands.reserve(bytes->size() / kCommandBytes);
    for (size_t i = 0; i * kCommandBytes < bytes->size(); ++i) {
      auto *data = bytes->bytes_begin() + i * kCommandBytes;
      llvm::Expected<Command> command =
          decodeCommand(llvm::ArrayRef<uint8_t>(data, kCommandBytes));
      if (!command)
        return fail(llvm::formatv("command {0}: {1}", i,
                                  llvm::toString(command.takeError())));
      program.commands.push_back(*command);
    }
    return llvm::Error::success();
  }

  llvm::Error readConstants() {
    auto segments = elf.program_headers();
    if (!segments)
      return segments.takeError();
    for (const auto &segment : *segments) {
      if (segment.p_type != llvm::ELF::PT_LOAD)
        continue;
      if (segment.p_vaddr > UINT32_MAX || segment.p_filesz != segment.p_memsz)
        return fail(llvm::formatv("expected constants below 4 GiB, stored "
                                  "whole, got {0} of {1} bytes at {2:x}",
                                  uint64_t(segment.p_filesz),
                                  uint64_t(segment.p_memsz),
                                  uint64_t(segment.p_vaddr)));
      auto contents = elf.getSegmentContents(segment);
      if (!contents)
        return contents.takeError();
      Constant &constant = program.constants.emplace_back();
      constant.address = uint32_t(segment.p_vaddr);
      constant.bytes.assign(contents->begin(), contents->end());
    }
    return llvm::Error::success();
  }

  llvm::Error readTables() {
    using Read = llvm::Error (*)(StringRef, Program &);
    const std::pair<const char *, Read> tables[] = {
        {kTensorsSection, readTensors},
        {kLayersSection, readLayers},
        {kHostSection, readHostFunctions}};
    for (auto [name, read] : tables) {
      llvm::Expected<StringRef> text = section(name);
      if (!text)
        return text.takeError();
      if (llvm::Error error = read(*text, program))
        return error;
    }
    if (program.hostFunctions.empty())
      return llvm::Error::success();
    llvm::Expected<StringRef> module = section(kModuleSection);
    if (!module)
      return module.takeError();
    program.hostModule = module->str();
    return llvm::Error::success();
  }

  ElfFile elf;
  std::vector<Found> sections;
  Program program;
};

} // namespace

llvm::Expected<Program> accopt::loadProgram(llvm::MemoryBufferRef buffer) {
  auto named = [&](llvm::Error error) {
    return fail(buffer.getBufferIdentifier() + ": " +
                llvm::toString(std::move(error)));
  };
  StringRef bytes = buffer.getBuffer();
  if (!bytes.starts_with(StringRef(llvm::ELF::ElfMagic, 4)))
    return named(fail("expected an ELF file"));
  llvm::Expected<ElfFile> elf = ElfFile::create(bytes);
  if (!elf)
    return named(elf.takeError());
  llvm::Expected<Program> program = Loader(std::move(*elf)).load();
  if (!program)
    return named(program.takeError());
  return program;
}
