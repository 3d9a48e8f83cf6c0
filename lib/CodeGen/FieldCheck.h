//===- FieldCheck.h - Limits of single fields -------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_CODEGEN_FIELDCHECK_H
#define ACCOPT_LIB_CODEGEN_FIELDCHECK_H

#include "accopt/CodeGen/Program.h"

#include <optional>
#include <string>

namespace accopt {

/// The first field of the command's operation that is out of its limits, and
/// why. Of a command without such a field the footprint can be computed.
std::optional<std::string> findFieldFault(const Command &command,
                                          const Program &program);

} // namespace accopt

#endif // ACCOPT_LIB_CODEGEN_FIELDCHECK_H
