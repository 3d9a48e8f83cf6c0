//===- Disassemble.cpp - Programs as text ---------------------------------===//

#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"

#include "llvm/Support/Format.h"

using namespace accopt;

void accopt::disassemble(const Program &program, llvm::raw_ostream &os) {
  for (size_t i = 0; i < program.commands.size(); ++i) {
    const Command &command = program.commands[i];
    os << llvm::format("%6zu  ", i);
    printCommand(command, os);
    os << "  ; " << program.layers[command.layer].name << '\n';
  }
}
