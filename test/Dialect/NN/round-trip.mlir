// Every example of the dialect's documentation parses, and prints as it was.
// RUN: acc-opt %s | acc-opt - | FileCheck %s
// RUN: acc-opt %s --mlir-print-op-generic | acc-opt - | FileCheck %s

// CHECK-LABEL: func.func @add
// CHECK: nn.add
func.func @add(%a: tensor<1x4x2x2xf32>, %b: tensor<4x1x1xf32>) -> tensor<1x4x2x2xf32> {
    %0 = nn.add %a, %b : (tensor<1x4x2x2xf32>, tensor<4x1x1xf32>) -> tensor<1x4x2x2xf32>
      return %0 : tensor<1x4x2x2xf32>
}

// CHECK-LABEL: func.func @relu
// CHECK: nn.relu
func.func @relu(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @clip
// CHECK: nn.clip
func.func @clip(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.clip %x {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @leaky_relu
// CHECK: nn.leaky_relu
func.func @leaky_relu(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.leaky_relu %x {alpha = 0.01 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @sigmoid
// CHECK: nn.sigmoid
func.func @sigmoid(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.sigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @hard_sigmoid
// CHECK: nn.hard_sigmoid
func.func @hard_sigmoid(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @silu
// CHECK: nn.silu
func.func @silu(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.silu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @hard_swish
// CHECK: nn.hard_swish
func.func @hard_swish(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.hard_swish %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @batch_norm
// CHECK: nn.batch_norm
func.func @batch_norm(%x: tensor<1x4x2x2xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>) -> tensor<1x4x2x2xf32> {
    %0 = nn.batch_norm %x, %s, %b, %m, %v {epsilon = 1.0e-5 : f32}
      : (tensor<1x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32>
      return %0 : tensor<1x4x2x2xf32>
}

// CHECK-LABEL: func.func @softmax
// CHECK: nn.softmax
func.func @softmax(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @lrn
// CHECK: nn.lrn
func.func @lrn(%x: tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32> {
    %0 = nn.lrn %x {alpha = 1.0e-4 : f32, beta = 0.75 : f32, bias = 1.0 : f32, size = 5 : i64}
      : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
      return %0 : tensor<1x8x2x2xf32>
}

// CHECK-LABEL: func.func @conv
// CHECK: nn.conv
func.func @conv(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %b: tensor<4xf32>) -> tensor<1x4x8x8xf32> {
    %0 = nn.conv %x, %w bias %b {clamp_min = 0.0 : f32,
      dilations = array<i64: 1, 1>, groups = 1 : i64,
      pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
      return %0 : tensor<1x4x8x8xf32>
}

// CHECK-LABEL: func.func @gemm
// CHECK: nn.gemm
func.func @gemm(%a: tensor<1x64xf32>, %b: tensor<10x64xf32>, %c: tensor<10xf32>) -> tensor<1x10xf32> {
    %0 = nn.gemm %a, %b bias %c {alpha = 1.0 : f32, beta = 1.0 : f32,
      trans_a = false, trans_b = true}
      : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>) -> tensor<1x10xf32>
      return %0 : tensor<1x10xf32>
}

// CHECK-LABEL: func.func @matmul
// CHECK: nn.matmul
func.func @matmul(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) -> tensor<2x3x5xf32> {
    %0 = nn.matmul %a, %b : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
      return %0 : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @constant
// CHECK: nn.constant
func.func @constant() -> tensor<2xf32> {
    %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
      return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @reshape
// CHECK: nn.reshape
func.func @reshape(%x: tensor<1x4x2x2xf32>) -> tensor<1x16xf32> {
    %0 = nn.reshape %x : (tensor<1x4x2x2xf32>) -> tensor<1x16xf32>
      return %0 : tensor<1x16xf32>
}

// CHECK-LABEL: func.func @transpose
// CHECK: nn.transpose
func.func @transpose(%x: tensor<1x4x2x2xf32>) -> tensor<1x2x2x4xf32> {
    %0 = nn.transpose %x {perm = array<i64: 0, 2, 3, 1>}
      : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x4xf32>
      return %0 : tensor<1x2x2x4xf32>
}

// CHECK-LABEL: func.func @concat
// CHECK: nn.concat
func.func @concat(%a: tensor<1x4x2x2xf32>, %b: tensor<1x3x2x2xf32>) -> tensor<1x7x2x2xf32> {
    %0 = nn.concat %a, %b {axis = 1 : i64}
      : (tensor<1x4x2x2xf32>, tensor<1x3x2x2xf32>) -> tensor<1x7x2x2xf32>
      return %0 : tensor<1x7x2x2xf32>
}

// CHECK-LABEL: func.func @slice
// CHECK: nn.slice
func.func @slice(%x: tensor<1x4x2x2xf32>) -> tensor<1x2x2x2xf32> {
    %0 = nn.slice %x {sizes = array<i64: 1, 2, 2, 2>, starts = array<i64: 0, 1, 0, 0>,
      steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x2xf32>
      return %0 : tensor<1x2x2x2xf32>
}

// CHECK-LABEL: func.func @pad
// CHECK: nn.pad
func.func @pad(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x4x4xf32> {
    %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, value = 0.0 : f32}
      : (tensor<1x4x2x2xf32>) -> tensor<1x4x4x4xf32>
      return %0 : tensor<1x4x4x4xf32>
}

// CHECK-LABEL: func.func @max_pool
// CHECK: nn.max_pool
func.func @max_pool(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32> {
    %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 1, 1>,
      kernel = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
      return %0 : tensor<1x4x4x4xf32>
}

// CHECK-LABEL: func.func @average_pool
// CHECK: nn.average_pool
func.func @average_pool(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32> {
    %0 = nn.average_pool %x {ceil_mode = false, count_include_pad = true,
      dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
      pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
      return %0 : tensor<1x4x4x4xf32>
}

// CHECK-LABEL: func.func @reduce_mean
// CHECK: nn.reduce_mean
func.func @reduce_mean(%x: tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32> {
    %0 = nn.reduce_mean %x {axes = array<i64: 2, 3>, keep_dims = true}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
      return %0 : tensor<1x4x1x1xf32>
}

// CHECK-LABEL: func.func @sub_mul_div
// CHECK: nn.sub %{{.*}}, %{{.*}} {clamp_min = 0.000000e+00 : f32}
// CHECK: nn.mul
// CHECK: nn.div
func.func @sub_mul_div(%a: tensor<2x3xf32>, %b: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = nn.sub %a, %b {clamp_min = 0.0 : f32} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = nn.mul %0, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = nn.div %1, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @fused
// CHECK: nn.conv %{{.*}}, %{{.*}} bias %{{.*}} residual %{{.*}} {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32
// CHECK: nn.gemm %{{.*}}, %{{.*}} residual %{{.*}} {
func.func @fused(%x: tensor<1x4x8xf32>, %w: tensor<4x4x3xf32>, %b: tensor<4xf32>,
                 %m: tensor<8x8xf32>) -> (tensor<1x4x8xf32>, tensor<8x8xf32>) {
  %0 = nn.conv %x, %w bias %b residual %x {
      clamp_min = 0.0 : f32, clamp_max = 6.0 : f32, dilations = array<i64: 1>,
      groups = 1 : i64, pads = array<i64: 1, 1>, strides = array<i64: 1>}
    : (tensor<1x4x8xf32>, tensor<4x4x3xf32>, tensor<4xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  %1 = nn.gemm %m, %m residual %m {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false}
    : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<1x4x8xf32>, tensor<8x8xf32>
}

// CHECK-LABEL: func.func @quantized
// CHECK: nn.constant dense<1> : tensor<2x3xi8> -> tensor<2x3x!quant.uniform<i8<-127:127>:f32:0, {5.000000e-01,2.500000e-01}>>
// CHECK: nn.relu %{{.*}} : (tensor<2x3x!quant.uniform<i8:f32, 5.000000e-01:-3>>) -> tensor<2x3x!quant.uniform<i8:f32, 2.500000e-01:-128>>
func.func @quantized(%x: tensor<2x3x!quant.uniform<i8:f32, 0.5:-3>>)
    -> tensor<2x3x!quant.uniform<i8:f32, 0.25:-128>> {
  %0 = nn.constant dense<1> : tensor<2x3xi8> -> tensor<2x3x!quant.uniform<i8<-127:127>:f32:0, {0.5, 0.25}>>
  %1 = nn.relu %x : (tensor<2x3x!quant.uniform<i8:f32, 0.5:-3>>) -> tensor<2x3x!quant.uniform<i8:f32, 0.25:-128>>
  return %1 : tensor<2x3x!quant.uniform<i8:f32, 0.25:-128>>
}
