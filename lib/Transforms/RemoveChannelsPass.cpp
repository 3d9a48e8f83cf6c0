//===- RemoveChannelsPass.cpp - Prune every group alike -------------------===//

#include "accopt/Transforms/ChannelGroups.h"
#include "accopt/Transforms/Passes.h"
#include "dialects/NN/NNDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <cmath>
#include <numeric>
#include <random>

namespace accopt {
#define GEN_PASS_DEF_REMOVECHANNELS
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

namespace {
struct RemoveChannels : accopt::impl::RemoveChannelsBase<RemoveChannels> {
  using RemoveChannelsBase::RemoveChannelsBase;
  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  SmallVector<int64_t> choose(const ChannelGroup &group,
                              std::mt19937_64 &generator) const;
};
} // namespace

LogicalResult RemoveChannels::initialize(MLIRContext *context) {
  if (!(keep > 0.0 && keep <= 1.0))
    return emitError(UnknownLoc::get(context))
           << "nn-remove-channels: expected keep in (0, 1], got " << keep;
  if (criterion != "first" && criterion != "magnitude" && criterion != "random")
    return emitError(UnknownLoc::get(context))
           << "nn-remove-channels: expected criterion first, magnitude or "
              "random, got '"
           << criterion << "'";
  return success();
}

/// The units to keep, ascending.
SmallVector<int64_t> RemoveChannels::choose(const ChannelGroup &group,
                                            std::mt19937_64 &generator) const {
  SmallVector<int64_t> order(group.units);
  std::iota(order.begin(), order.end(), 0);
  if (!group.isPrunable())
    return order;
  if (criterion == "magnitude") {
    std::vector<double> sums = magnitudes(group);
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return sums[a] != sums[b] ? sums[a] > sums[b] : a < b;
    });
  } else if (criterion == "random") {
    for (size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[generator() % i]);
  }
  order.truncate(size_t(std::ceil(keep * double(group.units))));
  llvm::sort(order);
  return order;
}

void RemoveChannels::runOnOperation() {
  std::mt19937_64 generator(seed);
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    ChannelGroups groups(function);
    std::vector<SmallVector<int64_t>> chosen;
    for (const ChannelGroup &group : groups.groups())
      chosen.push_back(choose(group, generator));
    if (failed(zero ? zeroChannels(function, groups, chosen)
                    : removeChannels(function, groups, chosen)))
      return signalPassFailure();
  }
}
