//===- Progress.h - How far a run is, and how long it takes -----*- C++ -*-===//
//
// Part of AccOpt. On a terminal one line that is rewritten, at most ten times a
// second and only for tasks that take over two seconds; elsewhere plain lines,
// at most one in half a minute and one at the end of a task, of short tasks
// too unless they are left out.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SUPPORT_PROGRESS_H
#define ACCOPT_SUPPORT_PROGRESS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <string>

namespace accopt {

class Progress {
public:
  /// Seconds since any fixed moment.
  using Clock = std::function<double()>;

  /// Writes to `os`, in the form for terminals where it displays on one.
  /// `quiet` silences everything.
  Progress(llvm::raw_ostream &os, bool quiet, Clock clock = {});
  /// The same with the form given.
  Progress(llvm::raw_ostream &os, bool quiet, bool isTerminal, Clock clock);
  ~Progress();

  /// From here on, tasks of under two seconds leave no plain lines either, and
  /// longer ones begin with one.
  void leaveOutShortTasks() { hasShortTasks = false; }

  /// Starts a task of `total` units of which `done` were done by an earlier
  /// run; the estimate counts from here.
  void begin(llvm::StringRef title, int64_t total, int64_t done = 0);
  /// `done` units, or parts of them, are done; `note` ("loss 0.3") stays until
  /// the next one.
  void update(double done, llvm::StringRef note = "");
  /// Ends the task; one line stays, with the time it took.
  void end();

private:
  bool isDue(double time) const;
  void show(bool isLast);

  llvm::raw_ostream &os;
  bool quiet, isTerminal;
  Clock clock;
  std::string title, note;
  double total = 0, first = 0, done = 0;
  double started = 0, shown = 0;
  bool isActive = false, hasLine = false, hasLines = false;
  bool hasShortTasks = true;
};

} // namespace accopt

#endif // ACCOPT_SUPPORT_PROGRESS_H
