//===- MaestroReport.cpp - Table of MAESTRO's model -----------------------===//

#include "Models.h"

#include "accopt/Formulas/Maestro.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

/// A product is a convolution of one pixel for each of its rows.
static ConvShape convOf(const Layer &layer) {
  if (const ConvShape *conv = layer.conv())
    return *conv;
  GemmShape gemm = layer.gemm();
  ConvShape conv;
  conv.inputHeight = gemm.m;
  conv.inputChannels = gemm.k * gemm.groups;
  conv.outputChannels = gemm.n * gemm.groups;
  conv.groups = gemm.groups;
  return conv;
}

Expected<FormulaReport>
accopt::formulas::reportMaestro(ArrayRef<Layer> layers, StringRef path,
                                const EvaluateOptions &options) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> text =
      MemoryBuffer::getFile(options.mapping, /*IsText=*/true);
  if (!text)
    return makeFileError(options.mapping,
                         "cannot read: " + text.getError().message());
  Expected<std::vector<MaestroDirective>> dataflow =
      parseMaestroDataflow((*text)->getBuffer(), options.mapping);
  if (!dataflow)
    return dataflow.takeError();

  FormulaReport report;
  report.model = "maestro";
  report.parameters = {{"mapping", options.mapping},
                       {"units", options.maestro.units},
                       {"bandwidth", options.maestro.bandwidth},
                       {"hop_cycles", options.maestro.hopCycles},
                       {"vector_width", options.maestro.vectorWidth}};
  report.columns = {{"macs", "MACs", 0, true},
                    {"cycles", "cycles", 0, true},
                    {"weight_reads", "weight reads", 0, true},
                    {"input_reads", "input reads", 0, true},
                    {"output_writes", "output writes", 0, true},
                    {"active_units", "active units", 1}};
  for (const Layer &layer : layers) {
    Expected<MaestroCost> cost =
        maestroCost(convOf(layer), *dataflow, options.maestro);
    if (!cost)
      return makeFileError((path + ": layer '" + layer.name + "'").str(),
                           toString(cost.takeError()));
    report.rows.push_back(
        {layer.name,
         {cost->macs, cost->cycles, cost->weightReads, cost->inputReads,
          cost->outputWrites, cost->activeUnits}});
  }
  report.notes = {"MACs and reads as the model counts them: elements that the "
                  "shared buffer sends, equal\nones once."};
  return report;
}
