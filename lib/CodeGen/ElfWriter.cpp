//===- ElfWriter.cpp - Programs to ELF files ------------------------------===//
//
// The file is laid out front to back: ELF header, program headers, contents of
// the sections in the order of their headers, section headers. Constants are
// PT_LOAD segments at their DRAM addresses; neighbours are joined.
//
//===----------------------------------------------------------------------===//

#include "Tables.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace accopt;
namespace ELF = llvm::ELF;
using llvm::StringRef;

namespace {

/// Constants closer than this share a segment; what lies between is zero.
constexpr uint64_t kJoinGap = 128;

struct Section {
  std::string name;
  uint32_t type = ELF::SHT_PROGBITS;
  uint64_t flags = 0, address = 0;
  std::string contents;
  /// In place of that, what lies from `address` on, with zeros between: weights
  /// are not copied before they are written.
  std::vector<const Constant *> constants;
  uint32_t link = 0, info = 0;
  uint64_t align = 1, entrySize = 0;
  // Set by the layout.
  uint32_t nameOffset = 0;
  uint64_t offset = 0;

  uint64_t size() const {
    return constants.empty() ? contents.size()
                             : constants.back()->address +
                                   constants.back()->bytes.size() - address;
  }
};

class StringTable {
public:
  uint32_t add(StringRef text) {
    // An empty name is the table's first byte.
    if (text.empty())
      return 0;
    uint32_t offset = uint32_t(bytes.size());
    bytes += text;
    bytes += '\0';
    return offset;
  }
  std::string bytes = std::string(1, '\0');
};

class ElfWriter {
public:
  explicit ElfWriter(const Program &program) : program(program) {}

  llvm::Error layOutSections() {
    sections.emplace_back().type = ELF::SHT_NULL;
    sections.back().align = 0;
    addNote();
    addCommands();
    addConstants();
    addTable(kTensorsSection, writeTensors(program));
    addTable(kLayersSection, writeLayers(program));
    addTable(kHostSection, writeHostFunctions(program));
    if (!program.hostModule.empty())
      addTable(kModuleSection, program.hostModule);
    addSymbols();
    addSectionNames();
    // Counts in the ELF header have 16 bits, of which the last values are
    // reserved.
    if (sections.size() >= ELF::SHN_LORESERVE)
      return llvm::createStringError(
          std::make_error_code(std::errc::value_too_large),
          "expected constants in fewer than %u separate places, got %zu",
          unsigned(ELF::SHN_LORESERVE), program.constants.size());
    layOut();
    return llvm::Error::success();
  }

  void write(llvm::raw_ostream &os) const {
    uint64_t begin = os.tell();
    llvm::support::endian::Writer writer(os, llvm::endianness::little);
    emitHeader(os, writer);
    for (const Section &section : sections)
      if (hasSegment(section))
        emitSegment(section, writer);
    for (const Section &section : sections) {
      if (section.type == ELF::SHT_NULL)
        continue;
      os.write_zeros(unsigned(begin + section.offset - os.tell()));
      os << section.contents;
      for (const Constant *constant : section.constants) {
        os.write_zeros(unsigned(begin + section.offset + constant->address -
                                section.address - os.tell()));
        os.write(reinterpret_cast<const char *>(constant->bytes.data()),
                 constant->bytes.size());
      }
    }
    os.write_zeros(unsigned(begin + headersOffset - os.tell()));
    for (const Section &section : sections)
      emitSectionHeader(section, writer);
  }

private:
  Section &add(StringRef name, uint32_t type) {
    Section &section = sections.emplace_back();
    section.name = name.str();
    section.type = type;
    return section;
  }

