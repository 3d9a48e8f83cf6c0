//===- Compare.cpp - Float against integers, tensor by tensor -------------===//
//
// Part of AccOpt. A tensor of the layers is found in the float network by its
// location: what a chain of fused ops computes last is what its tensor holds.
//
//===----------------------------------------------------------------------===//

#include "Compare.h"

#include "LayerRunner.h"
#include "Samples.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Simulator/TensorLayout.h"
#include "accopt/Transforms/Ranges.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace accopt {
namespace {

void collectNames(Location location, llvm::SetVector<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(location))
    names.insert(name.getName().getValue());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location inner : fused.getLocations())
      collectNames(inner, names);
}

class Comparison {
public:
  Comparison(func::FuncOp function, const LayerRunner &runner,
             func::FuncOp layers)
      : function(function), runner(runner), layers(layers) {}

  void matchTensors();
  void observeFloat(Value value, llvm::ArrayRef<float> values);
  void observeIntegers(llvm::ArrayRef<Tensor> results);

  AccuracyReport report;

private:
  /// One tensor of the report.
  struct Entry {
    TensorInfo info;
    size_t result = 0; ///< of the layers' run
    std::vector<float> values;
  };

  void addEntry(Value value, const TensorInfo &info, size_t result);
  void findInputs(Value value, llvm::SetVector<size_t> &inputs) const;

  func::FuncOp function;
  const LayerRunner &runner;
  func::FuncOp layers;
  std::vector<Entry> entries;
  llvm::DenseMap<Value, size_t> entryOf; ///< by value of the float network
};

void Comparison::addEntry(Value value, const TensorInfo &info, size_t result) {
  auto type = cast<RankedTensorType>(value.getType());
  if (entryOf.contains(value) || !type.getElementType().isF32() ||
      type.getShape() != llvm::ArrayRef(info.modelShape))
    return;
  entryOf[value] = entries.size();
  entries.push_back({info, result, {}});
  report.tensors.emplace_back().name = info.name;
}

/// The described values that `value` was made from.
void Comparison::findInputs(Value value,
                            llvm::SetVector<size_t> &inputs) const {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return;
  for (Value operand : op->getOperands()) {
    if (auto found = entryOf.find(operand); found != entryOf.end())
      inputs.insert(found->second);
    else
      findInputs(operand, inputs);
  }
}

void Comparison::matchTensors() {
  // The float network's values by the last node of their location.
  llvm::StringMap<SmallVector<Value>> byNode;
  function.walk([&](mlir::Operation *op) {
    llvm::SetVector<StringRef> names;
    collectNames(op->getLoc(), names);
    if (!names.empty() && op->getNumResults() == 1)
      byNode[names.back()].push_back(op->getResult(0));
  });
  auto floats =
      cast<func::ReturnOp>(function.getBody().front().getTerminator());
  auto integers =
      cast<func::ReturnOp>(layers.getBody().front().getTerminator());
  // Outputs last, but under their own names.
  llvm::DenseMap<Value, unsigned> outputs;
  for (auto [i, value] : llvm::enumerate(floats.getOperands()))
    outputs[value] = unsigned(i);
  for (auto [i, value] : llvm::enumerate(runner.described())) {
    llvm::SetVector<StringRef> names;
    collectNames(value.getLoc(), names);
    auto found = names.empty() ? byNode.end() : byNode.find(names.back());
    if (found == byNode.end())
      continue;
    TensorInfo info = readDescription(
        value,
        value.getDefiningOp()->getAttrOfType<DictionaryAttr>("accel.tensor"));
    for (Value candidate : found->second)
      if (!outputs.contains(candidate) && !entryOf.contains(candidate)) {
        addEntry(candidate, info, runner.outputs() + i);
        break;
      }
  }
  for (auto [i, value] : llvm::enumerate(floats.getOperands())) {
    size_t before = entries.size();
    addEntry(value,
             readDescription(integers.getOperand(i),
                             layers.getResultAttrDict(unsigned(i))),
             i);
    if (entries.size() > before)
      report.tensors.back().isOutput = true;
  }
  for (auto [value, index] : entryOf) {
    llvm::SetVector<size_t> inputs;
    findInputs(value, inputs);
    report.tensors[index].inputs.assign(inputs.begin(), inputs.end());
    llvm::sort(report.tensors[index].inputs);
  }
}

