// Shapes that inference must accept; a result type that differs from the
// inferred one is an error (errors.mlir).
// RUN: acc-opt %s | FileCheck %s

// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<2x4x9x7xf32>, %l: tensor<1x6x10xf32>, %w: tensor<8x2x3x3xf32>, %v: tensor<6x1x3xf32>) {
  // Groups, stride 2, dilation 2 in one dimension.
  // CHECK: nn.conv {{.*}} -> tensor<2x8x5x3xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 2>, groups = 2 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}
    : (tensor<2x4x9x7xf32>, tensor<8x2x3x3xf32>) -> tensor<2x8x5x3xf32>
  // Depthwise, 1-D.
  // CHECK: nn.conv {{.*}} -> tensor<1x6x8xf32>
  %1 = nn.conv %l, %v {dilations = array<i64: 1>, groups = 6 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x6x10xf32>, tensor<6x1x3xf32>) -> tensor<1x6x8xf32>
  // (9 - 2) / 2 rounds up; (7 + 1 - 2) / 3 rounds up to 3 windows, the last of
  // which would start in the end padding.
  // CHECK: nn.max_pool {{.*}} -> tensor<2x4x5x3xf32>
  %2 = nn.max_pool %x {ceil_mode = true, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 1>, strides = array<i64: 2, 3>}
    : (tensor<2x4x9x7xf32>) -> tensor<2x4x5x3xf32>
  // CHECK: nn.average_pool {{.*}} -> tensor<1x6x4xf32>
  %3 = nn.average_pool %l {ceil_mode = true, count_include_pad = false, dilations = array<i64: 1>, kernel = array<i64: 3>, pads = array<i64: 0, 2>, strides = array<i64: 3>}
    : (tensor<1x6x10xf32>) -> tensor<1x6x4xf32>
  // CHECK: nn.reduce_mean {{.*}} -> tensor<2x7xf32>
  %4 = nn.reduce_mean %x {axes = array<i64: 1, 2>, keep_dims = false} : (tensor<2x4x9x7xf32>) -> tensor<2x7xf32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%v: tensor<3xf32>, %m: tensor<3x4xf32>, %b: tensor<2x1x5x3xf32>, %c: tensor<6x3x4xf32>, %v0: tensor<4x1xf32>) {
  // CHECK: nn.matmul {{.*}} -> tensor<f32>
  %0 = nn.matmul %v, %v : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  // CHECK: nn.matmul {{.*}} -> tensor<4xf32>
  %1 = nn.matmul %v, %m : (tensor<3xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  // CHECK: nn.matmul {{.*}} -> tensor<2x1x5xf32>
  %2 = nn.matmul %b, %v : (tensor<2x1x5x3xf32>, tensor<3xf32>) -> tensor<2x1x5xf32>
  // CHECK: nn.matmul {{.*}} -> tensor<2x6x5x4xf32>
  %3 = nn.matmul %b, %c : (tensor<2x1x5x3xf32>, tensor<6x3x4xf32>) -> tensor<2x6x5x4xf32>
  // CHECK: nn.gemm {{.*}} -> tensor<4x4xf32>
  %4 = nn.gemm %m, %m bias %v0 {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = true, trans_b = false}
    : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  return
}

// CHECK-LABEL: func.func @movement
func.func @movement(%x: tensor<2x3x4xf32>, %y: tensor<2x1x4xf32>, %z: tensor<3x1xf32>) {
  // CHECK: nn.mul {{.*}} -> tensor<2x3x4xf32>
  %0 = nn.mul %y, %z : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  // CHECK: nn.concat {{.*}} -> tensor<2x4x4xf32>
  %1 = nn.concat %x, %y {axis = 1 : i64} : (tensor<2x3x4xf32>, tensor<2x1x4xf32>) -> tensor<2x4x4xf32>
  // CHECK: nn.slice {{.*}} -> tensor<1x3x2xf32>
  %2 = nn.slice %x {sizes = array<i64: 1, 3, 2>, starts = array<i64: 1, 2, 3>, steps = array<i64: 1, -1, -3>} : (tensor<2x3x4xf32>) -> tensor<1x3x2xf32>
  // CHECK: nn.pad {{.*}} -> tensor<1x5x4xf32>
  %3 = nn.pad %x {mode = "reflect", pads = array<i64: -1, 1, 0, 0, 1, 0>, value = 0.0 : f32} : (tensor<2x3x4xf32>) -> tensor<1x5x4xf32>
  return
}
