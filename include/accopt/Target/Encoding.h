//===- Encoding.h - Commands as bytes ---------------------------*- C++ -*-===//
//
// Part of AccOpt. A command is 128 bytes, little endian; docs/Machine.md shows
// the tables, which printEncodingTables() makes from the same list of fields
// that encode, decode and disassembly use.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_ENCODING_H
#define ACCOPT_TARGET_ENCODING_H

#include "accopt/Target/Command.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <utility>
#include <vector>

namespace accopt {

inline constexpr size_t kCommandBytes = 128;

/// Writes the command into `bytes`, which holds kCommandBytes.
void encodeCommand(const Command &command,
                   llvm::MutableArrayRef<uint8_t> bytes);

/// Fails on another size, an unknown opcode or kind, or a reserved bit that is
/// set. Whether the values make sense is validateProgram()'s question.
llvm::Expected<Command> decodeCommand(llvm::ArrayRef<uint8_t> bytes);

/// "load", "exec", "store" or "host".
llvm::StringRef engineName(Engine engine);
/// "load", "store", "matmul", "depthwise", ...
llvm::StringRef operationName(const Command &command);

/// One line without its end: engine, operation, tokens and those fields that
/// differ from their default.
void printCommand(const Command &command, llvm::raw_ostream &os);

/// The encoding as Markdown tables, one for the header and one for each
/// operation.
void printEncodingTables(llvm::raw_ostream &os);

/// A field of a command by its name in the encoding.
using CommandField = std::pair<std::string, int64_t>;

/// The operation's fields (without layer and tokens) that differ from a
/// default-constructed operation's.
std::vector<CommandField> commandFields(const Command &command);

/// The inverse: the operation `name` with `fields`, all others at their
/// defaults. Fails where a name is unknown or a value does not fit its field.
llvm::Expected<Command> commandFromFields(llvm::StringRef name,
                                          llvm::ArrayRef<CommandField> fields);

} // namespace accopt

#endif // ACCOPT_TARGET_ENCODING_H
