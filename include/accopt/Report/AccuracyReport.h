//===- AccuracyReport.h - What quantization costs in accuracy ---*- C++ -*-===//
//
// Part of AccOpt. The float network beside the integers that the machine
// computes, tensor by tensor, over samples. docs/Design/Quantization.md says
// how to read it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_ACCURACYREPORT_H
#define ACCOPT_REPORT_ACCURACYREPORT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt {

/// Sums over the elements of a tensor x, in float, and of what stands for it.
struct ErrorSums {
  uint64_t count = 0;
  double signal = 0;   ///< of x^2
  double other = 0;    ///< of y^2
  double product = 0;  ///< of x y
  double noise = 0;    ///< of (x - y)^2
  double largest = 0;  ///< of |x - y|
  double clipped = 0;  ///< of (x - q(x))^2 where q clips x
  double rounding = 0; ///< the same elsewhere

  /// Counts the elements of x and y; not what a quantizer does of its own.
  void add(llvm::ArrayRef<float> x, llvm::ArrayRef<float> y);

  /// 10 log10(signal / noise) in dB; 200 where there is no noise.
  double sqnr() const;
  /// The same for the tensor's own quantizer on the float values.
  double ownSqnr() const;
  /// x y / (|x| |y|); 1 if both are zero.
  double cosine() const;
};

/// Rows of scores, and how many have their largest one at the same place.
struct Decisions {
  uint64_t rows = 0, same = 0;
};
/// Of two outputs of `shape`. Scores stand in the last dimension of a matrix,
/// or of a sequence of rows; other shapes have no rows.
Decisions compareDecisions(llvm::ArrayRef<float> expected,
                           llvm::ArrayRef<float> got,
                           llvm::ArrayRef<int64_t> shape);

struct TensorAccuracy {
  std::string name;
  ErrorSums error;
  /// Largest magnitude over the channels (axis 1): of the median channel, of
  /// all.
  double medianChannel = 0, largestChannel = 0;
  std::vector<size_t> inputs; ///< tensors of the report that it was made from
  bool isOutput = false;
  /// Of an output with one row of scores per sample: rows whose largest score
  /// is at the same place.
  uint64_t rows = 0, sameDecision = 0;
};

struct AccuracyReport {
  std::string model;
  uint64_t samples = 0;
  std::vector<TensorAccuracy> tensors; ///< in program order

  /// The first tensor with an SQNR below 30 dB that is 6 dB or more below those
  /// of its inputs: most of its noise is its own. None is the number of
  /// tensors.
  size_t firstFall() const;
  /// Why tensor `index` has the noise that it has, in a few words.
  std::string reason(size_t index) const;
};

void printAccuracy(const AccuracyReport &report, llvm::raw_ostream &os);
/// As JSON, schema "accopt.accuracy".
void writeAccuracyJson(const AccuracyReport &report, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_REPORT_ACCURACYREPORT_H
