//===- Encoding.cpp - Commands as bytes and as text -----------------------===//
//
// Four visitors of the list in CommandFields.h: writer, reader, printer and the
// maker of the specification's tables.
//
//===----------------------------------------------------------------------===//

#include "accopt/Target/Encoding.h"

#include "CommandFields.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cstring>

using namespace accopt;
using llvm::StringRef;

namespace {

struct OperationName {
  uint8_t opcode;
  const char *name, *title;
};

/// By index in the variant `Operation`; the opcode is the index plus one, so
/// that a command of zero bytes is none.
constexpr OperationName kOperations[] = {
    {1, "load", "DRAM to scratchpad"},
    {2, "store", "scratchpad to DRAM"},
    {3, "matmul", "the array"},
    {4, "depthwise", "depthwise convolution"},
    {5, "pool", "pooling"},
    {6, "binary", "elementwise"},
    {7, "lookup", "table look-up"},
    {8, "fill", "fill"},
    {9, "host", "a function of the host"},
};
constexpr size_t kOperationCount = std::size(kOperations);
static_assert(kOperationCount == std::variant_size_v<Operation>);

/// The integer type that stores T.
template <typename T> struct StorageOf {
  using type = T;
};
template <typename T>
  requires std::is_enum_v<T>
struct StorageOf<T> {
  using type = std::underlying_type_t<T>;
};
template <typename T>
using Storage = typename StorageOf<std::remove_const_t<T>>::type;

struct Writer {
  uint8_t *bytes;

  template <typename T>
  void field(unsigned offset, const char *, const T &value, const char *) {
    llvm::support::endian::write<Storage<T>>(bytes + offset,
                                             static_cast<Storage<T>>(value),
                                             llvm::endianness::little);
  }
  template <typename T>
  void address(unsigned offset, const char *n, const T &value, const char *h) {
    field(offset, n, value, h);
  }
  void flag(unsigned bit, const char *, const bool &value, const char *) {
    bytes[1] |= uint8_t(value) << bit;
  }
};

struct Reader {
  const uint8_t *bytes;

  template <typename T>
  void field(unsigned offset, const char *, T &value, const char *) {
    value = static_cast<T>(llvm::support::endian::read<Storage<T>>(
        bytes + offset, llvm::endianness::little));
  }
  template <typename T>
  void address(unsigned offset, const char *n, T &value, const char *h) {
    field(offset, n, value, h);
  }
  void flag(unsigned bit, const char *, bool &value, const char *) {
    value = bytes[1] >> bit & 1;
  }
};

/// Collects the text of every field.
struct TextCollector {
  llvm::SmallVector<std::pair<const char *, std::string>, 64> fields;

  template <typename T>
  void field(unsigned, const char *name, const T &value, const char *) {
    // Through a wide type: int8_t would print as a character.
    if constexpr (std::is_signed_v<Storage<T>>)
      fields.emplace_back(name, std::to_string(int64_t(value)));
    else
      fields.emplace_back(name, std::to_string(uint64_t(value)));
  }
  template <typename T>
  void address(unsigned, const char *name, const T &value, const char *) {
    fields.emplace_back(name, llvm::formatv("{0:x}", value));
  }
  void flag(unsigned, const char *name, const bool &value, const char *) {
    fields.emplace_back(name, value ? "1" : "0");
  }
};

/// Collects the value of every field.
struct ValueCollector {
  std::vector<CommandField> fields;

  template <typename T>
  void field(unsigned, const char *name, const T &value, const char *) {
    fields.emplace_back(name, int64_t(static_cast<Storage<T>>(value)));
  }
  template <typename T>
  void address(unsigned offset, const char *name, const T &value,
               const char *help) {
    field(offset, name, value, help);
  }
  void flag(unsigned, const char *name, const bool &value, const char *) {
    fields.emplace_back(name, value);
  }
};

/// Sets the field `name`, if the operation has it and the value fits.
struct ValueSetter {
  StringRef wanted;
  int64_t given;
  bool found = false, fits = false;

  template <typename T>
  void field(unsigned, const char *name, T &value, const char *) {
    if (wanted != name)
      return;
    found = true;
    auto stored = static_cast<Storage<T>>(given);
    fits = int64_t(stored) == given;
    value = static_cast<T>(stored);
  }
  template <typename T>
  void address(unsigned offset, const char *name, T &value, const char *help) {
    field(offset, name, value, help);
  }
  void flag(unsigned, const char *name, bool &value, const char *) {
    if (wanted != name)
      return;
    found = true;
    fits = given == 0 || given == 1;
    value = given;
  }
};

struct TableMaker {
  llvm::raw_ostream &os;

  template <typename T>
  void field(unsigned offset, const char *name, const T &, const char *help) {
    row(std::to_string(offset),
        (std::is_signed_v<Storage<T>> ? "i" : "u") +
            std::to_string(8 * sizeof(Storage<T>)),
        name, help);
  }
  template <typename T>
  void address(unsigned offset, const char *name, const T &value,
               const char *help) {
    field(offset, name, value, help);
  }
  void flag(unsigned bit, const char *name, const bool &, const char *help) {
    row("1." + std::to_string(bit), "bit", name, help);
  }
  void row(StringRef offset, StringRef type, StringRef name, StringRef help) {
    os << "| " << offset << " | " << type << " | `" << name << "` | " << help
       << " |\n";
  }
  void head() {
    os << "| byte | type | field | meaning |\n|---|---|---|---|\n";
  }
};

template <size_t Index = 0>
void setOperation(Operation &operation, size_t index) {
  if constexpr (Index < kOperationCount) {
    if (index == Index)
      operation.emplace<Index>();
    else
      setOperation<Index + 1>(operation, index);
  }
}

/// The first kind that is out of its enumeration's range, or none.
const char *findBadKind(const Operation &operation) {
  if (auto *pool = std::get_if<PoolCommand>(&operation))
    if (pool->kind > PoolKind::Sum)
      return "pool";
  if (auto *binary = std::get_if<BinaryCommand>(&operation))
    if (binary->kind > BinaryKind::Mul)
      return "binary";
  return nullptr;
}

template <typename... Args>
llvm::Error fail(const char *format, const Args &...args) {
  return llvm::createStringError(
      std::make_error_code(std::errc::invalid_argument), format, args...);
}

} // namespace

