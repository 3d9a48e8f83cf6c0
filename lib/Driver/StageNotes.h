//===- StageNotes.h - What a long compilation is doing ----------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_STAGENOTES_H
#define ACCOPT_LIB_DRIVER_STAGENOTES_H

#include "mlir/IR/BuiltinOps.h"

#include <chrono>
#include <string>

namespace accopt {

/// Says on standard error what is being done to a model whose weights are so
/// many that it takes seconds, and how long the rest will take if it goes on as
/// it did so far. Nothing for others.
class StageNotes {
public:
  StageNotes(llvm::StringRef file, bool isQuiet)
      : file(file.str()), isQuiet(isQuiet) {}

  /// Before the file is read.
  void reading();
  /// The model is in `module`: from here on its weights and the time count.
  void count(mlir::ModuleOp module);
  /// A stage begins. `done` is the share of the time since count() that has
  /// passed by then; nothing to go by where it is 0.
  void begin(llvm::StringRef stage, double done) const;

private:
  std::string file;
  bool isQuiet, isLong = false;
  uint64_t bytes = 0;
  std::chrono::steady_clock::time_point start;
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_STAGENOTES_H
