//===- Semantics.h - What the ops' functions share --------------*- C++ -*-===//
//
// Part of AccOpt. Each function computes the op of the nn dialect after which
// it is named (dialects/NN/*.td has the definitions). All are differentiable
// twice and deterministic on CPU and GPU.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_SEMANTICS_H
#define ACCOPT_LIB_TRAINING_SEMANTICS_H

#include "GraphExecutor.h"

namespace accopt::training {

/// The attribute, which the dialect always has.
template <typename T> const T &get(const Node &node, const char *name) {
  return std::get<T>(node.attributes.at(name));
}
inline const std::vector<int64_t> &getList(const Node &node, const char *name) {
  return get<std::vector<int64_t>>(node, name);
}

/// `x` within the bounds that the node has under these names.
at::Tensor clampBy(const Node &node, const char *minimum, const char *maximum,
                   const at::Tensor &x);

#define ACCOPT_DECLARE_SEMANTICS(name)                                         \
  at::Tensor name(const Node &node, const std::vector<at::Tensor> &operands,   \
                  const std::vector<int64_t> &resultShape,                     \
                  const RunContext &context)
namespace semantics {
ACCOPT_DECLARE_SEMANTICS(conv);
ACCOPT_DECLARE_SEMANTICS(maxPool);
ACCOPT_DECLARE_SEMANTICS(averagePool);
ACCOPT_DECLARE_SEMANTICS(slice);
ACCOPT_DECLARE_SEMANTICS(pad);
ACCOPT_DECLARE_SEMANTICS(concat);
} // namespace semantics
#undef ACCOPT_DECLARE_SEMANTICS

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_SEMANTICS_H
