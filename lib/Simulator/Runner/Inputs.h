//===- Inputs.h - Arrays for a program's inputs -----------------*- C++ -*-===//

#ifndef ACCOPT_LIB_SIMULATOR_RUNNER_INPUTS_H
#define ACCOPT_LIB_SIMULATOR_RUNNER_INPUTS_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Simulator/Runner.h"

#include "llvm/Support/Error.h"

#include <random>

namespace accopt {

/// Elements of one input, in the model's order, for all inferences: quantized
/// ones, or the bytes of another type.
struct InputData {
  const TensorInfo *tensor = nullptr;
  std::vector<int8_t> values;
};

struct InputSet {
  std::vector<InputData> inputs; ///< one for each input of the program
  size_t inferences = 1;
};

/// Reads, matches and quantizes `options.inputs`; without any, random int8
/// values from `options.seed`. An array's leading dimension is the model's
/// batch or a multiple of it, the same multiple for all.
llvm::Expected<InputSet> readInputs(const Program &program,
                                    const RunnerOptions &options);

/// The one-dimensional array of integers in `path`.
llvm::Expected<std::vector<int64_t>> readLabels(const std::string &path);

/// Elements of a tensor, and their bytes, one to an element of int8.
size_t elementCount(const TensorInfo &tensor);
size_t byteCount(const TensorInfo &tensor);

/// One inference's values: all of int8, floats in [-1, 1), integers 0 and 1.
std::vector<int8_t> randomValues(const TensorInfo &tensor,
                                 std::mt19937_64 &generator);

} // namespace accopt

#endif // ACCOPT_LIB_SIMULATOR_RUNNER_INPUTS_H
