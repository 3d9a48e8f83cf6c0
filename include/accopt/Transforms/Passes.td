//===- Passes.td - Transforms on the nn dialect ------------*- tablegen -*-===//
//
// Part of AccOpt. Every pass works on a module, one function after another, so
// that the names of new weight resources do not depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_PASSES
#define ACCOPT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

class NNPass<string name> : Pass<name, "::mlir::ModuleOp"> {
  let dependentDialects = ["::accopt::nn::NNDialect"];
}

def FoldConstants : NNPass<"nn-fold-constants"> {
  let summary = "Evaluate ops whose operands are all constants";
  let description = [{
    Elementwise ops, `transpose`, `reshape`, `slice`, `concat`, constant `pad`
    and `reduce_mean` on f32 (data movement: any element type) are evaluated.
    A result may have at most as many elements as the op's operands together,
    or `max-growth` elements if that is more: a constant that is cheap to
    compute but large to store stays an op.

    ```mlir
    %a = nn.constant dense<[1.0, -2.0]> : tensor<2xf32> -> tensor<2xf32>
    %0 = nn.relu %a : (tensor<2xf32>) -> tensor<2xf32>
    // becomes
    %0 = nn.constant dense<[1.0, 0.0]> : tensor<2xf32> -> tensor<2xf32>
    ```
  }];
  let options = [
    Option<"maxGrowth", "max-growth", "int64_t", "4096",
           "Elements that a result larger than its operands may have">
  ];
  let statistics = [Statistic<"numFolded", "num-folded", "Ops evaluated">];
}

def FoldBatchNorm : NNPass<"nn-fold-batch-norm"> {
  let summary = "Fold batch normalization into convolutions";
  let description = [{
    After a `conv` or `gemm` with constant weights and no other use, the affine
    map of a `batch_norm` goes into weights and bias; the distribution that the
    normalization promises is kept for `inferRanges` in `nn.output_mean` and
    `nn.output_std` (one value per channel, of convolution plus bias, before
    residual and clamp). Before a `conv` it is folded where that is exact: no
    padding, or a map without offset. A `batch_norm` left over becomes a
    depthwise 1x1 `conv` (rank 3 and 4), which can carry bias and clamp in one
    command, or `mul` and `add`.

    ```mlir
    %0 = nn.conv %x, %w {...} : (...) -> tensor<1x4x8x8xf32>
    %1 = nn.batch_norm %0, %s, %b, %m, %v {epsilon = 1.0e-5 : f32} : (...) -> tensor<1x4x8x8xf32>
    // becomes
    %1 = nn.conv %x, %w2 bias %b2 {..., nn.output_mean = array<f32: ...>, nn.output_std = array<f32: ...>}
    ```
  }];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Normalizations folded">,
    Statistic<"numReplaced", "num-replaced", "Normalizations made into other ops">
  ];
}

