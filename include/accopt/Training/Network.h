//===- Network.h - An nn function that LibTorch runs ------------*- C++ -*-===//
//
// Part of AccOpt. Forward and backward of any float nn function, with the
// parameters of its constants, and with quantizers where a plan puts them. No
// type of torch is visible here.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRAINING_NETWORK_H
#define ACCOPT_TRAINING_NETWORK_H

#include "accopt/Data/Dataset.h"
#include "accopt/Transforms/QuantizationPlan.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt::training {

struct NetworkOptions {
  std::string device = "cpu"; ///< or "cuda"
};

/// How a quantized network computes.
enum class Mode {
  Float, ///< without quantizers
  /// Weights, biases and activations rounded, in float arithmetic; what
  /// training sees.
  FakeQuantized,
  /// The integer contract of docs/Design/Quantization.md: the integers that the
  /// binary computes, bit for bit.
  Integer
};

/// One output for a number of samples, row-major, batch first.
struct Output {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// Results over a data set.
struct Evaluation {
  double loss = 0; ///< cross-entropy or mean squared error, per sample
  /// Share of right decisions (largest logit), or nothing for regression.
  double accuracy = 0;
  int64_t samples = 0;
  std::vector<int32_t> decisions; ///< per sample; empty for regression
};

class Network {
public:
  ~Network();

  /// Reads `function`, which is not kept. Every op that the importer makes is
  /// supported on float tensors; another one is an error with the node's name.
  /// A leading dimension of the argument is the batch where all ops keep it
  /// (most networks); otherwise samples are run one by one.
  static llvm::Expected<std::unique_ptr<Network>>
  create(mlir::func::FuncOp function, const NetworkOptions &options = {});

  /// Number of values that training may change.
  int64_t parameterCount() const;

  /// Puts quantizers in (after the float pipeline only). The scales become
  /// parameters that training learns.
  llvm::Error setPlan(const QuantizationPlan &plan);
  /// The plan with the scales as they are now; scales exact in f32.
  QuantizationPlan plan() const;

  /// Runs `count` samples of one input each through the first argument (the
  /// functions that acc-tune takes have one).
  llvm::Expected<Output> run(llvm::ArrayRef<float> inputs, int64_t count,
                             Mode mode = Mode::Float);
  /// The same for every argument and every result. Samples come in the batch of
  /// each argument: n samples of a model with batch b are n / b times its own
  /// arguments, one after another. A result whose dimension 0 is not the batch
  /// gets a dimension in front, unless `count` is the model's batch.
  llvm::Expected<std::vector<Output>>
  runAll(llvm::ArrayRef<llvm::ArrayRef<float>> inputs, int64_t count,
         Mode mode = Mode::Float);
  /// Over a whole data set; deterministic. The loss of a network that ends in a
  /// softmax is taken on what goes into it.
  llvm::Expected<Evaluation> evaluate(const Dataset &data,
                                      Mode mode = Mode::Float);

  /// Smallest and largest value of each activation over the data, by the names
  /// of nameValues(): the ranges that calibration finds.
  llvm::Expected<RangeTable> collectRanges(const Dataset &data,
                                           int64_t maxSamples,
                                           llvm::StringRef method = "minmax");

  /// Recomputes mean and variance of every batch norm over the data, one layer
  /// seeing what the layers before give with their new statistics.
  llvm::Error estimateBatchNorm(const Dataset &data);

  /// Importance of every channel (dimension 1) of each activation named, in
  /// the order of the names: first-order Taylor, mean over samples of
  /// (sum over space of activation x gradient of the loss)^2 (Molchanov et al.,
  /// CVPR 2019, eq. 8 on gates); or the mean of |activation|.
  enum class Importance { Taylor, Activation };
  llvm::Expected<std::vector<std::vector<double>>>
  channelImportance(llvm::ArrayRef<std::string> values, Importance kind,
                    const Dataset &data, int64_t maxSamples);

  /// Trace of the loss's Hessian over the weights of each layer named (by its
  /// result), divided by their number; Hutchinson's estimate with Rademacher
  /// vectors (HAWQ-V2, arXiv 1911.03852, eq. 9).
  llvm::Expected<std::vector<double>>
  hessianTraces(llvm::ArrayRef<std::string> layers, const Dataset &data,
                int64_t maxSamples, unsigned vectors, uint64_t seed);

  /// Writes the float parameters into the constants of `function`, which must
  /// be the one that the network was made from, or a clone of it.
  llvm::Error store(mlir::func::FuncOp function) const;

  /// All parameters and statistics as bytes, and back.
  std::string saveState() const;
  llvm::Error loadState(llvm::StringRef state);

  struct Impl;
  Impl &getImpl() { return *impl; }

private:
  explicit Network(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace accopt::training

#endif // ACCOPT_TRAINING_NETWORK_H
