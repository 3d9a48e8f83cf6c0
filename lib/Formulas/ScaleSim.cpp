//===- ScaleSim.cpp - Compute cycles as SCALE-Sim reports them ------------===//

#include "accopt/Formulas/ScaleSim.h"

#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <utility>

using namespace llvm;
using namespace accopt::formulas;

Error accopt::formulas::check(const ArrayShape &array) {
  for (auto [name, value] : {std::pair<StringRef, int64_t>{"rows", array.rows},
                             {"columns", array.columns}})
    if (value < 1 || value > 65536)
      return createStringError(inconvertibleErrorCode(),
                               "expected " + name + " in [1, 65536], got " +
                                   Twine(value));
  return Error::success();
}

namespace {
/// Extents along the rows, the columns and time.
struct Extents {
  int64_t rows, columns, time;
};
} // namespace

static Extents project(const GemmShape &gemm, Dataflow dataflow) {
  switch (dataflow) {
  case Dataflow::OutputStationary:
    return {gemm.m, gemm.n, gemm.k};
  case Dataflow::WeightStationary:
    return {gemm.k, gemm.n, gemm.m};
  case Dataflow::InputStationary:
    return {gemm.k, gemm.m, gemm.n};
  }
  return {};
}

ScaleSimCost accopt::formulas::scaleSimSparseCost(const GemmShape &gemm,
                                                  int64_t reduction,
                                                  const ArrayShape &array,
                                                  Dataflow dataflow) {
  GemmShape kept = gemm;
  kept.k = reduction;
  auto [rows, columns, time] = project(kept, dataflow);
  const bool preloads = dataflow != Dataflow::OutputStationary;
  const int64_t folds =
      divideUp(rows, array.rows) * divideUp(columns, array.columns);
  const int64_t foldCycles =
      time + (preloads ? 2 : 1) * array.rows + array.columns - 2;
  const double arraySize = double(array.rows) * double(array.columns);

  ScaleSimCost cost;
  cost.folds = gemm.groups * folds;
  cost.cycles = gemm.groups * folds * foldCycles;
  cost.reportedCycles = cost.cycles - gemm.groups;
  // A 1 x 1 array ends a product of one element at index 0.
  cost.utilization =
      double(gemm.macs()) /
      (double(std::max<int64_t>(cost.reportedCycles, 1)) * arraySize);
  cost.mappingEfficiency =
      double(rows) * double(columns) / (double(folds) * arraySize);
  cost.computeUtilization =
      cost.mappingEfficiency * double(time) /
      double(foldCycles + (preloads ? array.columns - 1 : 0));
  return cost;
}

ScaleSimCost accopt::formulas::scaleSimCost(const GemmShape &gemm,
                                            const ArrayShape &array,
                                            Dataflow dataflow) {
  return scaleSimSparseCost(gemm, gemm.k, array, dataflow);
}

int64_t accopt::formulas::sparseReduction(int64_t k, SparsityRatio ratio) {
  return k / ratio.m * ratio.n + std::min(k % ratio.m, ratio.n);
}

int64_t accopt::formulas::rowWiseSparseReduction(int64_t k, int64_t block) {
  return divideUp(k, 2 * block) * block;
}
