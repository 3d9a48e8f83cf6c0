//===- RemoveChannels.h - What is kept of every tensor ----------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_REMOVECHANNELS_H
#define ACCOPT_LIB_TRANSFORMS_REMOVECHANNELS_H

#include "accopt/Transforms/ChannelGroups.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"

#include <map>

namespace accopt {

/// The indices that go, by tensor and dimension. A tensor is a value, or a use
/// of a constant.
class RemovedIndices {
public:
  /// Of `function`, or of what `mapping` made of it. Fails with an error at
  /// `function` where `keep` does not fit `groups`.
  static mlir::FailureOr<RemovedIndices>
  get(mlir::func::FuncOp function, const ChannelGroups &groups,
      llvm::ArrayRef<llvm::SmallVector<int64_t>> keep,
      const mlir::IRMapping &mapping = {});

  /// By dimension; an empty vector where nothing goes.
  using Dimensions = std::map<unsigned, llvm::BitVector>;
  /// Null if nothing goes.
  const Dimensions *find(mlir::OpOperand &use) const;
  const Dimensions *find(mlir::Value value) const;

  /// The indices of a dimension that stay.
  llvm::SmallVector<int64_t> kept(mlir::OpOperand &use,
                                  unsigned dimension) const;
  llvm::SmallVector<int64_t> kept(mlir::Value value, unsigned dimension) const;

private:
  void add(const GroupMember &member, llvm::ArrayRef<int64_t> units,
           const mlir::IRMapping &mapping);

  llvm::DenseMap<mlir::Value, Dimensions> values;
  llvm::DenseMap<mlir::OpOperand *, Dimensions> uses;
};

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_REMOVECHANNELS_H
