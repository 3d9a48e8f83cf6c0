// RUN: acc-opt %s --nn-fuse-activation | FileCheck %s

// CHECK-LABEL: func @relu
// CHECK-NEXT: %[[R:.*]] = nn.add %arg0, %arg1 {clamp_min = 0.000000e+00 : f32}
// CHECK-NEXT: return %[[R]]
func.func @relu(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.relu %0 : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// [-1, 8] and then [0, 6] is [0, 6]; a second clip to [7, 9] makes all of it 7.
// CHECK-LABEL: func @compose
// CHECK-DAG: nn.mul %arg0, %arg1 {clamp_max = 6.000000e+00 : f32, clamp_min = 0.000000e+00 : f32}
// CHECK-DAG: nn.sub %arg0, %arg1 {clamp_max = 7.000000e+00 : f32, clamp_min = 7.000000e+00 : f32}
func.func @compose(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.mul %a, %b {clamp_max = 8.0 : f32, clamp_min = -1.0 : f32} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.clip %0 {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.sub %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = nn.clip %2 {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %4 = nn.clip %3 {maximum = 9.0 : f32, minimum = 7.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %1, %4 : tensor<4xf32>, tensor<4xf32>
}

// ONNX: where minimum > maximum, everything is maximum.
// CHECK-LABEL: func @crossed
// CHECK: nn.add %arg0, %arg1 {clamp_max = 2.000000e+00 : f32, clamp_min = 2.000000e+00 : f32}
func.func @crossed(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %0 = nn.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.clip %0 {maximum = 2.0 : f32, minimum = 5.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func @two_uses
// CHECK: nn.relu
func.func @two_uses(%a: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.relu %0 : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func @of_argument
// CHECK: nn.relu %arg0
func.func @of_argument(%a: tensor<4xf32>) -> tensor<4xf32> {
  %1 = nn.relu %a : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
