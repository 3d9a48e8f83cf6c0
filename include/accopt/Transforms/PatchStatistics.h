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

#include "mlir/IR/Operation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace accopt {

/// Means and covariances over the places of a conv or gemm's result. A patch is
/// the part of the input that one result of a group is made of, in the order of
/// a row of the weights; padding is 0. Covariances are kept in blocks along the
/// diagonal of at most `maxBlock` values of the patch.
class PatchStatistics {
public:
  static constexpr int64_t maxBlock = 1152;
  /// Places taken of one sample, evenly spread.
  static constexpr int64_t placesPerSample = 128;

  /// `op` is a conv or a gemm in the form that nn-normalize makes.
  explicit PatchStatistics(mlir::Operation *op);

  int64_t groups() const { return numGroups; }
  int64_t patchSize() const { return size; }
  /// The first value of each block, and patchSize().
  llvm::ArrayRef<int64_t> blockBounds() const { return bounds; }

  /// Takes in the layer's input on one sample, in ONNX's layout.
  void observe(llvm::ArrayRef<float> input);

  double count() const { return patches; }
  /// Of each value of a group's patch.
  std::vector<double> means(int64_t group) const;
  /// Of the values of one block, row-major.
  std::vector<double> covariance(int64_t group, size_t block) const;

private:
  /// Patches that are added at once: the rows of products that they change are
  /// read from memory once.
  static constexpr int64_t placesPerPanel = 16;

  /// Where the taps of the kernel lie in a channel of the input at `place` of a
  /// channel of the result; -1 for padding.
  std::vector<int64_t> findTaps(int64_t place) const;
  /// A patch of `image`, the channels of one group.
  void readPatch(llvm::ArrayRef<float> image, llvm::ArrayRef<int64_t> taps,
                 llvm::MutableArrayRef<double> patch) const;
  /// Adds patches, one after the other in `panel`.
  void add(int64_t group, llvm::ArrayRef<double> panel);
  size_t firstOfBlock(int64_t group, size_t block) const;

  llvm::SmallVector<int64_t> input, output, kernel, strides, dilations, pads;
  int64_t numGroups = 1, size = 0, places = 0, samples = 0;
  llvm::SmallVector<int64_t> bounds;
  double patches = 0;
  std::vector<double> sums;     ///< [groups, size]
  std::vector<double> products; ///< upper triangles used, block after block
  std::vector<double> origin;   ///< the first patch: values are counted from it
};

/// Of the layers that compensateRounding() can round.
using PatchTable = llvm::MapVector<mlir::Operation *, PatchStatistics>;

/// The convs and gemms of `function` with constant float weights.
PatchTable makePatchTable(mlir::func::FuncOp function);

/// Rounds the weights of each layer of `patches` to the integers that `plan`'s
/// scales and bits give, so that what rounding one weight adds to the layer's
/// result is taken back by those not rounded yet: weight k of a row is rounded,
/// its error e_k changes the later ones by -e_k U_kj / U_kk, where the inverse
/// of the patches' covariance is U^T U (Frantar et al., "GPTQ: Accurate
/// post-training quantization for generative pre-trained transformers", ICLR
/// 2023, equations 2 and 3 and section 3.3; in the order of falling variance).
/// The mean of what remains goes into the bias, so that the covariance need not
/// count it. Weights become integers with their scale (`quant.dcast` of a
/// constant), which quantize() keeps. `done` is told before each layer of the
/// table how many have been seen. Returns how many layers were rounded.
unsigned compensateRounding(
    mlir::func::FuncOp function, const PatchTable &patches,
    const QuantizationPlan &plan,
    llvm::function_ref<void(size_t)> done = [](size_t) {});

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_PATCHSTATISTICS_H
