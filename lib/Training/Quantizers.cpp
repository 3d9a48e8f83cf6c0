//===- Quantizers.cpp - A quantization plan that learns -------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Quantizers.h"

#include "accopt/Transforms/QuantParams.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

namespace accopt::training {

bool movesData(const Node &node) {
  return llvm::is_contained(
      {"reshape", "transpose", "slice", "concat", "pad", "max_pool"}, node.op);
}

at::Tensor findParameter(const GraphExecutor &executor, int64_t value) {
  const std::vector<Parameter> &parameters = executor.graph().parameters;
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].value == value)
      return executor.parameters()[i];
  return {};
}

int64_t findOperand(const Node &node, Role role) {
  for (size_t i = 0; i < node.operands.size(); ++i)
    if (node.operands[i].role == role && node.operands[i].value >= 0)
      return static_cast<int64_t>(i);
  return -1;
}

ActivationType typeOfConstant(const at::Tensor &constant) {
  at::NoGradGuard noGrad;
  Range range{0, 0};
  if (constant.numel() > 0)
    range = {constant.min().item<double>(), constant.max().item<double>()};
  QuantParams params = chooseParams(range);
  return {params.scale, params.zeroPoint, activationIntegers(8)};
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

static bool isLinear(const Node &node) {
  return node.op == "conv" || node.op == "gemm";
}

/// The classes of all values and the quantizers of all layers, found by name.
llvm::Error Quantizers::indexGraph() {
  const Graph &graph = executor.graph();
  std::map<std::string, int64_t> classByName, weightsByName;
  for (size_t i = 0; i < original.activations.size(); ++i)
    for (const std::string &name : original.activations[i].values)
      classByName[name] = static_cast<int64_t>(i);
  for (size_t i = 0; i < original.weights.size(); ++i)
    weightsByName[original.weights[i].layer] = static_cast<int64_t>(i);
  for (const GraphValue &value : graph.values) {
    auto found = classByName.find(value.name);
    bool isKnown = !value.name.empty() && found != classByName.end();
    // What only the host touches has no quantizer and stays float.
    classes.push_back(isKnown ? found->second : -1);
  }
  for (const Node &node : graph.nodes) {
    if (!isLinear(node))
      continue;
    const std::string &layer = graph.values[node.result].name;
    // The array reads and writes integers.
    for (int64_t value : {node.operands[0].value, node.result})
      if (classes[value] < 0 && !graph.values[value].name.empty())
        return makeError("quantization plan: expected a quantizer for "
                         "activation '" +
                         graph.values[value].name + "', got none");
    at::Tensor weights = findParameter(executor, node.operands[1].value);
    auto found = weightsByName.find(layer);
    if (!weights.defined() || found == weightsByName.end() ||
        (node.op == "gemm" && !std::get<bool>(node.attributes.at("trans_b"))))
      return makeError("quantization plan: " + describe(node) +
                       ": expected constant weights in rows and a quantizer "
                       "for them");
    const WeightQuantizer &quantizer = original.weights[found->second];
    if (static_cast<int64_t>(quantizer.scales.size()) != weights.size(0))
      return makeError("quantization plan: layer '" + layer + "': expected " +
                       llvm::Twine(weights.size(0)) + " weight scales, got " +
                       llvm::Twine(quantizer.scales.size()));
    weightsOfResult[node.result] = found->second;
  }
  return llvm::Error::success();
}

static llvm::Error checkQuantizer(llvm::StringRef name, unsigned bits,
                                  llvm::ArrayRef<double> scales) {
  if (bits < 2 || bits > 8)
    return makeError("quantization plan: '" + name +
                     "': expected 2 to 8 bits, got " + llvm::Twine(bits));
  for (double scale : scales)
    if (!(scale > 0) || !std::isfinite(scale))
      return makeError("quantization plan: '" + name +
                       "': expected positive scales, got " +
                       std::to_string(scale));
  return llvm::Error::success();
}

void Quantizers::makeTensors() {
  std::vector<float> scales, learned;
  for (const ActivationQuantizer &quantizer : original.activations) {
    sizes.push_back(1);
    scales.push_back(float(quantizer.scale));
    learned.push_back(quantizer.isFixed ? 0.0f : 1.0f);
  }
  for (const WeightQuantizer &quantizer : original.weights) {
    sizes.push_back(static_cast<int64_t>(quantizer.scales.size()));
    for (double scale : quantizer.scales) {
      scales.push_back(float(scale));
      learned.push_back(1.0f);
    }
  }
  auto count = static_cast<int64_t>(scales.size());
  auto toTensor = [&](std::vector<float> &values) {
    return at::from_blob(values.data(), {count}, at::kFloat)
        .clone()
        .to(executor.device());
  };
  base = toTensor(scales);
  isLearned = toTensor(learned);
  delta = at::zeros_like(base);
  delta.set_requires_grad(true);
}

llvm::Expected<std::unique_ptr<Quantizers>>
Quantizers::create(const GraphExecutor &executor,
                   const QuantizationPlan &plan) {
  for (const ActivationQuantizer &quantizer : plan.activations)
    if (llvm::Error error = checkQuantizer(
            quantizer.values.empty() ? "" : quantizer.values.front(),
            quantizer.bits, {quantizer.scale}))
      return std::move(error);
  for (const WeightQuantizer &quantizer : plan.weights)
    if (llvm::Error error =
            checkQuantizer(quantizer.layer, quantizer.bits, quantizer.scales))
      return std::move(error);
  std::unique_ptr<Quantizers> made(new Quantizers(executor, plan));
  if (llvm::Error error = made->indexGraph())
    return std::move(error);
  made->makeTensors();
  return made;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

int64_t Quantizers::classOfParameter(const Node &node) const {
  return movesData(node) ? classes[node.result] : -1;
}

int64_t Quantizers::weightsOf(const Node &node) const {
  auto found = weightsOfResult.find(node.result);
  return found == weightsOfResult.end() ? -1 : found->second;
}

std::vector<at::Tensor> Quantizers::computeSteps() const {
  return at::mul(base, at::exp(delta * isLearned)).split_with_sizes(sizes);
}

std::vector<NamedTensor> Quantizers::tensors() const {
  return {{"quantizer.delta", delta}, {"quantizer.base", base}};
}

/// Bounded as QuantParams.h bounds scales.
static double toScale(float step) {
  return std::clamp(double(step), 0x1p-60, 0x1p+60);
}

static std::vector<double> toDoubles(const at::Tensor &tensor) {
  at::Tensor host = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  const double *data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

std::vector<double>
Quantizers::effectiveScales(const Node &node, const QuantizationPlan &plan,
                            const WeightQuantizer &weights) const {
  int64_t in = classes[node.operands[0].value];
  WeightRow row;
  row.inputScale =
      in >= 0 ? plan.activations[in].scale
              : typeOfConstant(findParameter(executor, node.operands[0].value))
                    .scale;
  row.outputScale = plan.activations[classes[node.result]].scale;
  std::vector<double> bias(weights.scales.size(), 0.0), scales;
  if (int64_t operand = findOperand(node, Role::Bias); operand >= 0)
    bias = toDoubles(findParameter(executor, node.operands[operand].value));
  for (size_t i = 0; i < weights.scales.size(); ++i) {
    row.bias = bias.size() == 1 ? bias[0] : bias[i];
    scales.push_back(effectiveWeightScale(weights.scales[i], row));
  }
  return scales;
}

QuantizationPlan Quantizers::plan() const {
  at::NoGradGuard noGrad;
  QuantizationPlan plan = original;
  std::vector<at::Tensor> steps = computeSteps();
  size_t next = 0;
  for (ActivationQuantizer &quantizer : plan.activations) {
    double scale = toScale(steps[next++].item<float>());
    if (!quantizer.isFixed)
      quantizer.scale = scale;
  }
  for (WeightQuantizer &quantizer : plan.weights) {
    quantizer.scales = toDoubles(steps[next++]);
    for (double &scale : quantizer.scales)
      scale = toScale(float(scale));
  }
  for (const Node &node : executor.graph().nodes)
    if (int64_t index = weightsOf(node); index >= 0)
      plan.weights[index].scales =
          effectiveScales(node, plan, plan.weights[index]);
  return plan;
}

} // namespace accopt::training
