// RUN: acc-opt %s --nn-fold-constants | FileCheck %s
// RUN: acc-opt %s --nn-fold-constants=max-growth=1 | FileCheck %s --check-prefix=LIMIT

// CHECK-LABEL: func @chain
// CHECK-NEXT: %[[C:.*]] = nn.constant dense<{{\[}}[1.000000e+00, 0.000000e+00], [2.000000e+00, 4.000000e+00]]>
// CHECK-NEXT: return %[[C]]
func.func @chain() -> tensor<2x2xf32> {
  %c = nn.constant dense<[1.0, 2.0, -3.0, 4.0]> : tensor<4xf32> -> tensor<4xf32>
  %r = nn.reshape %c : (tensor<4xf32>) -> tensor<2x2xf32>
  %t = nn.transpose %r {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %a = nn.relu %t : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %a : tensor<2x2xf32>
}

// CHECK-LABEL: func @broadcast
// CHECK-NEXT: nn.constant dense<{{\[}}[1.100000e+01, 1.200000e+01], [2.000000e+01, 2.000000e+01]]>
func.func @broadcast() -> tensor<2x2xf32> {
  %a = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %0 = nn.add %a, %b {clamp_max = 20.0 : f32} : (tensor<2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// CHECK-LABEL: func @movement
// CHECK-NEXT: nn.constant dense<{{\[}}[9.000000e+00, 3.000000e+00, 1.000000e+00, 7.000000e+00], [9.000000e+00, 6.000000e+00, 4.000000e+00, 8.000000e+00]]>
func.func @movement() -> tensor<2x4xf32> {
  %a = nn.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> -> tensor<2x3xf32>
  %b = nn.constant dense<[[7.0], [8.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %s = nn.slice %a {sizes = array<i64: 2, 2>, starts = array<i64: 0, 2>, steps = array<i64: 1, -2>}
    : (tensor<2x3xf32>) -> tensor<2x2xf32>
  %p = nn.pad %s {mode = "constant", pads = array<i64: 0, 1, 0, 0>, value = 9.0 : f32}
    : (tensor<2x2xf32>) -> tensor<2x3xf32>
  %c = nn.concat %p, %b {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %c : tensor<2x4xf32>
}

// CHECK-LABEL: func @mean
// CHECK-NEXT: nn.constant dense<{{\[}}[2.000000e+00], [5.000000e+00]]>
func.func @mean() -> tensor<2x1xf32> {
  %a = nn.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> -> tensor<2x3xf32>
  %0 = nn.reduce_mean %a {axes = array<i64: 1>, keep_dims = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// Four elements from one pass only under the default limit.
// CHECK-LABEL: func @growth
// CHECK-NOT: nn.pad
// LIMIT-LABEL: func @growth
// LIMIT: nn.pad
func.func @growth() -> tensor<4xf32> {
  %a = nn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
  %0 = nn.pad %a {mode = "constant", pads = array<i64: 3, 0>, value = 0.0 : f32} : (tensor<1xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A reflected padding is not evaluated, nor is an op with an operand that varies.
// CHECK-LABEL: func @kept
// CHECK: nn.pad
// CHECK: nn.add
func.func @kept(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.pad %a {mode = "reflect", pads = array<i64: 1, 1>, value = 0.0 : f32} : (tensor<2xf32>) -> tensor<4xf32>
  %1 = nn.add %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Weights that a model keeps in float before its own quantization: 0.26 / 0.1
// rounds to 3, and 100 saturates.
// CHECK-LABEL: func @quantized_weights
// CHECK-NEXT: %[[Q:.*]] = nn.constant dense<[3, 127]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 1.000000e-01>>
// CHECK-NEXT: quant.dcast %[[Q]]
func.func @quantized_weights() -> tensor<2xf32> {
  %a = nn.constant dense<[0.26, 100.0]> : tensor<2xf32> -> tensor<2xf32>
  %q = quant.qcast %a : tensor<2xf32> to tensor<2x!quant.uniform<i8:f32, 0.1>>
  %d = quant.dcast %q : tensor<2x!quant.uniform<i8:f32, 0.1>> to tensor<2xf32>
  return %d : tensor<2xf32>
}
