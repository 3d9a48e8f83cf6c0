// RUN: acc-opt %s --nn-fold-batch-norm | FileCheck %s

// With epsilon 0: s = [2/1, 0.5/2] = [2, 0.25], t = [1 - 0.25*2, -1 - 0.5*0.25].
// CHECK-LABEL: func @after_conv
// CHECK-DAG: %[[W:.*]] = nn.constant dense<{{\[\[\[\[}}2.000000e+00]], {{\[\[}}4.000000e+00]]], {{\[\[\[}}1.250000e-01]], {{\[\[}}-2.500000e-01]]]]>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<[5.000000e-01, -1.125000e+00]>
// CHECK: %[[R:.*]] = nn.conv %arg0, %[[W]] bias %[[B]] {
// CHECK-SAME: nn.output_mean = array<f32: 1.000000e+00, -1.000000e+00>, nn.output_std = array<f32: 2.000000e+00, 5.000000e-01>
// CHECK-NEXT: return %[[R]]
func.func @after_conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = nn.constant dense<[[[[1.0]],[[2.0]]],[[[0.5]],[[-1.0]]]]> : tensor<2x2x1x1xf32> -> tensor<2x2x1x1xf32>
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[1.0, -1.0]> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<[0.25, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<[1.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.batch_norm %0, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// The bias goes through the map: 2 * 10 + 0.5.
// CHECK-LABEL: func @after_gemm
// CHECK-DAG: nn.constant dense<{{\[}}[2.000000e+00, 4.000000e+00]]>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<2.050000e+01>
// CHECK: nn.gemm %arg0, %{{.*}} bias %[[B]]
// CHECK-NOT: nn.batch_norm
func.func @after_gemm(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %w = nn.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %c = nn.constant dense<10.0> : tensor<1xf32> -> tensor<1xf32>
  %s = nn.constant dense<2.0> : tensor<1xf32> -> tensor<1xf32>
  %b = nn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
  %m = nn.constant dense<0.25> : tensor<1xf32> -> tensor<1xf32>
  %v = nn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
  %0 = nn.gemm %x, %w bias %c {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<3x1xf32>
  %1 = nn.batch_norm %0, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<3x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}

// s = [2, 0.5], t = [-1, 3] go into the columns: W' = [[1*2, 2*0.5]],
// b' = 1 * -1 + 2 * 3. The clamp stays.
// CHECK-LABEL: func @before_conv
// CHECK-DAG: nn.constant dense<{{\[\[\[\[}}2.000000e+00]], {{\[\[}}1.000000e+00]]]]>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<5.000000e+00>
// CHECK: nn.conv %arg0, %{{.*}} bias %[[B]] {clamp_min = 0.000000e+00 : f32,
// CHECK-NOT: nn.batch_norm
func.func @before_conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %w = nn.constant dense<[[[[1.0]],[[2.0]]]]> : tensor<1x2x1x1xf32> -> tensor<1x2x1x1xf32>
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[-1.0, 3.0]> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.conv %0, %w {clamp_min = 0.0 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %1 : tensor<1x1x4x4xf32>
}

// Padding zeros are not what the map makes of zeros: the normalization stays, as
// a depthwise convolution.
// CHECK-LABEL: func @before_padded_conv
// CHECK: %[[D:.*]] = nn.conv %arg0, %{{.*}} bias %{{.*}} {{{.*}}groups = 2 : i64
// CHECK: nn.conv %[[D]], %{{.*}} {{{.*}}pads = array<i64: 1, 1, 1, 1>
func.func @before_padded_conv(%x: tensor<1x2x4x4xf32>) -> tensor<1x1x6x6xf32> {
  %w = nn.constant dense<[[[[1.0]],[[2.0]]]]> : tensor<1x2x1x1xf32> -> tensor<1x2x1x1xf32>
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[-1.0, 3.0]> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x6x6xf32>
  return %1 : tensor<1x1x6x6xf32>
}

// CHECK-LABEL: func @alone
// CHECK: %[[P:.*]] = nn.mul %arg0
// CHECK: nn.add %[[P]]
func.func @alone(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %s = nn.constant dense<[2.0, 0.5]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[-1.0, 3.0]> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// A convolution that something else reads keeps its values.
// CHECK-LABEL: func @two_uses
// CHECK: %[[C:.*]] = nn.conv %arg0, %{{[^ ]*}} {
// CHECK: %[[N:.*]] = nn.conv %[[C]], %{{.*}} bias
// CHECK: return %[[C]], %[[N]]
func.func @two_uses(%x: tensor<1x1x4xf32>) -> (tensor<1x1x4xf32>, tensor<1x1x4xf32>) {
  %w = nn.constant dense<2.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %s = nn.constant dense<2.0> : tensor<1xf32> -> tensor<1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %1 = nn.batch_norm %0, %s, %s, %s, %s {epsilon = 0.0 : f32}
    : (tensor<1x1x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4xf32>
  return %0, %1 : tensor<1x1x4xf32>, tensor<1x1x4xf32>
}
