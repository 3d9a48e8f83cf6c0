// RUN: acc-opt %s --nn-normalize | FileCheck %s

// A normalization after a depth-to-space goes up to the convolution, each channel of
// which gets the parameters of the channel that it ends up in: here 0, 1, 0, 1, ...
// CHECK-LABEL: func @depth_to_space
// CHECK-DAG: %[[SCALE:.*]] = nn.constant dense<[1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00]>
// CHECK-DAG: %[[CONV:.*]] = nn.conv %arg0
// CHECK: %[[NORM:.*]] = nn.batch_norm %[[CONV]], %[[SCALE]]
// CHECK: %[[RELU:.*]] = nn.relu %[[NORM]]
// CHECK: nn.reshape %[[RELU]]
// CHECK: nn.transpose
// CHECK: %[[MERGED:.*]] = nn.reshape
// CHECK: %[[CROP:.*]] = nn.slice %[[MERGED]]
// CHECK: return %[[CROP]]
func.func @depth_to_space(%x: tensor<1x3x4x4xf32>) -> tensor<1x2x7x7xf32> {
  %w = nn.constant dense<1.0> : tensor<8x3x1x1xf32> -> tensor<8x3x1x1xf32>
  %s = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<[3.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %1 = nn.reshape %0 : (tensor<1x8x4x4xf32>) -> tensor<1x2x2x2x4x4xf32>
  %2 = nn.transpose %1 {perm = array<i64: 0, 3, 4, 1, 5, 2>} : (tensor<1x2x2x2x4x4xf32>) -> tensor<1x2x4x2x4x2xf32>
  %3 = nn.reshape %2 : (tensor<1x2x4x2x4x2xf32>) -> tensor<1x2x8x8xf32>
  %4 = nn.slice %3 {starts = array<i64: 0, 0, 1, 1>, sizes = array<i64: 1, 2, 7, 7>, steps = array<i64: 1, 1, 1, 1>}
    : (tensor<1x2x8x8xf32>) -> tensor<1x2x7x7xf32>
  %5 = nn.batch_norm %4, %s, %s, %s, %v {epsilon = 1.0e-5 : f32}
    : (tensor<1x2x7x7xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x7x7xf32>
  %6 = nn.relu %5 : (tensor<1x2x7x7xf32>) -> tensor<1x2x7x7xf32>
  return %6 : tensor<1x2x7x7xf32>
}

// A space-to-depth gives the channels of the result to pixels: no constant per channel
// of the convolution says that. An activation goes up all the same.
// CHECK-LABEL: func @space_to_depth
// CHECK-DAG: %[[CONV:.*]] = nn.conv %arg0
// CHECK: nn.reshape %[[CONV]]
// CHECK: nn.transpose
// CHECK: %[[MERGED:.*]] = nn.reshape
// CHECK: nn.add %[[MERGED]]
func.func @space_to_depth(%x: tensor<1x3x4x4xf32>) -> tensor<1x8x2x2xf32> {
  %w = nn.constant dense<1.0> : tensor<2x3x1x1xf32> -> tensor<2x3x1x1xf32>
  %c = nn.constant dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]], [[6.0]], [[7.0]], [[8.0]]]> : tensor<8x1x1xf32> -> tensor<8x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.reshape %0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2x2x2xf32>
  %2 = nn.transpose %1 {perm = array<i64: 0, 3, 5, 1, 2, 4>} : (tensor<1x2x2x2x2x2xf32>) -> tensor<1x2x2x2x2x2xf32>
  %3 = nn.reshape %2 : (tensor<1x2x2x2x2x2xf32>) -> tensor<1x8x2x2xf32>
  %4 = nn.add %3, %c : (tensor<1x8x2x2xf32>, tensor<8x1x1xf32>) -> tensor<1x8x2x2xf32>
  return %4 : tensor<1x8x2x2xf32>
}

// A bias along the last dimension of a transposed result is one per channel.
// CHECK-LABEL: func @channels_last
// CHECK-DAG: %[[BIAS:.*]] = nn.constant dense<{{.*}}> : tensor<1x2x1x1xf32>
// CHECK-DAG: %[[CONV:.*]] = nn.conv %arg0
// CHECK: %[[SUM:.*]] = nn.add %[[CONV]], %[[BIAS]]
// CHECK: %[[RELU:.*]] = nn.relu %[[SUM]]
// CHECK: nn.transpose %[[RELU]]
func.func @channels_last(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x2xf32> {
  %w = nn.constant dense<1.0> : tensor<2x3x1x1xf32> -> tensor<2x3x1x1xf32>
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.transpose %0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x4x4x2xf32>
  %2 = nn.add %1, %c : (tensor<1x4x4x2xf32>, tensor<2xf32>) -> tensor<1x4x4x2xf32>
  %3 = nn.relu %2 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return %3 : tensor<1x4x4x2xf32>
}

// A value that something else reads stays where it is.
// CHECK-LABEL: func @two_uses
// CHECK: %[[T:.*]] = nn.transpose
// CHECK: %[[RELU:.*]] = nn.relu %[[T]]
// CHECK: return %[[T]], %[[RELU]]
func.func @two_uses(%x: tensor<1x3x4x4xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x3x1x1xf32> -> tensor<2x3x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.transpose %0 {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x4x4x2xf32>
  %2 = nn.relu %1 : (tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32>
  return %1, %2 : tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>
}

// Padding before a transposition is padding of the convolution behind it.
// CHECK-LABEL: func @pad_channels_last
// CHECK: %[[T:.*]] = nn.transpose %arg0
// CHECK: nn.conv %[[T]], %{{.*}}pads = array<i64: 0, 1, 2, 3>
func.func @pad_channels_last(%x: tensor<1x4x4x3xf32>) -> tensor<1x2x6x8xf32> {
  %w = nn.constant dense<1.0> : tensor<2x3x1x1xf32> -> tensor<2x3x1x1xf32>
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 0, 0, 2, 3, 0>, value = 0.0 : f32}
    : (tensor<1x4x4x3xf32>) -> tensor<1x6x8x3xf32>
  %1 = nn.transpose %0 {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x6x8x3xf32>) -> tensor<1x3x6x8xf32>
  %2 = nn.conv %1, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x6x8xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x6x8xf32>
  return %2 : tensor<1x2x6x8xf32>
}
