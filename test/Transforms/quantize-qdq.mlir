// RUN: acc-opt %s --split-input-file --nn-quantize | FileCheck %s

!x = !quant.uniform<i8:f32, 0.5:3>
!y = !quant.uniform<i8:f32, 0.25:-128>
!w = !quant.uniform<i8:f32, 0.125>
!b = !quant.uniform<i32:f32, 0.0625>

// Scales and integers are the model's own; one scale for all weights becomes one
// for each output.
// CHECK-LABEL: func @conv
// CHECK-SAME: tensor<1x1x4x!quant.uniform<i8:f32, 5.000000e-01:3>>
// CHECK-SAME: -> tensor<1x2x4x!quant.uniform<i8:f32, 2.500000e-01:-128>>
// CHECK-DAG: nn.constant dense<{{\[\[}}[5]], {{\[}}[-7]]]> : tensor<2x1x1xi8> -> tensor<2x1x1x!quant.uniform<i8<-8:7>:f32:0, {1.250000e-01,1.250000e-01}>>
// CHECK-DAG: nn.constant dense<[1000, -70000001]> : tensor<2xi32> -> tensor<2x!quant.uniform<i32:f32:0, {6.250000e-02,6.250000e-02}>>
// CHECK: %[[C:.*]] = nn.conv
// CHECK-NEXT: return %[[C]]
func.func @conv(%x: tensor<1x1x4xf32>) -> tensor<1x2x4xf32> {
  %w = nn.constant dense<[[[5]], [[-7]]]> : tensor<2x1x1xi8> -> tensor<2x1x1x!w>
  %b = nn.constant dense<[1000, -70000001]> : tensor<2xi32> -> tensor<2x!b>
  %xq = quant.qcast %x : tensor<1x1x4xf32> to tensor<1x1x4x!x>
  %xd = quant.dcast %xq : tensor<1x1x4x!x> to tensor<1x1x4xf32>
  %wd = quant.dcast %w : tensor<2x1x1x!w> to tensor<2x1x1xf32>
  %bd = quant.dcast %b : tensor<2x!b> to tensor<2xf32>
  %0 = nn.conv %xd, %wd bias %bd {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  %q = quant.qcast %0 : tensor<1x2x4xf32> to tensor<1x2x4x!y>
  %d = quant.dcast %q : tensor<1x2x4x!y> to tensor<1x2x4xf32>
  return %d : tensor<1x2x4xf32>
}

// -----

!x = !quant.uniform<i8:f32, 0.5:3>
!w = !quant.uniform<i8:f32:0, {0.125, 1.0}>
!u = !quant.uniform<i8:f32, 0.125:-28>

// Row 0 keeps its integers. Weights with a zero point: 72 - -28 = 100 and
// -128 - -28 = -100 fit; 127 - -28 = 155 does not, so that row's scale grows by
// 155/127 and 100 becomes round(100 * 127 / 155) = 82.
// CHECK-LABEL: func @weights
// CHECK-DAG: nn.constant dense<{{\[}}[100, -100], [127, 82]]> : tensor<2x2xi8> -> tensor<2x2x!quant.uniform<i8<-127:127>:f32:0, {1.250000e-01,0.1525{{[0-9]*}}}>>
// CHECK-DAG: nn.constant dense<{{\[}}[5, 127], [-127, 4]]> : tensor<2x2xi8> -> tensor<2x2x!quant.uniform<i8<-127:127>:f32:0, {1.250000e-01,1.0078{{[0-9]*}}}>>
func.func @weights(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = nn.constant dense<[[5, 127], [-128, 4]]> : tensor<2x2xi8> -> tensor<2x2x!w>
  %u = nn.constant dense<[[72, -128], [127, 72]]> : tensor<2x2xi8> -> tensor<2x2x!u>
  %xq = quant.qcast %x : tensor<3x2xf32> to tensor<3x2x!x>
  %xd = quant.dcast %xq : tensor<3x2x!x> to tensor<3x2xf32>
  %wd = quant.dcast %w : tensor<2x2x!w> to tensor<2x2xf32>
  %ud = quant.dcast %u : tensor<2x2x!u> to tensor<2x2xf32>
  %0 = nn.gemm %xd, %wd {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %1 = nn.gemm %xd, %ud {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

!a = !quant.uniform<i8:f32, 0.5:3>
!b = !quant.uniform<i8:f32, 0.25:0>

// Two quantizations meet in a concatenation that has the second's: the first is
// converted. A value that is quantized twice is converted as well.
// CHECK-LABEL: func @conflicts
// CHECK-SAME: (%[[X:.*]]: tensor<2x!quant.uniform<i8:f32, 5.000000e-01:3>>, %[[Y:.*]]: tensor<2x!quant.uniform<i8:f32, 2.500000e-01>>)
// CHECK-DAG: %[[CX:.*]] = nn.clip %[[X]] : (tensor<2x!quant.uniform<i8:f32, 5.000000e-01:3>>) -> tensor<2x!quant.uniform<i8:f32, 2.500000e-01>>
// CHECK-DAG: %[[C:.*]] = nn.concat %[[CX]], %[[Y]]
// CHECK-DAG: %[[CY:.*]] = nn.clip %[[Y]] : (tensor<2x!quant.uniform<i8:f32, 2.500000e-01>>) -> tensor<2x!quant.uniform<i8:f32, 5.000000e-01:3>>
// CHECK: return %[[C]], %[[CY]]
func.func @conflicts(%x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<4xf32>, tensor<2xf32>) {
  %xq = quant.qcast %x : tensor<2xf32> to tensor<2x!a>
  %xd = quant.dcast %xq : tensor<2x!a> to tensor<2xf32>
  %yq = quant.qcast %y : tensor<2xf32> to tensor<2x!b>
  %yd = quant.dcast %yq : tensor<2x!b> to tensor<2xf32>
  %c = nn.concat %xd, %yd {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %cq = quant.qcast %c : tensor<4xf32> to tensor<4x!b>
  %cd = quant.dcast %cq : tensor<4x!b> to tensor<4xf32>
  %zq = quant.qcast %y : tensor<2xf32> to tensor<2x!a>
  %zd = quant.dcast %zq : tensor<2x!a> to tensor<2xf32>
  return %cd, %zd : tensor<4xf32>, tensor<2xf32>
}

// -----

!a = !quant.uniform<i8:f32, 0.5:3>

// A constant operand keeps its integers; what has no casts gets a range.
// CHECK-LABEL: func @partial
// CHECK-DAG: %[[C:.*]] = nn.constant dense<[7, -9]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, 5.000000e-01:3>>
// CHECK: nn.add %{{.*}}, %[[C]]
// CHECK: nn.relu {{.*}} -> tensor<2x!quant.uniform<i8:f32, {{.*}}:-128>>
func.func @partial(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = nn.constant dense<[7, -9]> : tensor<2xi8> -> tensor<2x!a>
  %cd = quant.dcast %c : tensor<2x!a> to tensor<2xf32>
  %0 = nn.add %x, %cd : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.relu %0 : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
