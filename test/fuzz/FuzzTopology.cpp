//===- FuzzTopology.cpp - Fuzzer of the reader of topology files ----------===//
//
// What is read must be within the limits that the formulas rely on: their sums
// and products then fit 64 bits, which UBSan watches.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Formulas/ScaleSim.h"
#include "accopt/Formulas/TopologyFile.h"

using namespace accopt;
using namespace accopt::formulas;
using llvm::StringRef;

static void check(const Layer &layer) {
  GemmShape gemm = layer.gemm();
  fuzz::demand(gemm.macs() >= 1 && gemm.macs() <= maxMacs,
               "expected 1 to 2^53 multiply-accumulates");
  ArrayShape array{32, 32};
  for (Dataflow dataflow :
       {Dataflow::WeightStationary, Dataflow::OutputStationary,
        Dataflow::InputStationary}) {
    ScaleSimCost cost = scaleSimCost(gemm, array, dataflow);
    fuzz::demand(cost.cycles > 0, "expected a cycle or more");
  }
  if (layer.sparsity)
    fuzz::demand(sparseReduction(gemm.k, *layer.sparsity) <= gemm.k,
                 "a sparse reduction longer than the dense one");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  for (Rounding rounding : {Rounding::Down, Rounding::Up}) {
    llvm::Expected<std::vector<Layer>> layers =
        parseTopology(text, "fuzzed.csv", rounding);
    if (fuzz::get(layers))
      for (const Layer &layer : *layers)
        check(layer);
  }
  return 0;
}
