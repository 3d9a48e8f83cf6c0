//===- Evaluate.cpp - A published model over a list of layers -------------===//

#include "accopt/Formulas/Evaluate.h"

#include "Models.h"

#include "accopt/Formulas/GemminiReport.h"
#include "accopt/Formulas/TopologyFile.h"
#include "accopt/Support/Diagnostics.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

/// Multiplies the images of every layer.
static Error enlarge(std::vector<Layer> &layers, int64_t batch,
                     StringRef path) {
  if (batch < 1 || batch > 65536)
    return makeFileError("--batch", "expected an integer in [1, 65536], got " +
                                        Twine(batch));
  for (Layer &layer : layers) {
    Error error = Error::success();
    if (ConvShape *conv = std::get_if<ConvShape>(&layer.shape)) {
      conv->batch *= batch;
      error = joinErrors(std::move(error), check(*conv));
    } else {
      GemmShape &gemm = std::get<GemmShape>(layer.shape);
      gemm.m *= batch;
      error = joinErrors(std::move(error), check(gemm));
    }
    if (error)
      return makeFileError((path + ": layer '" + layer.name + "'").str(),
                           toString(std::move(error)));
  }
  return Error::success();
}

static Error checkSparsity(const EvaluateOptions &options,
                           const ArrayShape &array) {
  if (!options.sparseBlock)
    return Error::success();
  if (options.sparsity || options.dataflow != Dataflow::WeightStationary)
    return makeFileError("--sparse-block",
                         "expected --dataflow=ws and no --sparsity with it");
  if (options.sparseBlock < 2 || options.sparseBlock % 2 ||
      options.sparseBlock > array.rows)
    return makeFileError("--sparse-block", "expected an even number in [2, " +
                                               Twine(array.rows) +
                                               "], the array's rows, got " +
                                               Twine(options.sparseBlock));
  return Error::success();
}

Expected<FormulaReport>
accopt::formulas::evaluate(StringRef path, const EvaluateOptions &options) {
  if (options.model == Model::Gemmini)
    return evaluateGemmini(path);
  if (options.model == Model::ZigZag)
    return reportOperandNests(path);
  const bool isEyeriss = options.model == Model::Eyeriss;
  EyerissChip chip = options.chip;
  ArrayShape array;
  if (isEyeriss)
    array = {chip.rows, chip.columns};
  array.rows = options.rows.value_or(array.rows);
  array.columns = options.columns.value_or(array.columns);
  chip.rows = array.rows;
  chip.columns = array.columns;
  if (Error error = check(array))
    return std::move(error);
  if (Error error = checkSparsity(options, array))
    return std::move(error);

  Rounding rounding = options.rounding.value_or(
      options.model == Model::ScaleSim ? Rounding::Up : Rounding::Down);
  Expected<std::vector<Layer>> layers = readTopology(path, rounding);
  if (!layers)
    return layers.takeError();
  if (Error error = enlarge(*layers, options.batch, path))
    return std::move(error);

  switch (options.model) {
  case Model::ScaleSim:
    return reportScaleSim(*layers, array, options);
  case Model::Stonne:
    return reportStonne(*layers, array);
  case Model::Maestro:
    return reportMaestro(*layers, path, options);
  case Model::Eyeriss:
  case Model::Gemmini:
  case Model::ZigZag:
    break;
  }
  Expected<FormulaReport> report = reportEyeriss(*layers, chip, options.batch);
  if (!report)
    return makeFileError(path, toString(report.takeError()));
  return report;
}