  void addNote() {
    std::string description = writeNote(program);
    Section &section = add(kNoteSection, ELF::SHT_NOTE);
    section.align = 4;
    llvm::raw_string_ostream os(section.contents);
    llvm::support::endian::Writer writer(os, llvm::endianness::little);
    StringRef owner = kNoteOwner;
    writer.write<uint32_t>(uint32_t(owner.size() + 1));
    writer.write<uint32_t>(uint32_t(description.size()));
    writer.write<uint32_t>(uint32_t(kBinaryFormat));
    os << owner;
    os.write_zeros(unsigned(llvm::alignTo(owner.size() + 1, 4) - owner.size()));
    os << description;
    os.write_zeros(
        unsigned(llvm::alignTo(description.size(), 4) - description.size()));
  }

  void addCommands() {
    commandsIndex = uint32_t(sections.size());
    Section &section = add(kCommandsSection, ELF::SHT_PROGBITS);
    section.align = kCommandBytes;
    section.entrySize = kCommandBytes;
    section.contents.resize(program.commands.size() * kCommandBytes);
    auto *bytes = reinterpret_cast<uint8_t *>(section.contents.data());
    for (const Command &command : program.commands) {
      encodeCommand(command, {bytes, kCommandBytes});
      bytes += kCommandBytes;
    }
  }

  void addConstants() {
    Section *last = nullptr;
    for (const Constant &constant : program.constants) {
      if (constant.bytes.empty())
        continue;
      uint64_t end = last ? last->address + last->size() : 0;
      if (!last || constant.address - end > kJoinGap) {
        last = &add(kConstantsSection, ELF::SHT_PROGBITS);
        last->flags = ELF::SHF_ALLOC;
        last->address = constant.address;
      }
      last->constants.push_back(&constant);
    }
  }

  void addTable(StringRef name, std::string contents) {
    add(name, ELF::SHT_PROGBITS).contents = std::move(contents);
  }

  /// Tensors are absolute symbols at their DRAM address, layers are functions
  /// in the section of commands.
  void addSymbols() {
    StringTable strings;
    std::string table(sizeof(ELF::Elf64_Sym), '\0');
    llvm::raw_string_ostream os(table);
    llvm::support::endian::Writer writer(os, llvm::endianness::little);
    uint32_t count = 1;
    auto add = [&](StringRef name, unsigned type, uint16_t section,
                   uint64_t value, uint64_t size) {
      writer.write<uint32_t>(strings.add(name));
      writer.write<uint8_t>(uint8_t(ELF::STB_LOCAL << 4 | type));
      writer.write<uint8_t>(ELF::STV_DEFAULT);
      writer.write<uint16_t>(section);
      writer.write<uint64_t>(value);
      writer.write<uint64_t>(size);
      ++count;
    };
    add(program.modelName, ELF::STT_FILE, ELF::SHN_ABS, 0, 0);
    for (const TensorInfo &t : program.tensors) {
      uint64_t size = 1;
      for (int64_t extent : t.shape)
        size *= uint64_t(extent);
      add(t.name, ELF::STT_OBJECT, ELF::SHN_ABS, t.address,
          storedBytes(t, size));
    }
    auto ranges = layerRanges(program);
    for (size_t i = 0; i < ranges.size(); ++i)
      add(program.layers[i].name, ELF::STT_FUNC, uint16_t(commandsIndex),
          ranges[i].first * kCommandBytes, ranges[i].second * kCommandBytes);

    Section &symbols = this->add(".symtab", ELF::SHT_SYMTAB);
    symbols.contents = std::move(table);
    symbols.link = uint32_t(sections.size());
    symbols.info = count; // all symbols are local
    symbols.align = 8;
    symbols.entrySize = sizeof(ELF::Elf64_Sym);
    this->add(".strtab", ELF::SHT_STRTAB).contents = std::move(strings.bytes);
  }

  void addSectionNames() {
    add(".shstrtab", ELF::SHT_STRTAB);
    StringTable names;
    for (Section &section : sections)
      section.nameOffset = names.add(section.name);
    sections.back().contents = std::move(names.bytes);
  }

  static bool hasSegment(const Section &section) {
    return section.type == ELF::SHT_NOTE || section.flags & ELF::SHF_ALLOC;
  }

