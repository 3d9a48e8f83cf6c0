//===- SystolicReports.cpp - Tables of SCALE-Sim and STONNE ---------------===//

#include "Models.h"

#include "accopt/Formulas/Stonne.h"

using namespace llvm;
using namespace accopt::formulas;

static StringRef nameOf(Dataflow dataflow) {
  switch (dataflow) {
  case Dataflow::OutputStationary:
    return "os";
  case Dataflow::WeightStationary:
    return "ws";
  case Dataflow::InputStationary:
    return "is";
  }
  return "";
}

static std::string describe(const ArrayShape &array) {
  return std::to_string(array.rows) + "x" + std::to_string(array.columns);
}

/// The columns of every model that sees a layer as a product.
static std::vector<FormulaColumn> gemmColumns() {
  return {{"m", "M"},
          {"n", "N"},
          {"k", "K"},
          {"groups", "groups"},
          {"macs", "MACs", 0, true},
          {"cycles", "cycles", 0, true}};
}

static std::vector<Cell> gemmCells(const GemmShape &gemm, int64_t cycles) {
  return {gemm.m, gemm.n, gemm.k, gemm.groups, gemm.macs(), cycles};
}

static std::optional<SparsityRatio> ratioOf(const Layer &layer,
                                            const EvaluateOptions &options) {
  return options.sparsity ? options.sparsity : layer.sparsity;
}

static int64_t reductionOf(const Layer &layer, const EvaluateOptions &options) {
  int64_t k = layer.gemm().k;
  if (options.sparseBlock)
    return rowWiseSparseReduction(k, options.sparseBlock);
  std::optional<SparsityRatio> ratio = ratioOf(layer, options);
  return ratio ? sparseReduction(k, *ratio) : k;
}

static void addParameters(FormulaReport &report,
                          const EvaluateOptions &options) {
  if (options.sparsity)
    report.parameters.emplace_back("sparsity",
                                   std::to_string(options.sparsity->n) + ":" +
                                       std::to_string(options.sparsity->m));
  if (options.sparseBlock)
    report.parameters.emplace_back("sparse_block", options.sparseBlock);
}

FormulaReport accopt::formulas::reportScaleSim(ArrayRef<Layer> layers,
                                               const ArrayShape &array,
                                               const EvaluateOptions &options) {
  FormulaReport report;
  report.model = "scalesim";
  report.parameters = {{"dataflow", nameOf(options.dataflow).str()},
                       {"array", describe(array)}};
  addParameters(report, options);
  report.columns = gemmColumns();
  report.columns.push_back({"total_cycles", "Total Cycles", 0, true});
  report.columns.push_back({"utilization", "util %", 2, false, 100});
  report.columns.push_back({"mapping_efficiency", "map. %", 2, false, 100});
  for (const Layer &layer : layers) {
    GemmShape gemm = layer.gemm();
    ScaleSimCost cost = scaleSimSparseCost(gemm, reductionOf(layer, options),
                                           array, options.dataflow);
    report.rows.push_back({layer.name, gemmCells(gemm, cost.cycles)});
    std::vector<Cell> &cells = report.rows.back().cells;
    cells.emplace_back(cost.reportedCycles);
    cells.emplace_back(cost.utilization);
    // How full the rows of row-wise sparsity are depends on the weights.
    cells.push_back(options.sparseBlock ? Cell()
                                        : Cell(cost.mappingEfficiency));
  }
  report.notes = {"The array alone, without stalls. \"Total Cycles\" as the "
                  "package prints it: the last cycle's\nindex, one less than "
                  "the cycles for each group."};
  return report;
}

FormulaReport accopt::formulas::reportStonne(ArrayRef<Layer> layers,
                                             const ArrayShape &array) {
  FormulaReport report;
  report.model = "stonne";
  report.parameters = {{"dataflow", "os"}, {"array", describe(array)}};
  report.columns = gemmColumns();
  report.columns.push_back({"utilization", "util %", 2, false, 100});
  for (const Layer &layer : layers) {
    GemmShape gemm = layer.gemm();
    StonneCost cost = stonneCost(gemm, array);
    report.rows.push_back({layer.name, gemmCells(gemm, cost.cycles)});
    report.rows.back().cells.emplace_back(cost.utilization);
  }
  report.notes = {"The TPU configuration with a memory that is never a "
                  "bottleneck."};
  return report;
}
