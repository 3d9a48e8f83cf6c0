//===- acc-cost.cpp - Published cost models over a list of layers ---------===//

#include "accopt/Formulas/Evaluate.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

#include <tuple>
#include <vector>

namespace cl = llvm::cl;
using namespace accopt::formulas;

static cl::OptionCategory category("acc-cost options");

static cl::opt<std::string> input(cl::Positional, cl::Required,
                                  cl::desc("LAYERS.csv"), cl::cat(category));
static cl::opt<Model> model(
    "model", cl::desc("Whose numbers:"), cl::init(Model::ScaleSim),
    cl::cat(category),
    cl::values(clEnumValN(Model::ScaleSim, "scalesim",
                          "SCALE-Sim v2 and v3, compute cycles (default)"),
               clEnumValN(Model::Stonne, "stonne",
                          "STONNE's TPU, output-stationary, full bandwidth"),
               clEnumValN(Model::Eyeriss, "eyeriss",
                          "Row-stationary: cycles, DRAM traffic and energy"),
               clEnumValN(Model::Gemmini, "gemmini",
                          "Gemmini 16x16 as measured under FireSim: cycles of "
                          "a mapping and of its own tiling"),
               clEnumValN(Model::Maestro, "maestro",
                          "MAESTRO: cycles and traffic of a data-centric "
                          "dataflow, see --mapping"),
               clEnumValN(Model::ZigZag, "zigzag",
                          "ZigZag: cycles and energy of mappings with memories "
                          "for each operand, LAYERS.json")));
static cl::opt<Dataflow>
    dataflow("dataflow", cl::desc("scalesim: what stays in the array"),
             cl::init(Dataflow::WeightStationary), cl::cat(category),
             cl::values(clEnumValN(Dataflow::OutputStationary, "os", "outputs"),
                        clEnumValN(Dataflow::WeightStationary, "ws",
                                   "weights (default)"),
                        clEnumValN(Dataflow::InputStationary, "is", "inputs")));
static cl::opt<int64_t>
    rows("rows", cl::value_desc("N"), cl::cat(category),
         cl::desc("Rows of the array; default 32, eyeriss: the chip's"));
static cl::opt<int64_t>
    columns("columns", cl::value_desc("N"), cl::cat(category),
            cl::desc("Columns of the array; default as for --rows"));
static cl::opt<std::string>
    sparsity("sparsity", cl::value_desc("N:M"), cl::cat(category),
             cl::desc("scalesim: N of M weights are kept, in all layers"));
static cl::opt<int64_t>
    sparseBlock("sparse-block", cl::value_desc("B"), cl::init(0),
                cl::cat(category),
                cl::desc("scalesim, ws: row-wise sparsity in blocks of B, at "
                         "most half kept (its OptimizedMapping)"));
static cl::opt<std::string>
    chip("chip", cl::init("jssc17"), cl::cat(category),
         cl::value_desc("jssc17|isca16"),
         cl::desc("eyeriss: 12x14, 108 kB, pJ (default), or 16x16, 128 kB, "
                  "energy in operations"));
static cl::opt<std::string>
    mapping("mapping", cl::value_desc("FILE"), cl::cat(category),
            cl::desc("maestro: directives, as inside its Dataflow { ... }"));
static cl::opt<int64_t>
    units("units", cl::value_desc("N"), cl::init(256), cl::cat(category),
          cl::desc("maestro: processing elements; default 256"));
static cl::opt<int64_t>
    bandwidth("bandwidth", cl::value_desc("N"), cl::init(64), cl::cat(category),
              cl::desc("maestro: elements per cycle, each way; default 64"));
static cl::opt<int64_t>
    hopCycles("hop-cycles", cl::value_desc("N"), cl::init(1), cl::cat(category),
              cl::desc("maestro: until the first element comes; default 1"));
static cl::opt<int64_t>
    vectorWidth("vector-width", cl::value_desc("N"), cl::init(1),
                cl::cat(category),
                cl::desc("maestro: multiply-accumulates per element and cycle; "
                         "default 1"));
static cl::opt<int64_t>
    batch("batch", cl::value_desc("N"), cl::init(1), cl::cat(category),
          cl::desc("Images, not for gemmini: multiplies every batch"));
static cl::opt<std::string>
    rounding("output-size", cl::value_desc("floor|ceil"), cl::cat(category),
             cl::desc("How outputs are counted where the stride leaves a rest; "
                      "default ceil for scalesim, as it does, else floor"));
static cl::list<std::string>
    reports("report", cl::value_desc("FILE"), cl::cat(category),
            cl::desc("Write .json, .csv or .md, or - for the table; may be "
                     "repeated. Default: the table"));

