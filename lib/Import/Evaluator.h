//===- Evaluator.h - One node of constants ----------------------*- C++ -*-===//
//
// Private to the constant evaluator: elementwise operators are in one file,
// what reads at other places in another.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_EVALUATOR_H
#define ACCOPT_LIB_IMPORT_EVALUATOR_H

#include "ConstantEvaluator.h"

namespace accopt::importer {

/// One node with its inputs as host tensors.
class Evaluator {
public:
  Evaluator(NodeImporter &node, llvm::SmallVector<HostTensor> inputs)
      : node(node), in(std::move(inputs)) {}

  llvm::LogicalResult run(llvm::StringRef op);

private:
  /// Nothing where the operator is not one of elements.
  std::optional<llvm::LogicalResult> elementwise(llvm::StringRef op);
  llvm::LogicalResult indexing(llvm::StringRef op);

  mlir::Type i64() { return node.builder.getI64Type(); }
  mlir::Type i1() { return node.builder.getI1Type(); }

  llvm::LogicalResult done(const HostTensor &result) {
    return node.setOutput(0, mlir::ElementsAttr(toAttribute(result)));
  }

  /// `in[i]` broadcast to `shape`.
  HostTensor broadcast(const HostTensor &tensor,
                       llvm::ArrayRef<int64_t> shape) {
    Shape strides(shape.size(), 0), own = rowMajorStrides(tensor.shape);
    size_t lead = shape.size() - tensor.shape.size();
    for (size_t d = 0; d < own.size(); ++d)
      strides[lead + d] = tensor.shape[d] == 1 ? 0 : own[d];
    return tensor.gather(shape, stridedIndices(shape, strides));
  }

  /// Broadcasts all inputs to one shape, within the limit.
  llvm::LogicalResult broadcastAll();

  template <typename IntFn, typename FloatFn>
  llvm::LogicalResult binary(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  llvm::LogicalResult compare(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  llvm::LogicalResult unary(IntFn ints, FloatFn floats);
  template <typename IntFn, typename FloatFn>
  llvm::LogicalResult reduce(IntFn ints, FloatFn floats);

  llvm::LogicalResult arithmetic(llvm::StringRef op);
  llvm::LogicalResult divide(bool remainder);
  llvm::LogicalResult clip();
  llvm::LogicalResult topK();
  llvm::LogicalResult cast();
  llvm::LogicalResult power();
  llvm::LogicalResult gather();
  llvm::LogicalResult range();
  llvm::LogicalResult where();
  llvm::LogicalResult expand();
  llvm::LogicalResult tile();
  llvm::LogicalResult nonZero();

  NodeImporter &node;
  llvm::SmallVector<HostTensor> in;
};

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_EVALUATOR_H
