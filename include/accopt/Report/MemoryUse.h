//===- MemoryUse.h - Bytes in use while each layer runs ---------*- C++ -*-===//
//
// Part of AccOpt. Follows from the program's commands alone, in program order;
// docs/Design/Cost.md defines it. Analysis and simulator report the same.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_MEMORYUSE_H
#define ACCOPT_REPORT_MEMORYUSE_H

#include "accopt/CodeGen/Program.h"

#include <cstdint>
#include <vector>

namespace accopt {

/// Bytes that a layer touches or that are held for a later one.
struct MemoryUse {
  uint64_t scratchpadBytes = 0;
  uint64_t dramBytes = 0; ///< without constants
  bool operator==(const MemoryUse &) const = default;
};

/// One for each of the program's layers; layers whose commands come in turn
/// have the same. The program must pass validateProgram().
std::vector<MemoryUse> memoryUse(const Program &program);

/// Bytes of DRAM that hold weights, parameters and tables for the whole run.
uint64_t constantBytes(const Program &program);

} // namespace accopt

#endif // ACCOPT_REPORT_MEMORYUSE_H
