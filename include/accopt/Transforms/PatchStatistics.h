//===- PatchStatistics.h - What a layer's weights meet ----------*- C++ -*-===//
//
// Part of AccOpt. The second moments of what a layer multiplies with one row of
// its weights, and weights that are rounded with them in view, without
// training.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_PATCHSTATISTICS_H
#define ACCOPT_TRANSFORMS_PATCHSTATISTICS_H

#include "accopt/Transforms/QuantizationPlan.h"
#include "accopt/Transforms/UpperTriangle.h"

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <vector>

namespace accopt {

/// How the patches of a conv or gemm lie in its input.
struct PatchShape {
  /// `op` is a conv or a gemm in the form that nn-normalize makes.
  explicit PatchShape(mlir::Operation *op);
  bool operator==(const PatchShape &) const = default;

  llvm::SmallVector<int64_t> input, kernel, strides, dilations, pads;
  /// Spatial sizes of the result.
  llvm::SmallVector<int64_t> output;
  int64_t images = 1, groups = 1;
  int64_t size = 0;   ///< elements of a patch of one group
  int64_t places = 0; ///< patches of one group in one sample
};

/// Means and covariances over the places of a conv or gemm's result. A patch is
/// the part of the input that one result of a group is made of, in the order of
/// a row of the weights; padding is 0. Covariances are kept in blocks along the
/// diagonal of at most `maxBlock` values of the patch.
class PatchStatistics {
public:
  static constexpr int64_t maxBlock = 1152;
  /// Places taken of one sample, evenly spread, at most.
  static constexpr int64_t placesPerSample = 128;

  /// To be shown `samples` samples, or about as many: of many each gives fewer
  /// places.
  PatchStatistics(PatchShape shape, int64_t samples);

  int64_t groups() const { return shape.groups; }
  int64_t patchSize() const { return shape.size; }
  /// The first value of each block, and patchSize().
  llvm::ArrayRef<int64_t> blockBounds() const { return bounds; }

  /// Takes in the layer's input on one sample, in ONNX's layout.
  void observe(llvm::ArrayRef<float> input);

  int64_t count() const { return patches; }
  /// Whether all moments are finite.
  bool isFinite() const;
  /// Of each value of a group's patch.
  std::vector<double> means(int64_t group) const;
  /// Of the values of one block.
  UpperTriangle covariance(int64_t group, size_t block) const;
  /// What is to be added to the variances of a block, of which `covariance` is
  /// the covariance: above 0.
  double damping(const UpperTriangle &covariance, size_t block) const;

private:
  /// Where the patches at `at`, places of the sample, lie in the first group's
  /// channels: offsets[tap][patch], -1 for padding.
  std::vector<int64_t> findOffsets(llvm::ArrayRef<int64_t> at) const;
  /// Adds the `count` patches at `offsets` of one block.
  void addBlock(int64_t group, size_t block, llvm::ArrayRef<float> values,
                llvm::ArrayRef<int64_t> offsets, int64_t count);

  PatchShape shape;
  int64_t taken, samples = 0, patches = 0;
  llvm::SmallVector<int64_t> bounds;
  std::vector<double> sums;  ///< [groups, size]
  std::vector<float> origin; ///< [groups, size], what values are counted from
  std::vector<UpperTriangle> products; ///< by group and block
  std::vector<float> panel;            ///< patches of a block, in strips
};

/// The statistics of the layers that compensateRounding() can round: the convs
/// and gemms with constant float weights. Layers that read the same patches
/// have one in common.
class PatchTable {
public:
  struct Entry {
    mlir::Value input;
    PatchShape shape;
    llvm::SmallVector<mlir::Operation *> layers;
    std::optional<PatchStatistics> statistics; ///< once something is seen
  };

  PatchTable() = default;
  explicit PatchTable(mlir::func::FuncOp function);

  /// How often each value will be shown; once before the first.
  void expect(int64_t count) { samples = count; }
  /// Takes in what `value` holds on one sample.
  void observe(mlir::Value value, llvm::ArrayRef<float> elements);

  llvm::ArrayRef<Entry> entries() const { return table; }
  bool empty() const { return table.empty(); }
  void clear() { *this = PatchTable(); }

private:
  int64_t samples = 1;
  std::vector<Entry> table;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<size_t, 1>> byInput;
};

/// Rounds the weights of each layer of `patches` to the integers that `plan`'s
/// scales and bits give, so that what rounding one weight adds to the layer's
/// result is taken back by those not rounded yet (Frantar et al., "GPTQ:
/// Accurate post-training quantization for generative pre-trained
/// transformers", ICLR 2023, in the form of Chee et al., "QuIP: 2-bit
/// quantization of large language models with guarantees", NeurIPS 2023,
/// section 3, which needs no inverse; in the order of falling variance). The
/// mean of what remains goes into the bias, so that the covariance need not
/// count it. Weights become integers with their scale (`quant.dcast` of a
/// constant), which quantize() keeps. `done` is told before each entry of the
/// table how many have been seen. Returns how many layers were rounded.
unsigned compensateRounding(
    mlir::func::FuncOp function, const PatchTable &patches,
    const QuantizationPlan &plan,
    llvm::function_ref<void(size_t)> done = [](size_t) {});

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_PATCHSTATISTICS_H