  void layOut() {
    segmentCount = 0;
    for (const Section &section : sections)
      segmentCount += hasSegment(section);
    uint64_t offset =
        sizeof(ELF::Elf64_Ehdr) + segmentCount * sizeof(ELF::Elf64_Phdr);
    for (Section &section : sections) {
      if (section.type == ELF::SHT_NULL)
        continue;
      offset = llvm::alignTo(offset, section.align);
      section.offset = offset;
      offset += section.size();
    }
    headersOffset = llvm::alignTo(offset, 8);
  }

  void emitHeader(llvm::raw_ostream &os,
                  llvm::support::endian::Writer &writer) const {
    os << StringRef(ELF::ElfMagic, 4) << char(ELF::ELFCLASS64)
       << char(ELF::ELFDATA2LSB) << char(ELF::EV_CURRENT)
       << char(ELF::ELFOSABI_NONE);
    os.write_zeros(8);
    writer.write<uint16_t>(ELF::ET_EXEC);
    writer.write<uint16_t>(ELF::EM_NONE);
    writer.write<uint32_t>(ELF::EV_CURRENT);
    writer.write<uint64_t>(0); // entry
    writer.write<uint64_t>(segmentCount ? sizeof(ELF::Elf64_Ehdr) : 0);
    writer.write<uint64_t>(headersOffset);
    writer.write<uint32_t>(0); // flags
    writer.write<uint16_t>(sizeof(ELF::Elf64_Ehdr));
    writer.write<uint16_t>(sizeof(ELF::Elf64_Phdr));
    writer.write<uint16_t>(uint16_t(segmentCount));
    writer.write<uint16_t>(sizeof(ELF::Elf64_Shdr));
    writer.write<uint16_t>(uint16_t(sections.size()));
    writer.write<uint16_t>(uint16_t(sections.size() - 1));
  }

  static void emitSegment(const Section &section,
                          llvm::support::endian::Writer &writer) {
    bool isNote = section.type == ELF::SHT_NOTE;
    writer.write<uint32_t>(isNote ? ELF::PT_NOTE : ELF::PT_LOAD);
    writer.write<uint32_t>(ELF::PF_R);
    writer.write<uint64_t>(section.offset);
    writer.write<uint64_t>(section.address);
    writer.write<uint64_t>(section.address);
    writer.write<uint64_t>(section.size());
    writer.write<uint64_t>(section.size());
    writer.write<uint64_t>(section.align);
  }

  static void emitSectionHeader(const Section &section,
                                llvm::support::endian::Writer &writer) {
    writer.write<uint32_t>(section.nameOffset);
    writer.write<uint32_t>(section.type);
    writer.write<uint64_t>(section.flags);
    writer.write<uint64_t>(section.address);
    writer.write<uint64_t>(section.offset);
    writer.write<uint64_t>(section.size());
    writer.write<uint32_t>(section.link);
    writer.write<uint32_t>(section.info);
    writer.write<uint64_t>(section.align);
    writer.write<uint64_t>(section.entrySize);
  }

  const Program &program;
  std::vector<Section> sections;
  uint32_t commandsIndex = 0;
  size_t segmentCount = 0;
  uint64_t headersOffset = 0;
};

} // namespace

llvm::Expected<std::function<void(llvm::raw_ostream &)>>
accopt::prepareBinary(const Program &program) {
  if (llvm::Error error = validateProgram(program))
    return error;
  auto writer = std::make_shared<ElfWriter>(program);
  if (llvm::Error error = writer->layOutSections())
    return error;
  return [writer](llvm::raw_ostream &os) { writer->write(os); };
}

llvm::Expected<llvm::SmallVector<char, 0>>
accopt::writeBinary(const Program &program) {
  auto write = prepareBinary(program);
  if (!write)
    return write.takeError();
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  (*write)(os);
  return bytes;
}
