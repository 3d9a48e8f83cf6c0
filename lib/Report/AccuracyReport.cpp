//===- AccuracyReport.cpp - What quantization costs in accuracy -----------===//

#include "accopt/Report/AccuracyReport.h"

#include "Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <cmath>

using namespace accopt;

namespace {

constexpr double kNoNoise = 200;
/// A tensor below it may be worth a look; most networks keep their decisions
/// above.
constexpr double kLowSqnr = 30;
/// A fall of 6 dB: three quarters of the noise are new.
constexpr double kFall = 6;

double decibels(double signal, double noise) {
  if (noise <= 0)
    return kNoNoise;
  if (signal <= 0)
    return -kNoNoise;
  return std::clamp(10 * std::log10(signal / noise), -kNoNoise, kNoNoise);
}

std::string printDecibels(double value) {
  return value >= kNoNoise ? "exact" : llvm::formatv("{0:F1}", value).str();
}

/// The least SQNR of what a tensor was made from.
double inputSqnr(const AccuracyReport &report, const TensorAccuracy &tensor) {
  double least = kNoNoise;
  for (size_t input : tensor.inputs)
    least = std::min(least, report.tensors[input].error.sqnr());
  return least;
}

} // namespace

void ErrorSums::add(llvm::ArrayRef<float> xs, llvm::ArrayRef<float> ys) {
  for (auto [x, y] : llvm::zip_equal(xs, ys)) {
    double difference = double(x) - y;
    signal += double(x) * x;
    other += double(y) * y;
    product += double(x) * y;
    noise += difference * difference;
    largest = std::max(largest, std::abs(difference));
  }
  count += xs.size();
}

double ErrorSums::sqnr() const { return decibels(signal, noise); }
double ErrorSums::ownSqnr() const {
  return decibels(signal, clipped + rounding);
}
double ErrorSums::cosine() const {
  if (signal <= 0 || other <= 0)
    return signal == other ? 1 : 0;
  return product / std::sqrt(signal * other);
}

Decisions accopt::compareDecisions(llvm::ArrayRef<float> expected,
                                   llvm::ArrayRef<float> got,
                                   llvm::ArrayRef<int64_t> shape) {
  Decisions decisions;
  if (shape.size() < 2 || shape.size() > 3 || shape.back() < 2)
    return decisions;
  auto best = [&](llvm::ArrayRef<float> all) {
    llvm::ArrayRef<float> scores =
        all.slice(decisions.rows * shape.back(), shape.back());
    return std::max_element(scores.begin(), scores.end()) - scores.begin();
  };
  uint64_t rows = expected.size() / shape.back();
  for (; decisions.rows < rows; ++decisions.rows)
    decisions.same += best(expected) == best(got);
  return decisions;
}

size_t AccuracyReport::firstFall() const {
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    double sqnr = tensor.error.sqnr();
    if (sqnr < kLowSqnr && sqnr <= inputSqnr(*this, tensor) - kFall)
      return index;
  }
  return tensors.size();
}

std::string AccuracyReport::reason(size_t index) const {
  const TensorAccuracy &tensor = tensors[index];
  const ErrorSums &error = tensor.error;
  double own = error.clipped + error.rounding;
  // Its own rounding explains half of what is there.
  if (2 * own >= error.noise && own > 0) {
    if (error.clipped > error.rounding)
      return llvm::formatv("its range clips: {0:F0} % of its noise is values "
                           "beyond the range; calibrate on more data or with "
                           "--calibration-method=minmax",
                           100 * error.clipped / own)
          .str();
    double spread = tensor.medianChannel > 0
                        ? tensor.largestChannel / tensor.medianChannel
                        : 1;
    if (spread >= 4)
      return llvm::formatv("its channels differ: the largest reaches {0:F1} "
                           "times as far as the median one, and all have one "
                           "step; --equalize levels them",
                           spread)
          .str();
    return "256 steps are few for its range: give it more "
           "(--activation-bits=NODE=16) or train with quantizers (acc-tune)";
  }
  double inputs = inputSqnr(*this, tensor);
  if (error.sqnr() > inputs - 3)
    return llvm::formatv("it inherits its noise: its inputs have {0:F1} dB",
                         inputs)
        .str();
  return llvm::formatv("its weights' steps (finer with --weight-bits=NODE=12), "
                       "or its inputs' noise ({0:F1} dB) made larger than its "
                       "signal is: where weights cancel what the inputs have "
                       "in common",
                       inputs)
      .str();
}

void accopt::printAccuracy(const AccuracyReport &report,
                           llvm::raw_ostream &os) {
  os << report.model << ": float against int8 over "
     << countOf(report.samples, "sample") << '\n';
  TextTable table({{"tensor", false, 40},
                   {"SQNR dB", true},
                   {"own dB", true},
                   {"cosine", true},
                   {"max error", true},
                   {"clipped", true}});
  for (const TensorAccuracy &tensor : report.tensors) {
    const ErrorSums &e = tensor.error;
    double own = e.clipped + e.rounding;
    table.addRow(
        {tensor.name, printDecibels(e.sqnr()), printDecibels(e.ownSqnr()),
         llvm::formatv("{0:F6}", e.cosine()).str(),
         llvm::formatv("{0:G}", float(e.largest)).str(),
         own > 0 ? llvm::formatv("{0:F0} %", 100 * e.clipped / own).str()
                 : ""});
  }
  table.print(os);
  os << "SQNR: signal to quantization noise; own: if only this tensor were "
        "quantized;\nclipped: share of its own noise\n";
  for (const TensorAccuracy &tensor : report.tensors)
    if (tensor.rows)
      os << "output " << tensor.name << ": same decision in "
         << tensor.sameDecision << " of " << tensor.rows << " rows\n";
  size_t fall = report.firstFall();
  if (fall == report.tensors.size()) {
    os << "no tensor falls off\n";
    return;
  }
  os << "first to fall off: " << report.tensors[fall].name << " ("
     << printDecibels(report.tensors[fall].error.sqnr()) << " dB):\n    "
     << report.reason(fall) << '\n';
}

void accopt::writeAccuracyJson(const AccuracyReport &report,
                               llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  json.object([&] {
    json.attribute("schema", "accopt.accuracy");
    json.attribute("version", 1);
    json.attribute("model", llvm::json::fixUTF8(report.model));
    json.attribute("samples", int64_t(report.samples));
    size_t fall = report.firstFall();
    if (fall < report.tensors.size()) {
      json.attribute("first_fall",
                     llvm::json::fixUTF8(report.tensors[fall].name));
      json.attribute("reason", report.reason(fall));
    }
    json.attributeArray("tensors", [&] {
      for (auto [index, tensor] : llvm::enumerate(report.tensors))
        json.object([&, &tensor = tensor, index = index] {
          const ErrorSums &e = tensor.error;
          json.attribute("name", llvm::json::fixUTF8(tensor.name));
          json.attribute("elements", int64_t(e.count));
          json.attribute("sqnr_db", e.sqnr());
          json.attribute("own_sqnr_db", e.ownSqnr());
          json.attribute("cosine", e.cosine());
          json.attribute("max_error", e.largest);
          double own = e.clipped + e.rounding;
          json.attribute("clipped_share", own > 0 ? e.clipped / own : 0);
          json.attribute("reason", report.reason(index));
          json.attribute("is_output", tensor.isOutput);
          if (tensor.rows) {
            json.attribute("rows", int64_t(tensor.rows));
            json.attribute("same_decision", int64_t(tensor.sameDecision));
          }
        });
    });
  });
  os << '\n';
}
