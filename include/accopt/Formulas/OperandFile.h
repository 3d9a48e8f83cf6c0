//===- OperandFile.h - Files of mapped layers -------------------*- C++ -*-===//
//
// Part of AccOpt. A machine and the mappings of layers to it, in JSON, for the
// model of OperandNest.h and OperandLatency.h:
//
//   { "mac_pj": 0.04, "systolic": "M32 C32", "spare": "longest-first",
//     "memories": {
//       "reg":  { "bits": 8, "read_pj": 0.1, "write_pj": 0.1,
//                 "narrowest": 8, "widest": 8,
//                 "ports": ["8 W0:tl", "8 W0:fh"] }, ... },
//     "operands": {
//       "W": { "bits": 8, "memories": ["reg", "dram"] },
//       "I": { "bits": 8, "memories": ["sram", "dram"] },
//       "O": { "bits": 16, "final_bits": 8, "memories": [...] } },
//     "layers": [
//       { "name": "conv1", "stride": [2, 2], "input": [224, 224],
//         "loops": "S7 R7 P112 Q112 M2", "W": ":4|M32 C3:5",
//         "I": ...,  "O": ... } ] }
//
// A loop is a dimension (N C M P Q R S) and its count; `loops` are temporal,
// innermost first. For each of an operand's memories, from the arithmetic out:
// the fan-out below it, and how many of the loops turn inside what it holds. A
// port has bits per cycle and uses: an operand's memory and tl (read below), fl
// (written below), th (read above), fh (written above). `systolic` and `spare`
// ("longest-first", the default, or "together") may be left out.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_OPERANDFILE_H
#define ACCOPT_FORMULAS_OPERANDFILE_H

#include "accopt/Formulas/OperandLatency.h"
#include "accopt/Formulas/OperandNest.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace accopt::formulas {

struct OperandFile {
  OperandMachine machine;
  /// Name and mapping.
  std::vector<std::pair<std::string, OperandNest>> layers;
};

/// `file` is what errors call the text; each is one line that names the key.
/// What the mappings say is checked where they are costed.
llvm::Expected<OperandFile> parseOperandFile(llvm::StringRef text,
                                             llvm::StringRef file);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_OPERANDFILE_H
