// RUN: acc-opt %s --split-input-file --verify-diagnostics

func.func @channels(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x3x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected input channels = weight channels * groups and output channels a multiple of groups, got 4 input, 4 weight and 4 output channels, groups 2}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_result(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x3x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<1x4x6x6xf32>' are incompatible with return type(s) of operation 'tensor<1x4x8x8xf32>'}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_bias(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>, %b: tensor<1x4xf32>) {
  // expected-error @+1 {{expected bias of shape [4], got [1, 4]}}
  %0 = nn.conv %x, %w bias %b {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<1x4xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_residual(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>, %r: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected residual of shape [1, 4, 8, 8], got [4, 8, 8]}}
  %0 = nn.conv %x, %w residual %r {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_clamp(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>) {
  // expected-error @+1 {{expected clamp_min <= clamp_max, got}}
  %0 = nn.conv %x, %w {clamp_min = 1.0 : f32, clamp_max = 0.0 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_3d(%x: tensor<1x4x8x8x8xf32>, %w: tensor<4x4x1x1x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected an input of rank 3 or 4, got rank 5}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0, 0, 0>, strides = array<i64: 1, 1, 1>} : (tensor<1x4x8x8x8xf32>, tensor<4x4x1x1x1xf32>) -> tensor<1x4x8x8x8xf32>
  return
}

// -----

func.func @strides(%x: tensor<1x4x8x8xf32>, %w: tensor<4x4x1x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected 2 kernel sizes, strides and dilations and 4 pads, got 2, 1, 2 and 4}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1>} : (tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @window(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a window that fits the padded input in dimension 3, got input 8, kernel 3, stride 1, pads 0 and 0, dilation 4}}
  %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 1, 4>, kernel = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x6x1xf32>
  return
}

// -----

func.func @pool_pads(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{expected pads smaller than the window's extent 2 in dimension 2, got 2}}
  %0 = nn.average_pool %x {ceil_mode = false, count_include_pad = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 2, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>) -> tensor<1x4x9x7xf32>
  return
}

// -----

func.func @axes(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected axes sorted, unique and in [0, 4), got [3, 2]}}
  %0 = nn.reduce_mean %x {axes = array<i64: 3, 2>, keep_dims = true} : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
  return
}

// -----

func.func @gemm_rank(%x: tensor<4xf32>, %y: tensor<4x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected matrices, got ranks 1 and 2}}
  %0 = nn.gemm %x, %y {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false} : (tensor<4xf32>, tensor<4x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @gemm_bias(%x: tensor<2x4xf32>, %y: tensor<4x3xf32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{expected a bias that broadcasts to [2, 3], got [2]}}
  %0 = nn.gemm %x, %y bias %b {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false} : (tensor<2x4xf32>, tensor<4x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_inner(%x: tensor<2x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected equal inner sizes, got 4 and 2}}
  %0 = nn.matmul %x, %x : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @broadcast(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected shapes that broadcast, got sizes 4 and 2 in dimension 1}}
  %0 = nn.add %x, %y : (tensor<2x4xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @batch_norm(%x: tensor<2x4xf32>, %y: tensor<2xf32>) {
  // expected-error @+1 {{expected parameters of shape [4], got [2]}}
  %0 = nn.batch_norm %x, %y, %y, %y, %y {epsilon = 0.0 : f32} : (tensor<2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @softmax(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected axis in [0, 2), got -1}}
  %0 = nn.softmax %x {axis = -1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @lrn(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected a positive size, got 0}}
  %0 = nn.lrn %x {alpha = 1.0 : f32, beta = 1.0 : f32, bias = 1.0 : f32, size = 0 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @constant_shape() {
  // expected-error @+1 {{expected a value of shape [3], got [2]}}
  %0 = nn.constant dense<1.0> : tensor<2xf32> -> tensor<3xf32>
  return
}

// -----

func.func @constant_storage() {
  // expected-error @+1 {{expected a value of element type 'i8', got 'f32'}}
  %0 = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @dynamic(%x: tensor<?xf32>) {
  // expected-error @+1 {{operand #0 must be static tensor of f32, integer or quantized values}}
  %0 = nn.relu %x : (tensor<?xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reshape(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected equal numbers of elements, got shapes [2, 4] and [9]}}
  %0 = nn.reshape %x : (tensor<2x4xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @transpose(%x: tensor<2x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a permutation of 2 dimensions, got [0, 0]}}
  %0 = nn.transpose %x {perm = array<i64: 0, 0>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @concat(%x: tensor<2x4xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected inputs that differ in axis 1 alone, got [2, 4] and [3, 4]}}
  %0 = nn.concat %x, %y {axis = 1 : i64} : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @slice(%x: tensor<2x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected a slice inside dimension 1 of size 4, got start 1, size 3, step 2}}
  %0 = nn.slice %x {sizes = array<i64: 2, 3>, starts = array<i64: 0, 1>, steps = array<i64: 1, 2>} : (tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @pad_mode(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected mode constant, edge, reflect or wrap, got 'mirror'}}
  %0 = nn.pad %x {mode = "mirror", pads = array<i64: 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @pad_reflect(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{expected pads smaller than dimension 0 of size 2 to reflect, got 2}}
  %0 = nn.pad %x {mode = "reflect", pads = array<i64: 2, 0, 0, 0>, value = 0.0 : f32} : (tensor<2x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @pad_empty(%x: tensor<2x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected pads that leave dimension 0 of size 2 non-empty, got -1 and -1}}
  %0 = nn.pad %x {mode = "constant", pads = array<i64: -1, 0, -1, 0>, value = 0.0 : f32} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  return
}
