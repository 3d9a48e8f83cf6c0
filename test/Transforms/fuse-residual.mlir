// RUN: acc-opt %s --nn-fuse-residual --mlir-print-debuginfo | FileCheck %s

// The later convolution takes up the sum, its clamp and its name.
// CHECK-LABEL: func @two_convs
// CHECK: %[[FIRST:.*]] = nn.conv %arg0, %{{[^ ]*}} {dilations
// CHECK: nn.conv %arg0, %{{.*}} residual %[[FIRST]] {clamp_min = 0.000000e+00 : f32, {{.*}} loc(#[[LOC:.*]])
// CHECK-NOT: nn.add
func.func @two_convs(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("down")
  %1 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("main")
  %2 = nn.add %1, %0 {clamp_min = 0.0 : f32} : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32> loc("sum")
  return %2 : tensor<1x1x4xf32>
}

// The skip connection is computed after the convolution: the convolution moves.
// CHECK-LABEL: func @late_skip
// CHECK: %[[R:.*]] = nn.relu %arg0
// CHECK: nn.conv %arg0, %{{.*}} residual %[[R]]
func.func @late_skip(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %r = nn.relu %x : (tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  %2 = nn.add %0, %r : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  return %2 : tensor<1x1x4xf32>
}

// One residual at most: the second sum stays.
// CHECK-LABEL: func @three_terms
// CHECK: %[[C:.*]] = nn.conv %arg0, %{{.*}} residual %arg1
// CHECK: nn.add %[[C]], %arg2
func.func @three_terms(%x: tensor<1x1x4xf32>, %a: tensor<1x1x4xf32>, %b: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %1 = nn.add %0, %a : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  %2 = nn.add %1, %b : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  return %2 : tensor<1x1x4xf32>
}

// A clamp comes before the sum, a broadcast operand has another shape, and the
// sum of a value with itself is its second use.
// CHECK-LABEL: func @kept
// CHECK-COUNT-3: nn.add
func.func @kept(%x: tensor<1x1x4xf32>, %s: tensor<1xf32>) -> (tensor<1x1x4xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>) {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {clamp_min = 0.0 : f32, dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %1 = nn.add %0, %x : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  %2 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %3 = nn.add %2, %s : (tensor<1x1x4xf32>, tensor<1xf32>) -> tensor<1x1x4xf32>
  %4 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32>
  %5 = nn.add %4, %4 : (tensor<1x1x4xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  return %1, %3, %5 : tensor<1x1x4xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>
}

// CHECK-DAG: #[[MAIN:.*]] = loc("main")
// CHECK-DAG: #[[SUM:.*]] = loc("sum")
// CHECK-DAG: #[[LOC]] = loc(fused[#[[MAIN]], #[[SUM]]])