static cl::extrahelp examples(R"(
Examples:

  printf 'Layer, M, N, K,\nfc, 256, 128, 256,\n' > fc.csv
  acc-cost fc.csv --model=scalesim --dataflow=os --rows=32 --columns=32
  acc-cost fc.csv --model=stonne --rows=16 --columns=16 --report=fc.json

  A file for convolutions begins with
    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width,
    Channels, Num Filter, Strides,
  in one line, as SCALE-Sim's files do, so padding is part of the input. More
  columns may be given: Batch, Groups, Stride Height, Stride Width, Padding,
  Pad Top, Pad Left, Pad Bottom, Pad Right, Dilation, Sparsity.

  A file for --model=gemmini has columns N, C, K, P, Q, R, S and, if wanted,
  Wstride, Hstride, Wdilation, row and mapping (Timeloop's, as DOSA writes it):
    N,C,K,P,Q,R,S,mapping
    1,128,64,128,1,1,1,L3[WIO] K2 - L2[WI] N1 K16X - L1[O] K2 C8 P16 C16X - L0[W] P8

  A file for --mapping says what each processing element holds of a layer:
    SpatialMap(1,1) K; TemporalMap(64,64) C; TemporalMap(Sz(R),1) Y;
    TemporalMap(Sz(S),1) X; Cluster(64, P); SpatialMap(1,1) C;

  A file for --model=zigzag is JSON: a machine, its memories and ports, and the
  mapping of each layer; accopt/Formulas/OperandFile.h has its keys.

Exit status: 0 success, 1 the input is refused, 2 wrong usage.
)");

/// Fails where an option is given that the model does not have.
static llvm::Error checkOptions() {
  const std::tuple<const cl::Option *, std::vector<Model>> owners[] = {
      {&dataflow, {Model::ScaleSim}},
      {&sparsity, {Model::ScaleSim}},
      {&sparseBlock, {Model::ScaleSim}},
      {&chip, {Model::Eyeriss}},
      {&rows, {Model::ScaleSim, Model::Stonne, Model::Eyeriss}},
      {&columns, {Model::ScaleSim, Model::Stonne, Model::Eyeriss}},
      {&batch, {Model::ScaleSim, Model::Stonne, Model::Eyeriss}},
      {&rounding, {Model::ScaleSim, Model::Stonne, Model::Eyeriss}},
      {&mapping, {Model::Maestro}},
      {&units, {Model::Maestro}},
      {&bandwidth, {Model::Maestro}},
      {&hopCycles, {Model::Maestro}},
      {&vectorWidth, {Model::Maestro}}};
  for (const auto &[option, models] : owners)
    if (option->getNumOccurrences() && !llvm::is_contained(models, model))
      return accopt::makeFileError(("--" + option->ArgStr).str(),
                                   "expected a model that has this option, see "
                                   "--help");
  return llvm::Error::success();
}

/// Options whose values the library does not check. The error is a usage error.
static llvm::Expected<EvaluateOptions> collectOptions() {
  auto fail = [](llvm::StringRef option, const llvm::Twine &message) {
    return accopt::makeFileError(option, message);
  };
  if (llvm::Error error = checkOptions())
    return std::move(error);
  for (const auto *count : {&rows, &columns, &batch, &sparseBlock, &units,
                            &bandwidth, &hopCycles, &vectorWidth})
    if (count->getNumOccurrences() && (*count < 1 || *count > maxExtent))
      return fail(("--" + count->ArgStr).str(),
                  *count < 1 ? "expected 1 or more, got " +
                                   std::to_string(count->getValue())
                             : "expected at most 2147483647, got " +
                                   std::to_string(count->getValue()));
  if (model == Model::Maestro && mapping.empty())
    return fail("--mapping", "expected a file with directives for "
                             "--model=maestro, got none");
  EvaluateOptions options;
  options.model = model;
  options.dataflow = dataflow;
  if (rows.getNumOccurrences())
    options.rows = rows;
  if (columns.getNumOccurrences())
    options.columns = columns;
  options.sparseBlock = sparseBlock;
  options.batch = batch;
  options.mapping = mapping;
  options.maestro = {units, bandwidth, hopCycles, vectorWidth};
  if (sparsity.getNumOccurrences())
    if (llvm::Error error =
            parseSparsity(sparsity).moveInto(options.sparsity.emplace()))
      return fail("--sparsity", llvm::toString(std::move(error)));
  if (chip == "isca16")
    options.chip = EyerissChip::isca16();
  else if (chip != "jssc17")
    return fail("--chip", "expected jssc17 or isca16, got '" + chip + "'");
  if (rounding == "ceil")
    options.rounding = Rounding::Up;
  else if (rounding == "floor")
    options.rounding = Rounding::Down;
  else if (rounding.getNumOccurrences())
    return fail("--output-size",
                "expected floor or ceil, got '" + rounding + "'");
  return options;
}

static llvm::Error run(const EvaluateOptions &options) {
  llvm::Expected<FormulaReport> report = evaluate(input, options);
  if (!report)
    return report.takeError();
  if (llvm::Error error = report->checkTotals())
    return accopt::makeFileError(input, llvm::toString(std::move(error)));
  if (reports.empty())
    return writeReport(*report, "-");
  for (const std::string &path : reports)
    if (llvm::Error error = writeReport(*report, path))
      return error;
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "acc-cost (AccOpt) " << ACCOPT_VERSION << "\n";
  });
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Published cost models over a list of layers\n",
          &llvm::errs()))
    return 2;
  llvm::Expected<EvaluateOptions> options = collectOptions();
  if (!options) {
    accopt::printError(options.takeError());
    return 2;
  }
  if (llvm::Error error = run(*options)) {
    accopt::printError(std::move(error));
    return 1;
  }
  return 0;
}
