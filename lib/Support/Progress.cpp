//===- Progress.cpp - How far a run is, and how long it takes -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Support/Progress.h"

#include "llvm/Support/Format.h"

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace llvm;

namespace accopt {

/// Tasks shorter than this leave no trace on a terminal.
static constexpr double kQuietSeconds = 2;
static constexpr double kTerminalInterval = 0.1;
static constexpr double kPlainInterval = 30;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// "45 s", "3:07 min", "2:05 h".
static std::string duration(double seconds) {
  auto whole = int64_t(std::llround(std::max(0.0, seconds)));
  std::string text;
  raw_string_ostream os(text);
  if (whole < 60)
    os << whole << " s";
  else if (whole < 3600)
    os << whole / 60 << format(":%02d min", int(whole % 60));
  else
    os << whole / 3600 << format(":%02d h", int(whole / 60 % 60));
  return text;
}

Progress::Progress(raw_ostream &os, bool quiet, Clock clock)
    : Progress(os, quiet, os.is_displayed(), std::move(clock)) {}

Progress::Progress(raw_ostream &os, bool quiet, bool isTerminal, Clock clock)
    : os(os), quiet(quiet), isTerminal(isTerminal),
      clock(clock ? std::move(clock) : Clock(now)) {}

Progress::~Progress() {
  // An error ends the task early; what follows starts on a line of its own.
  if (hasLine)
    os << '\n';
}

void Progress::begin(StringRef newTitle, int64_t newTotal, int64_t newDone) {
  if (isActive)
    end();
  title = newTitle.str();
  note.clear();
  total = double(newTotal);
  first = done = double(newDone);
  started = shown = clock();
  isActive = true;
  hasLines = false;
}

void Progress::update(double newDone, StringRef newNote) {
  if (!isActive)
    return;
  done = newDone;
  if (!newNote.empty())
    note = newNote.str();
  if (isDue(clock()))
    show(/*isLast=*/false);
}

bool Progress::isDue(double time) const {
  if (!isTerminal && hasShortTasks)
    return time - shown >= kPlainInterval;
  double interval = isTerminal ? kTerminalInterval : kPlainInterval;
  return time - started >= kQuietSeconds &&
         (!hasLines || time - shown >= interval);
}

void Progress::end() {
  if (!isActive)
    return;
  if ((!isTerminal && hasShortTasks) || clock() - started >= kQuietSeconds)
    show(/*isLast=*/true);
  isActive = false;
}

void Progress::show(bool isLast) {
  if (quiet)
    return;
  shown = clock();
  double spent = shown - started;
  // Erases the line: a shorter one may follow a longer.
  if (isTerminal)
    os << "\r\033[K";
  os << title << ": " << format("%lld", (long long)std::floor(done)) << '/'
     << format("%lld", (long long)total);
  if (!note.empty())
    os << ", " << note;
  if (isLast)
    os << ", took " << duration(spent);
  else if (done > first && total > done)
    os << ", " << duration(spent / (done - first) * (total - done)) << " left";
  hasLines = true;
  hasLine = isTerminal && !isLast;
  if (!hasLine)
    os << '\n';
  os.flush();
}

} // namespace accopt
