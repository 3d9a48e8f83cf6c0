// RUN: acc-opt %s --nn-fuse-bias | FileCheck %s

// CHECK-LABEL: func @add
// CHECK: %[[B:.*]] = nn.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: nn.conv %arg0, %{{.*}} bias %[[B]]
// CHECK-NOT: nn.add
func.func @add(%x: tensor<1x1x4xf32>) -> tensor<1x2x4xf32> {
  %w = nn.constant dense<[[[3.0]], [[4.0]]]> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %c = nn.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4xf32>
  %1 = nn.add %c, %0 : (tensor<2x1xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  return %1 : tensor<1x2x4xf32>
}

// ((W x * 2) - [1, 2]) with a clamp; then 5 - that needs what is before the clamp.
// CHECK-LABEL: func @chain
// CHECK-DAG: nn.constant dense<{{\[}}[6.000000e+00], [8.000000e+00]]>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<[-1.000000e+00, -2.000000e+00]>
// CHECK: %[[G:.*]] = nn.gemm %arg0, %{{.*}} bias %[[B]] {{{.*}}clamp_min = 0.000000e+00
// CHECK: nn.sub %{{.*}}, %[[G]]
func.func @chain(%x: tensor<3x1xf32>) -> tensor<3x2xf32> {
  %w = nn.constant dense<[[3.0], [4.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %two = nn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %five = nn.constant dense<5.0> : tensor<f32> -> tensor<f32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x1xf32>, tensor<2x1xf32>) -> tensor<3x2xf32>
  %1 = nn.mul %0, %two : (tensor<3x2xf32>, tensor<f32>) -> tensor<3x2xf32>
  %2 = nn.sub %1, %c {clamp_min = 0.0 : f32} : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %3 = nn.sub %five, %2 : (tensor<f32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %3 : tensor<3x2xf32>
}

// 5 - W x and W x / 4.
// CHECK-LABEL: func @reversed
// CHECK-DAG: nn.constant dense<-3.000000e+00> : tensor<1x1xf32>
// CHECK-DAG: nn.constant dense<5.000000e+00> : tensor<1xf32>
// CHECK-DAG: nn.constant dense<7.500000e-01> : tensor<1x1xf32>
// CHECK-NOT: nn.sub
// CHECK-NOT: nn.div
func.func @reversed(%x: tensor<3x1xf32>) -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %w = nn.constant dense<3.0> : tensor<1x1xf32> -> tensor<1x1xf32>
  %five = nn.constant dense<5.0> : tensor<f32> -> tensor<f32>
  %four = nn.constant dense<4.0> : tensor<f32> -> tensor<f32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x1xf32>, tensor<1x1xf32>) -> tensor<3x1xf32>
  %1 = nn.sub %five, %0 : (tensor<f32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  %2 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x1xf32>, tensor<1x1xf32>) -> tensor<3x1xf32>
  %3 = nn.div %2, %four : (tensor<3x1xf32>, tensor<f32>) -> tensor<3x1xf32>
  return %1, %3 : tensor<3x1xf32>, tensor<3x1xf32>
}

// The recorded distribution moves along: 2 * mean + 0 and 2 * deviation.
// CHECK-LABEL: func @distribution
// CHECK: nn.output_mean = array<f32: 2.000000e+00>, nn.output_std = array<f32: 6.000000e+00>
func.func @distribution(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %two = nn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, nn.output_mean = array<f32: 1.0>, nn.output_std = array<f32: 3.0>,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %1 = nn.mul %0, %two : (tensor<1x1x4xf32>, tensor<f32>) -> tensor<1x1x4xf32>
  return %1 : tensor<1x1x4xf32>
}

// One value per column is no bias of a convolution.
// CHECK-LABEL: func @not_per_channel
// CHECK: nn.add
func.func @not_per_channel(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<1x1x1xf32>) -> tensor<1x1x2xf32>
  %1 = nn.add %0, %c : (tensor<1x1x2xf32>, tensor<2xf32>) -> tensor<1x1x2xf32>
  return %1 : tensor<1x1x2xf32>
}
