// RUN: acc-opt %s --nn-normalize | FileCheck %s

// A is transposed, B becomes N x K and takes alpha, the bias takes beta.
// CHECK-LABEL: func @gemm
// CHECK-DAG: %[[B:.*]] = nn.constant dense<{{\[}}[2.000000e+00, 6.000000e+00], [4.000000e+00, 8.000000e+00]]>
// CHECK-DAG: %[[C:.*]] = nn.constant dense<[5.000000e+00, 1.000000e+01]> : tensor<2xf32>
// CHECK-DAG: %[[A:.*]] = nn.transpose %arg0 {perm = array<i64: 1, 0>}
// CHECK: nn.gemm %[[A]], %[[B]] bias %[[C]] {alpha = 1.000000e+00 : f32, beta = 1.000000e+00 : f32, trans_a = false, trans_b = true}
func.func @gemm(%a: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %b = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %c = nn.constant dense<[[10.0, 20.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %0 = nn.gemm %a, %b bias %c {alpha = 2.0 : f32, beta = 0.5 : f32, trans_a = true, trans_b = false}
    : (tensor<2x3xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// A bias for each row is no vector of N.
// CHECK-LABEL: func @gemm_row_bias
// CHECK: %[[G:.*]] = nn.gemm %arg0, %{{[^ ]*}} {alpha
// CHECK: nn.add %[[G]], %arg1
func.func @gemm_row_bias(%a: tensor<3x2xf32>, %c: tensor<3x1xf32>) -> tensor<3x2xf32> {
  %b = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %a, %b bias %c {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x2xf32>, tensor<2x2xf32>, tensor<3x1xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// Nor is a bias that the network computes a constant of the layer.
// CHECK-LABEL: func @gemm_computed_bias
// CHECK-DAG: %[[G:.*]] = nn.gemm %arg0, %{{[^ ]*}} {alpha
// CHECK-DAG: %[[B:.*]] = nn.reshape %arg1 : (tensor<2xf32>) -> tensor<1x2xf32>
// CHECK: nn.add %[[G]], %[[B]] : (tensor<1x2xf32>, tensor<1x2xf32>)
func.func @gemm_computed_bias(%a: tensor<1x2xf32>, %c: tensor<2xf32>) -> tensor<1x2xf32> {
  %b = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %a, %b bias %c {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false}
    : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// CHECK-LABEL: func @conv_computed_bias
// CHECK-DAG: %[[CONV:.*]] = nn.conv %arg0, %{{[^ ]*}} {
// CHECK-DAG: %[[B:.*]] = nn.reshape %arg1 : (tensor<2xf32>) -> tensor<1x2x1xf32>
// CHECK: nn.add %[[CONV]], %[[B]]
func.func @conv_computed_bias(%x: tensor<3x1x4xf32>, %b: tensor<2xf32>) -> tensor<3x2x4xf32> {
  %w = nn.constant dense<1.0> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %0 = nn.conv %x, %w bias %b {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<3x1x4xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<3x2x4xf32>
  return %0 : tensor<3x2x4xf32>
}

// CHECK-LABEL: func @gemm_of_activations
// CHECK: %[[T:.*]] = nn.transpose %arg1
// CHECK: nn.matmul %arg0, %[[T]]
// CHECK-NOT: nn.gemm
func.func @gemm_of_activations(%a: tensor<3x2xf32>, %b: tensor<4x2xf32>) -> tensor<3x4xf32> {
  %0 = nn.gemm %a, %b {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x2xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// The sum after a matmul moves before the reshape, where nn-fuse-bias finds it.
// CHECK-LABEL: func @matmul
// CHECK-DAG: %[[W:.*]] = nn.constant dense<{{\[}}[1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]>
// CHECK-DAG: %[[A:.*]] = nn.reshape %arg0 : (tensor<5x3x2xf32>) -> tensor<15x2xf32>
// CHECK: %[[G:.*]] = nn.gemm %[[A]], %[[W]]
// CHECK: %[[S:.*]] = nn.add %[[G]]
// CHECK: nn.reshape %[[S]] : (tensor<15x2xf32>) -> tensor<5x3x2xf32>
func.func @matmul(%a: tensor<5x3x2xf32>) -> tensor<5x3x2xf32> {
  %b = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %c = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.matmul %a, %b : (tensor<5x3x2xf32>, tensor<2x2xf32>) -> tensor<5x3x2xf32>
  %1 = nn.add %0, %c : (tensor<5x3x2xf32>, tensor<2xf32>) -> tensor<5x3x2xf32>
  return %1 : tensor<5x3x2xf32>
}

// Weights of a QDQ model keep their integers; the axis of their scales turns.
// CHECK-LABEL: func @matmul_qdq
// CHECK: %[[Q:.*]] = nn.constant dense<{{\[}}[1, 3], [2, 4]]> : tensor<2x2xi8> -> tensor<2x2x!quant.uniform<i8:f32:0, {5.000000e-01,2.500000e-01}>>
// CHECK: %[[D:.*]] = quant.dcast %[[Q]]
// CHECK: nn.gemm %arg0, %[[D]]
func.func @matmul_qdq(%a: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %q = nn.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8> -> tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>>
  %d = quant.dcast %q : tensor<2x2x!quant.uniform<i8:f32:1, {0.5, 0.25}>> to tensor<2x2xf32>
  %0 = nn.matmul %a, %d : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// What a model quantizes itself must survive the driver.
// CHECK-LABEL: func @casts_stay
// CHECK: quant.qcast
// CHECK: quant.dcast
func.func @casts_stay(%a: tensor<2xf32>) -> tensor<2xf32> {
  %q = quant.qcast %a : tensor<2xf32> to tensor<2x!quant.uniform<i8:f32, 0.5>>
  %d = quant.dcast %q : tensor<2x!quant.uniform<i8:f32, 0.5>> to tensor<2xf32>
  return %d : tensor<2xf32>
}

// CHECK-LABEL: func @div
// CHECK: %[[C:.*]] = nn.constant dense<2.500000e-01>
// CHECK: nn.mul %arg0, %[[C]] {clamp_min = 0.000000e+00 : f32}
func.func @div(%a: tensor<2xf32>) -> tensor<2xf32> {
  %c = nn.constant dense<4.0> : tensor<f32> -> tensor<f32>
  %0 = nn.div %a, %c {clamp_min = 0.0 : f32} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func @div_by_zero
// CHECK: nn.div
func.func @div_by_zero(%a: tensor<2xf32>) -> tensor<2xf32> {
  %c = nn.constant dense<[4.0, 0.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.div %a, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func @pad_conv
// CHECK: nn.conv %arg0, {{.*}} pads = array<i64: 3, 2>
// CHECK-NOT: nn.pad
func.func @pad_conv(%x: tensor<1x1x4xf32>) -> tensor<1x1x7xf32> {
  %w = nn.constant dense<3.0> : tensor<1x1x3xf32> -> tensor<1x1x3xf32>
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 2, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x1x7xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 1, 1>, strides = array<i64: 1>}
    : (tensor<1x1x7xf32>, tensor<1x1x3xf32>) -> tensor<1x1x7xf32>
  return %1 : tensor<1x1x7xf32>
}

// CHECK-LABEL: func @pad_average
// CHECK: nn.average_pool %arg0 {ceil_mode = false, count_include_pad = true, {{.*}} pads = array<i64: 1, 1>
func.func @pad_average(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x1x6xf32>
  %1 = nn.average_pool %0 {ceil_mode = false, count_include_pad = false, dilations = array<i64: 1>, kernel = array<i64: 3>, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x6xf32>) -> tensor<1x1x4xf32>
  return %1 : tensor<1x1x4xf32>
}

// Ones are no zeros; channels have no padding; the average over the inside alone
// has another divisor; a ceiling lets windows start in the zeros.
// CHECK-LABEL: func @pads_kept
// CHECK-COUNT-4: nn.pad
func.func @pads_kept(%x: tensor<1x1x4xf32>) -> (tensor<1x1x6xf32>, tensor<1x1x4xf32>, tensor<1x1x6xf32>, tensor<1x1x3xf32>) {
  %w = nn.constant dense<3.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %w2 = nn.constant dense<3.0> : tensor<1x2x1xf32> -> tensor<1x2x1xf32>
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 0, 0, 1>, value = 1.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x1x6xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x6xf32>, tensor<1x1x1xf32>) -> tensor<1x1x6xf32>
  %2 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 0, 0, 1, 0>, value = 0.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x2x4xf32>
  %3 = nn.conv %2, %w2 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<1x2x1xf32>) -> tensor<1x1x4xf32>
  %4 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x1x6xf32>
  %5 = nn.average_pool %4 {ceil_mode = false, count_include_pad = false, dilations = array<i64: 1>, kernel = array<i64: 3>, pads = array<i64: 1, 1>, strides = array<i64: 1>}
    : (tensor<1x1x6xf32>) -> tensor<1x1x6xf32>
  %6 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 0, 0, 1>, value = 0.0 : f32} : (tensor<1x1x4xf32>) -> tensor<1x1x6xf32>
  %7 = nn.average_pool %6 {ceil_mode = true, count_include_pad = true, dilations = array<i64: 1>, kernel = array<i64: 3>, pads = array<i64: 0, 0>, strides = array<i64: 2>}
    : (tensor<1x1x6xf32>) -> tensor<1x1x3xf32>
  return %1, %3, %5, %7 : tensor<1x1x6xf32>, tensor<1x1x4xf32>, tensor<1x1x6xf32>, tensor<1x1x3xf32>
}

// x clip(x + 3, 0, 6) / 6
// CHECK-LABEL: func @hard_swish
// CHECK-NEXT: %[[R:.*]] = nn.hard_swish %arg0
// CHECK-NEXT: return %[[R]]
func.func @hard_swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = nn.constant dense<3.0> : tensor<f32> -> tensor<f32>
  %six = nn.constant dense<6.0> : tensor<1xf32> -> tensor<1xf32>
  %0 = nn.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.clip %0 {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.mul %x, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.div %2, %six : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// x (clip(x + 3, 0, 6) / 6): through hard_sigmoid.
// CHECK-LABEL: func @hard_swish_by_gate
// CHECK: nn.hard_swish %arg0
// CHECK-NOT: nn.mul
func.func @hard_swish_by_gate(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = nn.constant dense<3.0> : tensor<f32> -> tensor<f32>
  %six = nn.constant dense<6.0> : tensor<f32> -> tensor<f32>
  %0 = nn.add %x, %three : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.clip %0 {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.div %1, %six : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = nn.mul %2, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// CHECK-LABEL: func @hard_sigmoids
// CHECK-DAG: nn.hard_sigmoid %arg0 {alpha = 2.500000e-01 : f32, beta = 5.000000e-01 : f32}
// CHECK-DAG: nn.hard_sigmoid %arg0 {alpha = 2.000000e-01 : f32, beta = 5.000000e-01 : f32}
func.func @hard_sigmoids(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %two = nn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %quarter = nn.constant dense<0.25> : tensor<f32> -> tensor<f32>
  %half = nn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %fifth = nn.constant dense<0.2> : tensor<f32> -> tensor<f32>
  %0 = nn.add %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = nn.clip %0 {maximum = 4.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.mul %1, %quarter : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = nn.mul %x, %fifth : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = nn.add %3, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %5 = nn.clip %4 {maximum = 1.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %2, %5 : tensor<4xf32>, tensor<4xf32>
}

// Another gate, and the same gate on another value, are something else.
// CHECK-LABEL: func @no_hard_swish
// CHECK-NOT: nn.hard_swish
func.func @no_hard_swish(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.mul %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.hard_sigmoid %x {alpha = 0.16666667 : f32, beta = 0.5 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.mul %y, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func @silu
// CHECK-NEXT: %[[R:.*]] = nn.silu %arg0
// CHECK-NEXT: return %[[R]]
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// A gate of another value stays one.
// CHECK-LABEL: func @no_silu
// CHECK-NOT: nn.silu
func.func @no_silu(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.mul %0, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// An activation has one scale: here that of the second channel, whose range holds
// that of the first, [0, 1.275] in [-2.56, 2.54].
// CHECK-LABEL: func @one_scale
// CHECK-NEXT: %[[Q:.*]] = quant.qcast %arg0 : tensor<1x2x4x4xf32> to tensor<1x2x4x4x!quant.uniform<i8:f32, 0.02{{[0-9]*}}>>
// CHECK-NEXT: %[[D:.*]] = quant.dcast %[[Q]]
// CHECK-NEXT: return %[[D]]
func.func @one_scale(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %0 = quant.qcast %x : tensor<1x2x4x4xf32> to tensor<1x2x4x4x!quant.uniform<i8:f32:1, {0.005:-128,0.02:0}>>
  %1 = quant.dcast %0 : tensor<1x2x4x4x!quant.uniform<i8:f32:1, {0.005:-128,0.02:0}>> to tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// Of weights it stays one per channel.
// CHECK-LABEL: func @weight_scales
// CHECK: quant.qcast %{{.*}}x!quant.uniform<i8:f32:0, {
func.func @weight_scales() -> tensor<2x1xf32> {
  %w = nn.constant dense<[[0.5], [1.0]]> : tensor<2x1xf32> -> tensor<2x1xf32>
  %0 = quant.qcast %w : tensor<2x1xf32> to tensor<2x1x!quant.uniform<i8:f32:0, {0.005,0.02}>>
  %1 = quant.dcast %0 : tensor<2x1x!quant.uniform<i8:f32:0, {0.005,0.02}>> to tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}
