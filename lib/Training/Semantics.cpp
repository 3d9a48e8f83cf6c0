//===- Semantics.cpp - The registry, and ops that torch has ---------------===//

#include "Semantics.h"

#include "llvm/ADT/StringRef.h"

using namespace accopt::training;

namespace {
using Tensors = std::vector<at::Tensor>;
using Shape = std::vector<int64_t>;
} // namespace

at::Tensor accopt::training::clampBy(const Node &node, const char *minimum,
                                     const char *maximum, const at::Tensor &x) {
  auto bound = [&](const char *name) -> std::optional<at::Scalar> {
    auto found = node.attributes.find(name);
    if (found == node.attributes.end())
      return std::nullopt;
    return at::Scalar(std::get<double>(found->second));
  };
  std::optional<at::Scalar> low = bound(minimum), high = bound(maximum);
  if (!low && !high)
    return x;
  // The gradient at 0 is 0, as that of the relu that was fused.
  if (low && !high && low->toDouble() == 0.0)
    return at::relu(x);
  return at::clamp(x, low, high);
}

//===----------------------------------------------------------------------===//
// Linear algebra
//===----------------------------------------------------------------------===//

static at::Tensor gemm(const Node &node, const Tensors &operands, const Shape &,
                       const RunContext &) {
  auto matrix = [&](size_t i, const char *transposed) {
    return get<bool>(node, transposed) ? operands[i].t() : operands[i];
  };
  at::Tensor a = matrix(0, "trans_a"), b = matrix(1, "trans_b");
  auto alpha = get<double>(node, "alpha"), beta = get<double>(node, "beta");
  at::Tensor x;
  if (operands[2].defined())
    x = at::addmm(operands[2], a, b, beta, alpha);
  else
    x = alpha == 1.0 ? at::mm(a, b) : at::mm(a, b) * alpha;
  if (operands[3].defined())
    x = x + operands[3];
  return clampBy(node, "clamp_min", "clamp_max", x);
}

static at::Tensor matmul(const Node &, const Tensors &operands, const Shape &,
                         const RunContext &) {
  return at::matmul(operands[0], operands[1]);
}

//===----------------------------------------------------------------------===//
// Elementwise ops
//===----------------------------------------------------------------------===//

template <at::Tensor (*function)(const at::Tensor &, const at::Tensor &)>
static at::Tensor binary(const Node &node, const Tensors &operands,
                         const Shape &, const RunContext &) {
  return clampBy(node, "clamp_min", "clamp_max",
                 function(operands[0], operands[1]));
}

static at::Tensor add(const at::Tensor &a, const at::Tensor &b) {
  return a + b;
}
static at::Tensor sub(const at::Tensor &a, const at::Tensor &b) {
  return a - b;
}
static at::Tensor mul(const at::Tensor &a, const at::Tensor &b) {
  return a * b;
}
static at::Tensor div(const at::Tensor &a, const at::Tensor &b) {
  return a / b;
}

static at::Tensor relu(const Node &, const Tensors &operands, const Shape &,
                       const RunContext &) {
  return at::relu(operands[0]);
}
static at::Tensor clip(const Node &node, const Tensors &operands, const Shape &,
                       const RunContext &) {
  return clampBy(node, "minimum", "maximum", operands[0]);
}
static at::Tensor leakyRelu(const Node &node, const Tensors &operands,
                            const Shape &, const RunContext &) {
  return at::leaky_relu(operands[0], get<double>(node, "alpha"));
}
static at::Tensor sigmoid(const Node &, const Tensors &operands, const Shape &,
                          const RunContext &) {
  return at::sigmoid(operands[0]);
}
static at::Tensor hardSigmoid(const Node &node, const Tensors &operands,
                              const Shape &, const RunContext &) {
  return at::clamp(operands[0] * get<double>(node, "alpha") +
                       get<double>(node, "beta"),
                   0.0, 1.0);
}
static at::Tensor hardSwish(const Node &, const Tensors &operands,
                            const Shape &, const RunContext &) {
  return at::hardswish(operands[0]);
}

static at::Tensor silu(const Node &, const Tensors &operands, const Shape &,
                       const RunContext &) {
  return at::silu(operands[0]);
}

//===----------------------------------------------------------------------===//
// Normalizations and reductions
//===----------------------------------------------------------------------===//

static at::Tensor batchNorm(const Node &node, const Tensors &operands,
                            const Shape &, const RunContext &context) {
  const at::Tensor &x = operands[0];
  // As torch.nn.BatchNorm: running statistics move by a tenth, the variance
  // without bias, which a single value per channel does not have.
  bool isTraining = context.isTraining && x.numel() > x.size(1);
  return at::batch_norm(x, operands[1], operands[2], operands[3], operands[4],
                        isTraining, /*momentum=*/0.1,
                        get<double>(node, "epsilon"), /*cudnn_enabled=*/true);
}

static at::Tensor softmax(const Node &node, const Tensors &operands,
                          const Shape &, const RunContext &) {
  return at::softmax(operands[0], get<int64_t>(node, "axis"));
}

static at::Tensor lrn(const Node &node, const Tensors &operands, const Shape &,
                      const RunContext &) {
  const at::Tensor &x = operands[0];
  auto size = get<int64_t>(node, "size");
  std::vector<int64_t> pads(2 * (x.dim() - 1), 0);
  pads[pads.size() - 2] = (size - 1) / 2;
  pads[pads.size() - 1] = size / 2;
  at::Tensor sum = at::constant_pad_nd(x * x, pads).unfold(1, size, 1).sum(-1);
  at::Tensor base = sum * (get<double>(node, "alpha") / double(size)) +
                    get<double>(node, "bias");
  return x / at::pow(base, get<double>(node, "beta"));
}

static at::Tensor reduceMean(const Node &node, const Tensors &operands,
                             const Shape &, const RunContext &) {
  return at::mean(operands[0], getList(node, "axes"),
                  get<bool>(node, "keep_dims"));
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

static at::Tensor reshape(const Node &, const Tensors &operands,
                          const Shape &shape, const RunContext &) {
  return operands[0].reshape(shape);
}
static at::Tensor transpose(const Node &node, const Tensors &operands,
                            const Shape &, const RunContext &) {
  return operands[0].permute(getList(node, "perm"));
}

//===----------------------------------------------------------------------===//
// Registry
//===----------------------------------------------------------------------===//

Semantics accopt::training::findSemantics(llvm::StringRef op) {
  static constexpr struct {
    llvm::StringLiteral op;
    Semantics function;
  } registry[] = {
      {"add", binary<add>},
      {"average_pool", semantics::averagePool},
      {"batch_norm", batchNorm},
      {"clip", clip},
      {"concat", semantics::concat},
      {"conv", semantics::conv},
      {"div", binary<div>},
      {"gemm", gemm},
      {"hard_sigmoid", hardSigmoid},
      {"hard_swish", hardSwish},
      {"leaky_relu", leakyRelu},
      {"lrn", lrn},
      {"matmul", matmul},
      {"max_pool", semantics::maxPool},
      {"mul", binary<mul>},
      {"pad", semantics::pad},
      {"reduce_mean", reduceMean},
      {"relu", relu},
      {"reshape", reshape},
      {"sigmoid", sigmoid},
      {"silu", silu},
      {"slice", semantics::slice},
      {"softmax", softmax},
      {"sub", binary<sub>},
      {"transpose", transpose},
  };
  for (const auto &entry : registry)
    if (entry.op == op)
      return entry.function;
  return nullptr;
}
