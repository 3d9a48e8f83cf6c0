//===- Split.cpp - Takes samples away for validation and test -------------===//
//
// Part of AccOpt. How many of each class go is decided by largest remainders,
// so that the total is right even if a class has few samples.
//
//===----------------------------------------------------------------------===//

#include "Reader.h"

#include "accopt/Data/Random.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>

using namespace llvm;
using namespace accopt;

/// How many of each stratum to take; `total` in all.
static std::vector<int64_t> apportion(ArrayRef<std::vector<int64_t>> strata,
                                      double share, int64_t total) {
  std::vector<int64_t> counts;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t given = 0;
  for (auto [index, stratum] : enumerate(strata)) {
    double quota = share * static_cast<double>(stratum.size());
    auto whole = static_cast<int64_t>(std::floor(quota));
    counts.push_back(whole);
    given += whole;
    remainders.push_back({static_cast<double>(whole) - quota, index});
  }
  sort(remainders); // the largest remainder first, then the smaller class
  for (size_t i = 0; given < total && i < remainders.size(); ++i, ++given)
    ++counts[remainders[i].second];
  return counts;
}

static Dataset gather(const Dataset &from, ArrayRef<int64_t> indices) {
  Dataset part;
  part.sampleShape = from.sampleShape;
  part.targetShape = from.targetShape;
  int64_t size = from.sampleElements(), targetSize = from.targetElements();
  part.inputs.reserve(indices.size() * size);
  for (int64_t index : indices) {
    auto input = from.inputs.begin() + index * size;
    part.inputs.insert(part.inputs.end(), input, input + size);
    if (!from.labels.empty())
      part.labels.push_back(from.labels[index]);
    if (from.targets.empty())
      continue;
    auto target = from.targets.begin() + index * targetSize;
    part.targets.insert(part.targets.end(), target, target + targetSize);
  }
  return part;
}

Expected<Dataset> accopt::takeShare(Dataset &samples, double share,
                                    uint64_t seed, uint64_t purpose,
                                    StringRef source) {
  int64_t size = samples.size();
  auto total = static_cast<int64_t>(std::llround(share * size));
  if (total < 1 || total >= size)
    return makeFileError(source, "expected enough samples to take " +
                                     formatv("{0}", share).str() +
                                     " of them, got " + Twine(size));

  std::map<int32_t, std::vector<int64_t>> byClass;
  for (int64_t i = 0; i < size; ++i)
    byClass[samples.labels.empty() ? 0 : samples.labels[i]].push_back(i);
  std::vector<std::vector<int64_t>> strata;
  strata.reserve(byClass.size());
  for (auto &[label, indices] : byClass)
    strata.push_back(std::move(indices));

  SplitMix64 random({seed, purpose});
  std::vector<int64_t> taken, kept;
  for (auto [stratum, count] : zip(strata, apportion(strata, share, total))) {
    random.shuffle(MutableArrayRef<int64_t>(stratum));
    taken.insert(taken.end(), stratum.begin(), stratum.begin() + count);
    kept.insert(kept.end(), stratum.begin() + count, stratum.end());
  }
  sort(taken);
  sort(kept);
  Dataset part = gather(samples, taken);
  samples = gather(samples, kept);
  return part;
}
