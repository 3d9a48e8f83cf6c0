// RUN: acc-opt %s --nn-quantize | FileCheck %s

// Between a gather of embeddings and a gemm all is the host's: floats, and the ids
// stay integers. The last of them gives what the gemm reads.
// CHECK-LABEL: func @embedding
// CHECK-SAME: %[[IDS:.*]]: tensor<4xi64>
// CHECK: %[[ROWS:.*]] = nn.gather %{{.*}}, %[[IDS]] {{.*}} -> tensor<4x2xf32>
// CHECK: %[[SUM:.*]] = nn.add %[[ROWS]], %{{.*}} -> tensor<4x2xf32>
// CHECK: %[[SOFT:.*]] = nn.softmax %[[SUM]] {{.*}} -> tensor<4x2x!quant.uniform<i8:f32, {{.*}}>>
// CHECK: nn.gemm %[[SOFT]], {{.*}} -> tensor<4x2x!quant.uniform<i8:f32, {{.*}}>>
func.func @embedding(%ids: tensor<4xi64> {nn.name = "ids"}) -> tensor<4x2xf32> {
  %t = nn.constant dense<[[1.0, 2.0], [-1.0, 0.5], [0.0, 0.25]]> : tensor<3x2xf32> -> tensor<3x2xf32>
  %c = nn.constant dense<[0.5, -0.5]> : tensor<2xf32> -> tensor<2xf32>
  %w = nn.constant dense<[[1.0, 0.5], [0.25, 1.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gather %t, %ids {axis = 0 : i64} : (tensor<3x2xf32>, tensor<4xi64>) -> tensor<4x2xf32> loc("words")
  %1 = nn.add %0, %c : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32> loc("places")
  %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32> loc("soft")
  %3 = nn.gemm %2, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> loc("fc")
  return %3 : tensor<4x2xf32>
}

// What both read stays float, and the gemm reads a copy.
// CHECK-LABEL: func @both
// CHECK: %[[SOFT:.*]] = nn.softmax {{.*}} -> tensor<4x2xf32>
// CHECK: %[[COPY:.*]] = nn.clip %[[SOFT]] : (tensor<4x2xf32>) -> tensor<4x2x!quant.uniform<i8:f32, {{.*}}>>
// CHECK: nn.gemm %[[COPY]]
// CHECK: return %{{.*}}, %[[SOFT]]
func.func @both(%x: tensor<4x2xf32> {nn.name = "x"}) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = nn.constant dense<[[1.0, 0.5], [0.25, 1.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32> loc("soft")
  %1 = nn.gemm %0, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> loc("fc")
  return %1, %0 : tensor<4x2xf32>, tensor<4x2xf32>
}

// Boxes and scores of a detector have a scale each, and the output is float.
// CHECK-LABEL: func @detector
// CHECK: nn.gemm {{.*}} -> tensor<4x2x!quant
// CHECK: nn.sigmoid {{.*}} -> tensor<4x2x!quant
// CHECK: nn.concat {{.*}} -> tensor<4x4xf32>
func.func @detector(%x: tensor<4x2xf32> {nn.name = "x"}) -> tensor<4x4xf32> {
  %w = nn.constant dense<[[100.0, 50.0], [25.0, 100.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> loc("boxes")
  %1 = nn.sigmoid %0 : (tensor<4x2xf32>) -> tensor<4x2xf32> loc("scores")
  %2 = nn.concat %0, %1 {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32> loc("all")
  %3 = nn.transpose %2 {perm = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32> loc("turned")
  return %3 : tensor<4x4xf32>
}

// A function of one value stays behind the layer that makes it.
// CHECK-LABEL: func @epilogue
// CHECK: %[[FC:.*]] = nn.gemm {{.*}} -> tensor<4x2x!quant
// CHECK: %[[GELU:.*]] = nn.unary gelu %[[FC]] : {{.*}} -> tensor<4x2x!quant
// CHECK: nn.softmax %[[GELU]] {{.*}} -> tensor<4x2xf32>
func.func @epilogue(%x: tensor<4x2xf32> {nn.name = "x"}) -> tensor<4x2xf32> {
  %w = nn.constant dense<[[1.0, 0.5], [0.25, 1.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32> loc("fc")
  %1 = nn.unary gelu %0 : (tensor<4x2xf32>) -> tensor<4x2xf32> loc("gelu")
  %2 = nn.softmax %1 {axis = 1 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32> loc("soft")
  return %2 : tensor<4x2xf32>
}

// The array keeps constants: weights and statistics that the network computes, or
// that are its inputs, are the host's.
// CHECK-LABEL: func @computed_weights
// CHECK-SAME: %[[X:.*]]: tensor<1x1x4xf32> {{.*}}, %[[W:.*]]: tensor<1x1x1xf32> {{.*}}, %[[S:.*]]: tensor<1xf32>
// CHECK: %[[CONV:.*]] = nn.conv %[[X]], %[[W]] {{.*}} -> tensor<1x1x4xf32>
// CHECK: nn.batch_norm %[[CONV]], %[[S]], {{.*}} -> tensor<1x1x4xf32>
func.func @computed_weights(%x: tensor<1x1x4xf32> {nn.name = "x"}, %w: tensor<1x1x1xf32> {nn.name = "w"},
                            %s: tensor<1xf32> {nn.name = "s"}) -> tensor<1x1x4xf32> {
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("conv")
  %1 = nn.batch_norm %0, %s, %s, %s, %s {epsilon = 0.0 : f32}
    : (tensor<1x1x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4xf32> loc("bn")
  return %1 : tensor<1x1x4xf32>
}
