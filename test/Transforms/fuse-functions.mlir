// RUN: acc-opt %s --nn-fuse-functions | FileCheck %s
// RUN: acc-opt %s --nn-fuse-functions | acc-opt --nn-fuse-functions - | FileCheck %s

// A learnable affine block: what PP-LCNet and PP-OCR have behind activations.
// CHECK-LABEL: func @affine
// CHECK-NEXT: %[[R:.*]] = nn.chain [hard_swish, affine(5.000000e-01, 0.000000e+00), affine(1.000000e+00, 2.000000e+00)] %arg0
// CHECK-NEXT: return %[[R]]
func.func @affine(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  %a = nn.constant dense<0.5> : tensor<1xf32> -> tensor<1xf32>
  %b = nn.constant dense<2.0> : tensor<4x1x1xf32> -> tensor<4x1x1xf32>
  %0 = nn.hard_swish %x : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %1 = nn.mul %a, %0 : (tensor<1xf32>, tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %2 = nn.add %1, %b : (tensor<1x4x2x2xf32>, tensor<4x1x1xf32>) -> tensor<1x4x2x2xf32>
  return %2 : tensor<1x4x2x2xf32>
}

// Each side of sub and div; the clamp of an op is a step of its own.
// CHECK-LABEL: func @sides
// CHECK: nn.chain [affine(-1.000000e+00, 3.000000e+00), clamp(0.000000e+00, 6.000000e+00)] %arg0
// CHECK: nn.chain [affine(1.000000e+00, -3.000000e+00)] %arg0
// CHECK: nn.chain [affine(2.500000e-01, 0.000000e+00)] %arg0
// CHECK: nn.chain [reciprocal, affine(4.000000e+00, 0.000000e+00)] %arg0
// CHECK: nn.chain [leaky_relu(3.000000e+00)] %arg0
func.func @sides(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c = nn.constant dense<3.0> : tensor<f32> -> tensor<f32>
  %d = nn.constant dense<4.0> : tensor<f32> -> tensor<f32>
  %0 = nn.sub %c, %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32} : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.sub %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = nn.div %x, %d : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = nn.div %d, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = nn.binary prelu %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1, %2, %3, %4 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// A function alone keeps its op; what is read twice ends a chain.
// CHECK-LABEL: func @alone
// CHECK-NEXT: %[[T:.*]] = nn.unary tanh %arg0
// CHECK-NEXT: nn.chain [abs, sigmoid] %[[T]]
// CHECK-NOT: nn.
func.func @alone(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = nn.unary tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.unary abs %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = nn.sigmoid %1 : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %2 : tensor<4xf32>, tensor<4xf32>
}

// Constants of several values, and those that make the result larger, stay.
// CHECK-LABEL: func @others
// CHECK-NOT: nn.chain
// CHECK: return
func.func @others(%x: tensor<4xf32>, %y: tensor<1xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> -> tensor<4xf32>
  %d = nn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  %0 = nn.mul %x, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = nn.mul %y, %d : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