def FuseBias : NNPass<"nn-fuse-bias"> {
  let summary = "Fuse per-channel constants into bias and weights";
  let description = [{
    `add`, `sub`, `mul` and `div` of a `conv` or `gemm` with one use and a
    constant that has one value per channel or one value at all.

    ```mlir
    %0 = nn.conv %x, %w {...} : (...) -> tensor<1x4x8x8xf32>
    %1 = nn.add %0, %c : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
    // becomes
    %1 = nn.conv %x, %w bias %c1 {...} : (...) -> tensor<1x4x8x8xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Ops fused">];
}

def FuseActivation : NNPass<"nn-fuse-activation"> {
  let summary = "Fuse Relu and Clip into the clamp of the op before";
  let description = [{
    The op before is a `conv`, `gemm`, `add`, `sub`, `mul` or `div` with no
    other use; a clamp that it already has is composed with the new one.

    ```mlir
    %0 = nn.add %a, %b : (...) -> tensor<1x4xf32>
    %1 = nn.relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
    // becomes
    %1 = nn.add %a, %b {clamp_min = 0.0 : f32} : (...) -> tensor<1x4xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Activations fused">];
}

def FuseFunctions : NNPass<"nn-fuse-functions"> {
  let summary = "Make one chain of functions of one value that follow each other";
  let description = [{
    Functions are the ops that compute each element from the one at its place:
    activations, `unary`, and `add`, `sub`, `mul`, `div`, `binary` with one
    constant for all elements. Each but the last of a chain has one use. A
    quantized chain is one table look-up with one rounding instead of a tensor for
    each op.

    ```mlir
    %0 = nn.hard_swish %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    %1 = nn.mul %0, %c : (tensor<1x4xf32>, tensor<1xf32>) -> tensor<1x4xf32>
    // becomes
    %1 = nn.chain [hard_swish, affine(0.5, 0.0)] %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Ops fused">];
}

def FuseResidual : NNPass<"nn-fuse-residual"> {
  let summary = "Fuse the addition of a skip connection into the convolution";
  let description = [{
    An `add` of two tensors of its own shape, one of which is the only use of a
    `conv` or `gemm` without clamp and residual. Of two candidates the later one
    is taken, so that the other is complete when the sum is computed. The fused
    op stands where the `add` stood and takes over its clamp.

    ```mlir
    %0 = nn.conv %x, %w bias %b {...} : (...) -> tensor<1x4x8x8xf32>
    %1 = nn.add %0, %skip {clamp_min = 0.0 : f32} : (...) -> tensor<1x4x8x8xf32>
    // becomes
    %1 = nn.conv %x, %w bias %b residual %skip {..., clamp_min = 0.0 : f32}
    ```
  }];
  let statistics = [Statistic<"numFused", "num-fused", "Additions fused">];
}

def Normalize : NNPass<"nn-normalize"> {
  let summary = "Bring equivalent forms of an op into one";
  let description = [{
    - `gemm`: alpha = beta = 1, A not transposed, constant B as N x K, bias of
      shape N; another bias becomes an `add`.
    - `conv` and `gemm` with a bias that is no constant: an `add` after them.
    - `matmul` with a constant matrix on the right: `reshape`, `gemm`, `reshape`.
    - `div` by a constant: `mul`.
    - `pad` with zeros in spatial dimensions: into the pads of a `conv`, or of an
      `average_pool` that counts its padding.
    - `quant.qcast` of an activation with a scale per channel, as quantizers have
      before depthwise convolutions: one scale that reaches as far as all.
    - `hard_sigmoid` and `hard_swish` written out as add, clip, mul and div;
      `silu` written out as sigmoid and mul.

    ```mlir
    %0 = nn.matmul %x, %w : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
    // becomes, with the constant transposed
    %0 = nn.reshape %x : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
    %1 = nn.gemm %0, %wt {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
      : (tensor<6x4xf32>, tensor<5x4xf32>) -> tensor<6x5xf32>
    %2 = nn.reshape %1 : (tensor<6x5xf32>) -> tensor<2x3x5xf32>
    ```
  }];
}

def Quantize : NNPass<"nn-quantize"> {
  let summary = "Rewrite float functions to quantized types";
  let description = [{
    Every tensor gets a `!quant.uniform` type: activations int8 per tensor (or
    int16 without a zero point, where `activation-bits` asks for more than 8),
    weights int8 per output channel and symmetric, biases int32 at the product of
    the scales of activation and weight. Ranges come from the file that
    `calibration` names, or else are inferred from weights and normalization
    statistics. Quantization that a model brings as pairs of `quant.qcast` and
    `quant.dcast` is kept. Where an op that only moves data meets two different
    quantizations, a `nn.clip` without bounds converts between them. Formulas and
    reasons: docs/Design/Quantization.md.

    ```mlir
    func.func @f(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %0 = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
    }
    // becomes
    func.func @f(%x: tensor<1x4x!quant.uniform<i8:f32, 0.05:0>>) -> tensor<1x4x!quant.uniform<i8:f32, 0.024:-128>>
    ```
  }];
  let dependentDialects = [
    "::accopt::nn::NNDialect", "::mlir::quant::QuantDialect"
  ];
  let options = [
    Option<"calibration", "calibration", "std::string", "",
           "File of ranges (JSON); empty: inferred from the model">,
    Option<"sigmas", "sigmas", "double", "6.0",
           "Standard deviations on each side of an inferred range">,
    Option<"activationBits", "activation-bits", "std::string", "\"8\"",
           "Bits of activations, 8 to 16: 16, NODE=16 or several with commas">
  ];
}

def VerifyQuantized : NNPass<"nn-verify-quantized"> {
  let summary = "Check that a function is quantized throughout";
  let description = [{
    The boundary between the transforms and the accelerator: no float tensor, no
    `quant.qcast` or `quant.dcast`, activations int8 or int16 per tensor, weights
    int8 per output channel, biases int32 at the scale of the products. Changes nothing.
  }];
}

def PrintChannelGroups : NNPass<"nn-print-channel-groups"> {
  let summary = "Print which channels must be removed together";
  let description = [{
    For every function the groups of the dependency analysis: name, number of
    units, why a group is fixed, and what shrinks with it (the indices of the
    first and of the last unit). Then the residual branches that can be taken out
    whole. Changes nothing. See docs/Design/Pruning.md.

    ```
    group conv1: 4 units
      producer conv1 dim 1 [0 | ... | 3]
      parameter conv1 operand 1 dim 0 [0 | ... | 3]
      parameter conv2 operand 1 dim 1 [0 | ... | 3]
    ```
  }];
}

def RemoveChannels : NNPass<"nn-remove-channels"> {
  let summary = "Remove channels from every prunable group";
  let description = [{
    Of each group that is not fixed `keep` of the units stay, rounded up, by
    `criterion`: the `first` ones, those of the largest `magnitude`, or a `random`
    choice. With `zero` the parameters of the others are set to zero instead and
    all shapes stay; the outputs are the same.

    ```mlir
    %0 = nn.conv %x, %w {...} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
    // becomes, with keep=0.5
    %0 = nn.conv %x, %w2 {...} : (tensor<1x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x8x8xf32>
    ```
  }];
  let options = [
    Option<"keep", "keep", "double", "0.5", "Fraction of units to keep">,
    Option<"criterion", "criterion", "std::string", "\"magnitude\"",
           "first, magnitude or random">,
    Option<"seed", "seed", "uint64_t", "0", "Seed of the random choice">,
    Option<"zero", "zero", "bool", "false", "Zero instead of removing">
  ];
}

def RemoveBranches : NNPass<"nn-remove-branches"> {
  let summary = "Take out residual branches";
  let description = [{
    The sum at the end of a branch becomes its skip connection, clamped as the
    sum was. `branch` names one (as nn-print-channel-groups shows it); without it,
    all of them go, one after another.

    ```mlir
    %0 = nn.conv %x, %w {...} : (...) -> tensor<1x4x8x8xf32>
    %1 = nn.add %0, %x : (...) -> tensor<1x4x8x8xf32>
    // becomes %x
    ```
  }];
  let options = [
    Option<"branch", "branch", "std::string", "", "Name of the branch">
  ];
}

#endif // ACCOPT_TRANSFORMS_PASSES
