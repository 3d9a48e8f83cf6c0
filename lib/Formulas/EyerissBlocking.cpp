//===- EyerissBlocking.cpp - Blocking of the three outer loops ------------===//

#include "EyerissBlocking.h"

#include "accopt/Formulas/Eyeriss.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;
using namespace accopt::formulas;

namespace {

enum Loop { Channels, Filters, Images };
using Trips = std::array<int64_t, 3>; ///< by Loop

/// For each tensor the two loops that walk through it and the one that reuses
/// it.
constexpr std::array<std::array<Loop, 2>, 3> walks = {
    {{Channels, Filters}, {Channels, Images}, {Filters, Images}}};
constexpr std::array<Loop, 3> reuses = {Images, Filters, Channels};

using Cuts = SmallVector<std::array<int64_t, 3>>; ///< outer, middle, inner

Cuts cutInThree(int64_t count) {
  SmallVector<int64_t> divisors;
  for (int64_t d = 1; d * d <= count; ++d)
    if (count % d == 0) {
      divisors.push_back(d);
      if (d * d != count)
        divisors.push_back(count / d);
    }
  llvm::sort(divisors);
  Cuts cuts;
  for (int64_t outer : divisors)
    for (int64_t middle : divisors)
      if (count / outer % middle == 0)
        cuts.push_back({outer, middle, count / outer / middle});
  return cuts;
}

/// Words of all tensors when `trips` of each loop are held.
double held(const PerTensor &unit, const Trips &trips) {
  double words = 0;
  for (int tensor : {Weights, Inputs, Outputs})
    words += unit[tensor] * double(trips[walks[tensor][0]]) *
             double(trips[walks[tensor][1]]);
  return words;
}

/// How often a level fetches each tensor whose loops above it are `outside`
/// (all outer levels) and `level`, of which `innermost` comes last. A tensor
/// that the level does not walk through is fetched as often as above.
PerTensor fetches(const Trips &outside, const Trips &level, Loop innermost,
                  const PerTensor &above) {
  PerTensor result;
  for (int tensor : {Weights, Inputs, Outputs}) {
    if (level[walks[tensor][0]] == 1 && level[walks[tensor][1]] == 1) {
      result[tensor] = above[tensor];
      continue;
    }
    Loop reuse = reuses[tensor];
    double times = double(outside[reuse]);
    if (innermost != reuse)
      times *= double(level[reuse]);
    result[tensor] = tensor == Outputs ? 2 * times - 1 : times;
  }
  return result;
}

/// The loops that can be innermost: those that turn, or any if none does.
SmallVector<Loop, 3> innermostLoops(const Trips &level) {
  SmallVector<Loop, 3> loops;
  for (Loop loop : {Channels, Filters, Images})
    if (level[loop] > 1)
      loops.push_back(loop);
  if (loops.empty())
    loops.push_back(Channels);
  return loops;
}

double dot(const PerTensor &a, const PerTensor &b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/// Tries the orders of one factorisation.
void tryOrders(const BlockingProblem &problem, const Trips &outer,
               const Trips &middle, std::optional<Blocking> &best) {
  const Trips none = {1, 1, 1};
  for (Loop outerLast : innermostLoops(outer)) {
    PerTensor dram = fetches(none, outer, outerLast, {1, 1, 1});
    double dramEnergy = dot(dram, problem.dramPrice);
    if (best && dramEnergy >= best->energy)
      continue;
    for (Loop middleLast : innermostLoops(middle)) {
      PerTensor buffer = fetches(outer, middle, middleLast, dram);
      double energy = dramEnergy + dot(buffer, problem.bufferPrice);
      if (!best || energy < best->energy)
        best = Blocking{energy, dram, buffer};
    }
  }
}
} // namespace

std::optional<Blocking>
accopt::formulas::findBlocking(const BlockingProblem &problem) {
  std::optional<Blocking> best;
  const Cuts channels = cutInThree(problem.counts[Channels]);
  const Cuts filters = cutInThree(problem.counts[Filters]);
  const Cuts images = cutInThree(problem.counts[Images]);
  auto fits = [&](const auto &c, const auto &f, int64_t inner, int64_t outer) {
    return held(problem.registerUnit, {c[2], f[2], inner}) <=
               problem.registerWords &&
           held(problem.bufferUnit, {c[1] * c[2], f[1] * f[2], outer}) <=
               problem.bufferWords;
  };
  for (const auto &c : channels)
    for (const auto &f : filters) {
      // What does not fit with one image does not with more.
      if (!fits(c, f, 1, 1))
        continue;
      for (const auto &n : images)
        if (fits(c, f, n[2], n[1] * n[2]))
          tryOrders(problem, {c[0], f[0], n[0]}, {c[1], f[1], n[1]}, best);
    }
  return best;
}
