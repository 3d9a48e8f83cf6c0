//===- FuzzDataflow.cpp - Fuzzer of the reader of directives --------------===//
//
// Directives that are read cost something on every layer that takes them, in
// counts that fit 64 bits, which UBSan watches.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Formulas/Maestro.h"

using namespace accopt;
using namespace accopt::formulas;
using llvm::StringRef;

static ConvShape conv(int64_t filters, int64_t channels, int64_t kernel,
                      int64_t input, int64_t stride, int64_t groups) {
  ConvShape shape;
  shape.outputChannels = filters;
  shape.inputChannels = channels;
  shape.kernelHeight = shape.kernelWidth = kernel;
  shape.inputHeight = shape.inputWidth = input;
  shape.strideHeight = shape.strideWidth = stride;
  shape.groups = groups;
  return shape;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<std::vector<MaestroDirective>> dataflow =
      parseMaestroDataflow(text, "fuzzed.txt");
  if (!fuzz::get(dataflow))
    return 0;
  const ConvShape shapes[] = {
      conv(64, 3, 7, 224, 2, 1), conv(96, 96, 1, 56, 3, 1),
      conv(384, 384, 3, 14, 1, 384), conv(maxExtent, 4, 1, 1, 1, 1)};
  const MaestroMachine machines[] = {{256, 1024, 1, 9}, {7, 3, 5, 2}};
  for (const ConvShape &shape : shapes)
    for (const MaestroMachine &machine : machines) {
      llvm::Expected<MaestroCost> cost = maestroCost(shape, *dataflow, machine);
      if (fuzz::get(cost))
        fuzz::demand(cost->cycles >= 0 && cost->activeUnits >= 0,
                     "expected no negative cost");
    }
  return 0;
}
