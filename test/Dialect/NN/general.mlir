// RUN: acc-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @functions
// CHECK: nn.unary elu %{{.*}} {alpha = 1.000000e+00 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK: nn.unary is_nan %{{.*}} : (tensor<2x4xf32>) -> tensor<2x4xi1>
// CHECK: nn.binary less %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xi1>
// CHECK: nn.select %{{.*}} : (tensor<2x4xi1>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
// CHECK: nn.cast %{{.*}} : (tensor<2x4xf32>) -> tensor<2x4xi64>
func.func @functions(%x: tensor<2x4xf32>, %y: tensor<4xf32>) -> tensor<2x4xi64> {
  %0 = nn.unary elu %x {alpha = 1.0 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = nn.unary is_nan %0 : (tensor<2x4xf32>) -> tensor<2x4xi1>
  %2 = nn.binary less %0, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xi1>
  %3 = nn.select %2, %x, %y : (tensor<2x4xi1>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %4 = nn.cast %3 : (tensor<2x4xf32>) -> tensor<2x4xi64>
  return %4 : tensor<2x4xi64>
}

// CHECK-LABEL: func @regions
// CHECK: nn.roi_align %{{.*}}, %{{.*}}, %{{.*}} {half_pixel = true, height = 2 : i64, maximum = false, sampling_ratio = 0 : i64, spatial_scale = 2.500000e-01 : f32, width = 3 : i64}
func.func @regions(%x: tensor<1x4x8x8xf32>, %r: tensor<5x4xf32>, %b: tensor<5xi64>) -> tensor<5x4x2x3xf32> {
  %0 = nn.roi_align %x, %r, %b {height = 2 : i64, width = 3 : i64, spatial_scale = 0.25 : f32,
      sampling_ratio = 0 : i64, half_pixel = true, maximum = false}
    : (tensor<1x4x8x8xf32>, tensor<5x4xf32>, tensor<5xi64>) -> tensor<5x4x2x3xf32>
  return %0 : tensor<5x4x2x3xf32>
}

// CHECK-LABEL: func @indices
// CHECK: nn.gather %{{.*}} {axis = 0 : i64} : (tensor<9x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
// CHECK: nn.gather_nd %{{.*}} {batch_dims = 0 : i64} : (tensor<9x4xf32>, tensor<2x1xi64>) -> tensor<2x4xf32>
// CHECK: nn.reduce max %{{.*}} {axes = array<i64: 1>, keep_dims = false} : (tensor<9x4xf32>) -> tensor<9xf32>
// CHECK: nn.top_k %{{.*}} : (tensor<9xf32>) -> (tensor<2xf32>, tensor<2xi64>)
func.func @indices(%x: tensor<9x4xf32>, %i: tensor<2x3xi64>, %j: tensor<2x1xi64>) -> tensor<2xi64> {
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<9x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  %1 = nn.gather_nd %x, %j {batch_dims = 0 : i64} : (tensor<9x4xf32>, tensor<2x1xi64>) -> tensor<2x4xf32>
  %2 = nn.reduce max %x {axes = array<i64: 1>, keep_dims = false} : (tensor<9x4xf32>) -> tensor<9xf32>
  %3, %4 = nn.top_k %2 {axis = 0 : i64, k = 2 : i64, largest = true} : (tensor<9xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return %4 : tensor<2xi64>
}

// -----

func.func @alpha(%x: tensor<4xf32>) {
  // expected-error @below {{expected alpha alone for 'elu', got no alpha and no beta}}
  %0 = nn.unary elu %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @integers(%x: tensor<4xi64>) {
  // expected-error @below {{expected floats for 'tanh', got 'i64'}}
  %0 = nn.unary tanh %x : (tensor<4xi64>) -> tensor<4xi64>
  return
}

// -----

func.func @mixed(%x: tensor<4xi64>, %y: tensor<4xi32>) {
  // expected-error @below {{expected operands of one element type, got 'i64' and 'i32'}}
  %0 = nn.binary add %x, %y : (tensor<4xi64>, tensor<4xi32>) -> tensor<4xi64>
  return
}

// -----

func.func @bits(%x: tensor<4xf32>) {
  // expected-error @below {{expected integers for 'and', got 'f32'}}
  %0 = nn.binary and %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @k(%x: tensor<4xf32>) {
  // expected-error @below {{expected k in [0, 4], got 5}}
  %0, %1 = nn.top_k %x {axis = 0 : i64, k = 5 : i64, largest = true} : (tensor<4xf32>) -> (tensor<5xf32>, tensor<5xi64>)
  return
}

// -----

func.func @roi_batches(%x: tensor<1x4x8x8xf32>, %r: tensor<5x4xf32>, %b: tensor<4xi64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected an input [N, C, H, W], regions [R, 4] and R batches, got [1, 4, 8, 8], [5, 4] and [4]}}
  %0 = nn.roi_align %x, %r, %b {height = 2 : i64, width = 3 : i64, spatial_scale = 0.25 : f32, sampling_ratio = 0 : i64, half_pixel = true, maximum = false} : (tensor<1x4x8x8xf32>, tensor<5x4xf32>, tensor<4xi64>) -> tensor<5x4x2x3xf32>
  return
}

// -----

func.func @expand(%x: tensor<3xf32>) {
  // expected-error @below {{expected an input that broadcasts to [4], got [3]}}
  %0 = nn.expand %x : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @step(%x: tensor<4xf32>) {
  // expected-error @below {{expected a function of one value, got 'conv'}}
  %0 = nn.chain [abs, conv] %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @question(%x: tensor<4xf32>) {
  // expected-error @below {{expected functions that give floats, got kind 36}}
  %0 = nn.chain [is_nan] %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @no_step(%x: tensor<4xf32>) {
  // expected-error @below {{expected steps, each with alpha and beta, got 0, 0 and 0}}
  %0 = nn.chain [] %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @step_alone(%x: tensor<4xf32>) {
  // expected-error @below {{expected a function without an op of its own, got 'silu'}}
  %0 = nn.unary silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}
