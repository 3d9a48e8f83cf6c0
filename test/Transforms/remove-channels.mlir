// RUN: acc-opt %s --nn-remove-channels="keep=0.5 criterion=first" | FileCheck %s
// RUN: acc-opt %s --nn-remove-channels="keep=0.5 criterion=magnitude" | FileCheck %s --check-prefix=LARGE
// RUN: acc-opt %s --nn-remove-channels="keep=0.5 criterion=first zero=true" | FileCheck %s --check-prefix=ZERO
// RUN: not acc-opt %s --nn-remove-channels=keep=0 2>&1 | FileCheck %s --check-prefix=KEEP
// RUN: not acc-opt %s --nn-remove-channels=criterion=luck 2>&1 | FileCheck %s --check-prefix=CRITERION
// KEEP: expected keep in (0, 1], got
// CRITERION: expected criterion first, magnitude or random, got 'luck'

// Weights, bias, statistics and the next convolution's inputs shrink. The zeroed
// function keeps its shapes.
// CHECK-LABEL: func @chain
// CHECK-DAG: nn.constant dense<1.000000e+00> : tensor<1x1x1xf32>
// CHECK-DAG: nn.constant dense<3.000000e+00> : tensor<1xf32>
// CHECK: nn.conv {{.*}}nn.output_mean = array<f32: 5.000000e-01>{{.*}} -> tensor<1x1x4xf32>
// LARGE-LABEL: func @chain
// LARGE-DAG: nn.constant dense<-4.000000e+00> : tensor<1xf32>
// ZERO-LABEL: func @chain
// ZERO-DAG: nn.constant dense<{{\[}}3.000000e+00, 0.000000e+00]> : tensor<2xf32>
// ZERO-DAG: nn.constant dense<{{\[\[\[}}5.000000e+00], [0.000000e+00]]]> : tensor<1x2x1xf32>
// ZERO: nn.conv {{.*}} -> tensor<1x2x4xf32>
func.func @chain(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w1 = nn.constant dense<[[[1.0]], [[2.0]]]> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %b1 = nn.constant dense<[3.0, -4.0]> : tensor<2xf32> -> tensor<2xf32>
  %w2 = nn.constant dense<[[[5.0], [6.0]]]> : tensor<1x2x1xf32> -> tensor<1x2x1xf32>
  %0 = nn.conv %x, %w1 bias %b1 {dilations = array<i64: 1>, groups = 1 : i64, nn.output_mean = array<f32: 0.5, 0.25>, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  %1 = nn.conv %0, %w2 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<1x2x1xf32>) -> tensor<1x1x4xf32>
  return %1 : tensor<1x1x4xf32>
}

// One constant in two places that lose different parts is split.
// CHECK-LABEL: func @shared
// CHECK-DAG: %[[OUT:.*]] = nn.constant dense<{{\[\[}}1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: %[[IN:.*]] = nn.constant dense<{{\[\[}}1.000000e+00], [3.000000e+00]]> : tensor<2x1xf32>
// CHECK: nn.gemm %arg0, %[[OUT]]
// CHECK: nn.gemm %{{.*}}, %[[IN]]
func.func @shared(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = nn.gemm %0, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// Depthwise: as many conv groups as channels are left. Divisors are not zeroed.
// CHECK-LABEL: func @depthwise
// CHECK: nn.conv {{.*}}groups = 1 : i64{{.*}} -> tensor<1x2x1xf32>
// CHECK: nn.conv {{.*}}groups = 2 : i64{{.*}} -> tensor<1x2x1xf32>
// CHECK: nn.div {{.*}} : (tensor<1x2x1xf32>, tensor<2x1xf32>) -> tensor<1x2x1xf32>
// CHECK: nn.reshape {{.*}} -> tensor<1x2xf32>
// ZERO-LABEL: func @depthwise
// ZERO: nn.constant dense<7.000000e+00> : tensor<4x1xf32>
func.func @depthwise(%x: tensor<1x1x1xf32>) -> tensor<1x1xf32> {
  %w = nn.constant dense<1.0> : tensor<4x1x1xf32> -> tensor<4x1x1xf32>
  %d = nn.constant dense<7.0> : tensor<4x1xf32> -> tensor<4x1xf32>
  %g = nn.constant dense<1.0> : tensor<4x1xf32> -> tensor<4x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x1xf32>, tensor<4x1x1xf32>) -> tensor<1x4x1xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 4 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x4x1xf32>, tensor<4x1x1xf32>) -> tensor<1x4x1xf32>
  %2 = nn.div %1, %d : (tensor<1x4x1xf32>, tensor<4x1xf32>) -> tensor<1x4x1xf32>
  %3 = nn.reshape %2 : (tensor<1x4x1xf32>) -> tensor<1x4xf32>
  %4 = nn.gemm %3, %g {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false}
    : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %4 : tensor<1x1xf32>
}

// Slices follow: the two groups of the first product lose one channel each.
// CHECK-LABEL: func @slice
// CHECK: nn.slice {{.*}} {sizes = array<i64: 1, 1>, starts = array<i64: 0, 1>, steps = array<i64: 1, -1>} : (tensor<1x2xf32>) -> tensor<1x1xf32>
func.func @slice(%x: tensor<1x1xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %w = nn.constant dense<1.0> : tensor<1x4xf32> -> tensor<1x4xf32>
  %w2 = nn.constant dense<1.0> : tensor<2x1xf32> -> tensor<2x1xf32>
  %w4 = nn.constant dense<1.0> : tensor<4x1xf32> -> tensor<4x1xf32>
  %0 = nn.matmul %x, %w : (tensor<1x1xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = nn.slice %0 {sizes = array<i64: 1, 2>, starts = array<i64: 0, 3>, steps = array<i64: 1, -1>} : (tensor<1x4xf32>) -> tensor<1x2xf32>
  %2 = nn.matmul %1, %w2 : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %3 = nn.matmul %0, %w4 : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %2, %3 : tensor<1x1xf32>, tensor<1x1xf32>
}
