//===- Journal.h - What a run has done, on disk -----------------*- C++ -*-===//
//
// Part of AccOpt. A run is deterministic, so that resuming it is running it
// again with the answers of the expensive parts (an epoch, a measurement) read
// back. The journal holds them in an SQLite database; each record is durable
// and whole, or absent.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TUNING_JOURNAL_H
#define ACCOPT_TUNING_JOURNAL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// A point of a learning curve.
struct Metric {
  std::string step, name;
  int64_t index = 0; ///< epoch, counted through the step
  double value = 0;
};

class Journal {
public:
  ~Journal();
  /// Opens or creates the database. `fingerprint` says what the run is (model,
  /// data, machine and options, by hash). Without `resume` an existing journal
  /// is an error that names --resume; with it, a journal of another run is an
  /// error that names what differs.
  static llvm::Expected<std::unique_ptr<Journal>>
  open(llvm::StringRef path,
       const std::vector<std::pair<std::string, std::string>> &fingerprint,
       bool resume);

  /// What was recorded under `key`.
  llvm::Expected<std::optional<std::string>> find(llvm::StringRef key) const;
  /// Records `value` and `metrics` in one transaction. A key is recorded once.
  llvm::Error record(llvm::StringRef key, llvm::StringRef value,
                     const std::vector<Metric> &metrics = {});
  /// Replaces the value of records that only serve to go on (checkpoints of
  /// earlier epochs) by nothing, so that the file stays small.
  llvm::Error forget(llvm::StringRef key);
  /// All metrics in the order of recording.
  llvm::Expected<std::vector<Metric>> metrics() const;

private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace accopt

#endif // ACCOPT_TUNING_JOURNAL_H
