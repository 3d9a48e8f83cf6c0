//===- CorrectBiases.cpp - Undo the shift that rounding makes -------------===//
//
// Part of AccOpt. See ChannelStatistics.h.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/ChannelStatistics.h"

#include "ConstantData.h"
#include "LinearOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace accopt {

/// For each tap of a window the share of the outputs for which it reads the
/// image; elsewhere it reads zeros. One for a gemm.
static std::vector<double> insideShares(LinearOp op, int64_t taps) {
  auto conv = dyn_cast<nn::ConvOp>(op.getOperation());
  if (!conv)
    return std::vector<double>(taps, 1);
  ArrayRef<int64_t> in =
      cast<RankedTensorType>(op.getInput().getType()).getShape();
  ArrayRef<int64_t> out =
      cast<RankedTensorType>(op.getResult().getType()).getShape();
  ArrayRef<int64_t> kernel =
      cast<RankedTensorType>(op.getWeights().getType()).getShape();
  std::vector<double> shares(1, 1);
  for (size_t d = 0; d + 2 < kernel.size(); ++d) {
    std::vector<double> next;
    for (double share : shares)
      for (int64_t tap = 0; tap < kernel[d + 2]; ++tap) {
        int64_t inside = 0;
        for (int64_t position = 0; position < out[d + 2]; ++position) {
          int64_t at = position * conv.getStrides()[d] +
                       tap * conv.getDilations()[d] - conv.getPads()[d];
          inside += at >= 0 && at < in[d + 2];
        }
        next.push_back(share * double(inside) / double(out[d + 2]));
      }
    shares = std::move(next);
  }
  return shares;
}

/// What rounding takes from each output's mean.
static std::vector<double> lostMeans(LinearOp op, const WeightQuantizer &rule,
                                     const ChannelStatistics &input) {
  auto type = cast<RankedTensorType>(op.getWeights().getType());
  int64_t outputs = type.getDimSize(0), perGroup = type.getDimSize(1);
  int64_t taps = type.getNumElements() / (outputs * perGroup);
  auto conv = dyn_cast<nn::ConvOp>(op.getOperation());
  int64_t groupOutputs = outputs / (conv ? conv.getGroups() : 1);
  IntegerRange integers = weightIntegers(rule.bits);
  ConstantFloats weights = *ConstantFloats::get(op.getWeights());
  std::vector<double> shares = insideShares(op, taps);
  std::vector<double> lost(outputs, 0);
  std::vector<float> scratch;
  for (int64_t m = 0; m < outputs; ++m) {
    double scale = rule.scales[m];
    auto row = weights.slice(m * perGroup * taps, perGroup * taps, scratch);
    for (int64_t c = 0; c < perGroup; ++c) {
      double mean = input.mean((m / groupOutputs) * perGroup + c);
      for (auto [w, share] :
           llvm::zip_equal(row.slice(c * taps, taps), shares)) {
        double q =
            std::clamp<double>(std::nearbyint(w / scale), double(integers.min),
                               double(integers.max));
        lost[m] += (w - q * scale) * mean * share;
      }
    }
  }
  return lost;
}

unsigned correctBiases(func::FuncOp function, const ChannelTable &channels,
                       const QuantizationPlan &plan) {
  auto names = nameValues(function);
  unsigned corrected = 0;
  function.walk([&](Operation *op) {
    std::optional<LinearOp> linear = LinearOp::get(op);
    if (!linear || !isFloatConstant(linear->getWeights()) ||
        (linear->getBias() && !isFloatConstant(linear->getBias())))
      return;
    const WeightQuantizer *rule =
        plan.findWeights(names.lookup(linear->getResult()));
    auto input = channels.find(names.lookup(linear->getInput()));
    auto type = cast<RankedTensorType>(linear->getWeights().getType());
    auto conv = dyn_cast<nn::ConvOp>(op);
    size_t count = size_t(type.getDimSize(1) * (conv ? conv.getGroups() : 1));
    if (!rule || int64_t(rule->scales.size()) != type.getDimSize(0) ||
        input == channels.end() || input->second.largest.size() != count)
      return;
    linear->applyAffine({}, lostMeans(*linear, *rule, input->second));
    ++corrected;
  });
  eraseDeadConstants(function);
  return corrected;
}

} // namespace accopt
