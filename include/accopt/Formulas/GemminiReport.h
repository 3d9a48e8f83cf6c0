//===- GemminiReport.h - Gemmini's cycles for a file of layers --*- C++ -*-===//
//
// Part of AccOpt. Reads a CSV file of layers and mappings as ucb-bar/dosa has
// them (data/firesim_test_data/dataset.csv, columns renamed). The first line
// names the columns, in any order and spelling of case:
//
//   N, C, K, P, Q, R, S     as in Timeloop; N, R and S are 1 if absent
//   Wstride, Hstride, Wdilation                          1 if absent
//   mapping                 Timeloop's text; may be absent or empty
//   row                     the layer's name; the line's number if absent
//
// Other columns are ignored.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_GEMMINIREPORT_H
#define ACCOPT_FORMULAS_GEMMINIREPORT_H

#include "accopt/Formulas/FormulaReport.h"
#include "accopt/Formulas/Gemmini.h"

#include <optional>
#include <vector>

namespace accopt::formulas {

struct GemminiRecord {
  std::string name;
  GemminiLayer layer;
  std::optional<GemminiMapping> mapping;
};

/// Parses the records of `text`; `file` is what errors call it. Each error is
/// one line "FILE:LINE: ...".
llvm::Expected<std::vector<GemminiRecord>>
parseGemminiRecords(llvm::StringRef text, llvm::StringRef file);

/// Cycles with the mapping, with Gemmini's own tiling, and by SCALE-Sim's
/// formula for a weight-stationary array of the same size. Columns in files:
/// mapping_cycles (null without a mapping), auto_tiling_cycles, of which
/// search_cycles, scale_sim_ws_cycles, and of the mapping tiles, load_cycles,
/// execute_cycles and store_cycles.
FormulaReport reportGemmini(llvm::ArrayRef<GemminiRecord> records,
                            const GemminiMachine &machine = {});

/// Reads the file `path` and reports on it.
llvm::Expected<FormulaReport> evaluateGemmini(llvm::StringRef path);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_GEMMINIREPORT_H