void accopt::encodeCommand(const Command &command,
                           llvm::MutableArrayRef<uint8_t> bytes) {
  assert(bytes.size() == kCommandBytes && "a command has a fixed size");
  std::memset(bytes.data(), 0, kCommandBytes);
  bytes[0] = kOperations[command.operation.index()].opcode;
  Writer writer{bytes.data()};
  visitHeader(command, writer);
  std::visit([&](const auto &operation) { visitFields(operation, writer); },
             command.operation);
}

llvm::Expected<Command> accopt::decodeCommand(llvm::ArrayRef<uint8_t> bytes) {
  if (bytes.size() != kCommandBytes)
    return fail("expected %zu bytes, got %zu", kCommandBytes, bytes.size());
  unsigned opcode = bytes[0];
  if (opcode == 0 || opcode > kOperationCount)
    return fail("unknown opcode %u", opcode);
  Command command;
  setOperation(command.operation, opcode - 1);
  Reader reader{bytes.data()};
  visitHeader(command, reader);
  std::visit([&](auto &operation) { visitFields(operation, reader); },
             command.operation);
  if (const char *name = findBadKind(command.operation))
    return fail("unknown kind of '%s'", name);

  // Whatever encoding does not give back is a reserved bit.
  uint8_t again[kCommandBytes];
  encodeCommand(command, again);
  for (size_t i = 0; i < kCommandBytes; ++i)
    if (bytes[i] != again[i])
      return fail("expected reserved bits of byte %zu to be zero, got 0x%02x",
                  i, bytes[i]);
  return command;
}

StringRef accopt::engineName(Engine engine) {
  static constexpr const char *names[] = {"load", "exec", "store", "host"};
  return names[unsigned(engine)];
}

StringRef accopt::operationName(const Command &command) {
  return kOperations[command.operation.index()].name;
}

void accopt::printCommand(const Command &command, llvm::raw_ostream &os) {
  os << llvm::left_justify(engineName(command.engine()), 6)
     << operationName(command);
  for (unsigned e = 0; e < kEngineCount; ++e)
    if (command.take[e])
      os << " take_" << engineName(Engine(e)) << '=' << command.take[e];
  Operation defaults;
  setOperation(defaults, command.operation.index());
  TextCollector actual, standard;
  std::visit([&](const auto &op) { visitFields(op, actual); },
             command.operation);
  std::visit([&](const auto &op) { visitFields(op, standard); }, defaults);
  for (size_t i = 0; i < actual.fields.size(); ++i)
    if (actual.fields[i].second != standard.fields[i].second)
      os << ' ' << actual.fields[i].first << '=' << actual.fields[i].second;
}

std::vector<CommandField> accopt::commandFields(const Command &command) {
  Operation defaults;
  setOperation(defaults, command.operation.index());
  ValueCollector actual, standard;
  std::visit([&](const auto &op) { visitFields(op, actual); },
             command.operation);
  std::visit([&](const auto &op) { visitFields(op, standard); }, defaults);
  std::vector<CommandField> result;
  for (size_t i = 0; i < actual.fields.size(); ++i)
    if (actual.fields[i] != standard.fields[i])
      result.push_back(actual.fields[i]);
  return result;
}

llvm::Expected<Command>
accopt::commandFromFields(StringRef name, llvm::ArrayRef<CommandField> fields) {
  const auto *operation = std::find_if(
      std::begin(kOperations), std::end(kOperations),
      [&](const OperationName &known) { return name == known.name; });
  if (operation == std::end(kOperations))
    return fail("unknown operation '%s'", name.str().c_str());
  Command command;
  setOperation(command.operation, operation - kOperations);
  for (const auto &[field, value] : fields) {
    ValueSetter setter{field, value};
    std::visit([&](auto &op) { visitFields(op, setter); }, command.operation);
    if (!setter.found)
      return fail("'%s' has no field '%s'", operation->name, field.c_str());
    if (!setter.fits)
      return fail("%lld does not fit the field '%s'", (long long)value,
                  field.c_str());
  }
  if (const char *kind = findBadKind(command.operation))
    return fail("unknown kind of '%s'", kind);
  return command;
}

void accopt::printEncodingTables(llvm::raw_ostream &os) {
  TableMaker table{os};
  os << "### Header\n\n";
  table.head();
  table.row("0", "u8", "opcode", "which operation");
  table.row("1", "u8", "flags", "bits named below as 1.n");
  Command command;
  visitHeader(command, table);
  for (size_t i = 0; i < kOperationCount; ++i) {
    os << "\n### `" << kOperations[i].name << "`, opcode "
       << unsigned(kOperations[i].opcode) << ": " << kOperations[i].title
       << "\n\n";
    table.head();
    setOperation(command.operation, i);
    std::visit([&](const auto &op) { visitFields(op, table); },
               command.operation);
  }
}
