// RUN: acc-opt %s --nn-remove-branches | FileCheck %s
// RUN: acc-opt %s --nn-remove-branches="branch=second" | FileCheck %s --check-prefix=SECOND
// RUN: not acc-opt %s --nn-remove-branches="branch=third" 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: expected a residual branch to remove, got 'third'

// Two blocks; the clamp of a sum stays where the skip connection may leave it.
// CHECK-LABEL: func @blocks
// CHECK-NEXT: %[[RELU:.*]] = nn.clip %arg0 {minimum = 0.000000e+00 : f32}
// CHECK-NEXT: return %[[RELU]]
// SECOND-LABEL: func @blocks
// SECOND: nn.conv
// SECOND: %[[SUM:.*]] = nn.add
// SECOND-NEXT: return %[[SUM]]
func.func @blocks(%x: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
  %w = nn.constant dense<1.0> : tensor<2x2x1xf32> -> tensor<2x2x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %1 = nn.relu %0 : (tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %2 = nn.conv %1, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %3 = nn.add %2, %x {clamp_min = 0.0 : f32} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32> loc("first")
  %4 = nn.conv %3, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %5 = nn.add %3, %4 {clamp_min = 0.0 : f32} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32> loc("second")
  return %5 : tensor<1x2x4xf32>
}

// The sum fused into the last convolution, behind a projection; the projection
// with fewer convolutions stays.
// CHECK-LABEL: func @fused
// CHECK: %[[SKIP:.*]] = nn.conv %arg0,
// CHECK: return %[[SKIP]]
func.func @fused(%x: tensor<1x1x4xf32>) -> tensor<1x2x4xf32> {
  %w1 = nn.constant dense<1.0> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %w2 = nn.constant dense<1.0> : tensor<2x2x1xf32> -> tensor<2x2x1xf32>
  %0 = nn.conv %x, %w1 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4xf32> loc("projection")
  %1 = nn.conv %x, %w1 {clamp_min = 0.0 : f32, dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4xf32>
  %2 = nn.conv %1, %w2 residual %0 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  return %2 : tensor<1x2x4xf32>
}

// No branches: the inside is used elsewhere; the operands have nothing in
// common; one operand is broadcast.
// CHECK-LABEL: func @kept
// CHECK-COUNT-3: nn.add
func.func @kept(%x: tensor<1x2x4xf32>, %y: tensor<1x2x4xf32>, %z: tensor<1x2x1xf32>)
    -> (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x2x1xf32> -> tensor<2x2x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %1 = nn.add %0, %x : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %2 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %3 = nn.add %2, %y : (tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %4 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<2x2x1xf32>) -> tensor<1x2x4xf32>
  %5 = nn.add %4, %z : (tensor<1x2x4xf32>, tensor<1x2x1xf32>) -> tensor<1x2x4xf32>
  return %0, %1, %3, %5 : tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>
}
