// RUN: acc-opt %s --nn-optimize | FileCheck %s
// RUN: acc-opt %s --nn-optimize=fuse-residual=false | FileCheck %s --check-prefix=SEPARATE
// RUN: acc-opt %s --nn-optimize --nn-quantize --nn-verify-quantized | FileCheck %s --check-prefix=QUANTIZED

// Weights behind a transpose, a normalization with a scale layer written out, a
// skip connection and an activation: one convolution.
// CHECK-LABEL: func @block
// CHECK: nn.conv %arg0, %{{.*}} bias %{{.*}} residual %arg0 {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32
// CHECK-NEXT: return
// SEPARATE-LABEL: func @block
// SEPARATE: nn.conv
// SEPARATE-NEXT: nn.add {{.*}} {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32}
// QUANTIZED-LABEL: func @block
// QUANTIZED-NOT: xf32>
// QUANTIZED: nn.conv
func.func @block(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %wt = nn.constant dense<[[[[1.0]],[[2.0]]],[[[0.5]],[[-1.0]]]]> : tensor<2x2x1x1xf32> -> tensor<2x2x1x1xf32>
  %w = nn.transpose %wt {perm = array<i64: 1, 0, 2, 3>} : (tensor<2x2x1x1xf32>) -> tensor<2x2x1x1xf32>
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %c = nn.constant dense<[[[2.0]], [[0.5]]]> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.batch_norm %0, %s, %s, %s, %s {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.mul %1, %c : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.add %2, %c : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.add %3, %x : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %5 = nn.clip %4 {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %5 : tensor<1x2x4x4xf32>
}

// A normalization before an activation and a padded convolution, as in a DenseNet:
// it becomes a depthwise convolution that carries the clamp.
// CHECK-LABEL: func @preactivation
// CHECK: %[[D:.*]] = nn.conv %arg0, {{.*}} {clamp_min = 0.000000e+00 : f32, {{.*}}groups = 2 : i64
// CHECK: nn.conv %[[D]]
// CHECK-NEXT: return
func.func @preactivation(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant dense<0.5> : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.relu %0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.conv %1, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}