void Comparison::observeFloat(Value value, llvm::ArrayRef<float> values) {
  if (auto found = entryOf.find(value); found != entryOf.end())
    entries[found->second].values = values.vec();
}

/// What the tensor's own quantizer does to the float values.
void addOwnError(llvm::ArrayRef<float> values, const TensorInfo &info,
                 ErrorSums &sums) {
  int low = -(1 << (info.bits - 1)), high = -low - 1;
  for (float x : values) {
    int16_t nearest = quantizeValue(x, info);
    double own = x - double(dequantizeValue(nearest, info));
    bool clips = (nearest == low || nearest == high) &&
                 std::abs(own) > info.scale / 2 * 1.0001;
    (clips ? sums.clipped : sums.rounding) += own * own;
  }
}

void Comparison::observeIntegers(llvm::ArrayRef<Tensor> results) {
  for (auto [entry, tensor] : llvm::zip_equal(entries, report.tensors)) {
    const TensorInfo &info = entry.info;
    ErrorSums &e = tensor.error;
    std::vector<float> got = toModelValues(results[entry.result], info);
    e.add(entry.values, got);
    if (isQuantized(info))
      addOwnError(entry.values, info, e);
    if (tensor.isOutput) {
      Decisions decisions =
          compareDecisions(entry.values, got, info.modelShape);
      tensor.rows += decisions.rows;
      tensor.sameDecision += decisions.same;
    }
    // Channels are axis 1.
    if (info.modelShape.size() < 2 || info.modelShape[1] < 2)
      continue;
    int64_t channels = info.modelShape[1], inner = 1;
    for (int64_t size : llvm::ArrayRef(info.modelShape).drop_front(2))
      inner *= size;
    std::vector<double> reach(channels, 0);
    for (auto [i, x] : llvm::enumerate(entry.values)) {
      double &most = reach[int64_t(i) / inner % channels];
      most = std::max<double>(most, std::abs(x));
    }
    auto middle = reach.begin() + channels / 2;
    std::nth_element(reach.begin(), middle, reach.end());
    tensor.medianChannel = std::max(tensor.medianChannel, *middle);
    tensor.largestChannel = std::max(
        tensor.largestChannel, *std::max_element(reach.begin(), reach.end()));
  }
}

} // namespace

llvm::Expected<AccuracyReport> compareWithFloat(func::FuncOp function,
                                                ModuleOp layers,
                                                llvm::StringRef file,
                                                Progress &progress) {
  llvm::Expected<Samples> samples = Samples::read(function, file);
  if (!samples)
    return samples.takeError();
  progress.begin("comparison", samples->count());
  auto floats = IntermediateRunner::create(function);
  if (!floats)
    return floats.takeError();
  auto integers = LayerRunner::create(layers);
  if (!integers)
    return integers.takeError();
  Comparison comparison(function, *integers,
                        layers.lookupSymbol<func::FuncOp>("main"));
  comparison.matchTensors();
  for (int64_t sample = 0; sample < samples->count(); ++sample) {
    progress.update(double(sample));
    std::vector<Tensor> inputs = samples->get(sample);
    auto observe = [&](Value value, ArrayRef<float> values, ArrayRef<int64_t>) {
      comparison.observeFloat(value, values);
    };
    if (llvm::Error error = (*floats)->run(inputs, observe))
      return std::move(error);
    auto results = integers->run(integers->quantizeInputs(inputs));
    if (!results)
      return results.takeError();
    comparison.observeIntegers(*results);
  }
  progress.end();
  comparison.report.samples = uint64_t(samples->count());
  return std::move(comparison.report);
}

} // namespace accopt
