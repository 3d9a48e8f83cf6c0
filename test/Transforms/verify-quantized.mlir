// RUN: acc-opt %s --split-input-file --nn-verify-quantized --verify-diagnostics

!t = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.25}>
!b = !quant.uniform<i32:f32:0, {0.125}>

func.func @good(%x: tensor<1x1x4x!t>) -> tensor<1x1x4x!t> {
  %w = nn.constant dense<1> : tensor<1x1x1xi8> -> tensor<1x1x1x!w>
  %b = nn.constant dense<1> : tensor<1xi32> -> tensor<1x!b>
  %0 = nn.conv %x, %w bias %b residual %x {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4x!t>, tensor<1x1x1x!w>, tensor<1x!b>, tensor<1x1x4x!t>) -> tensor<1x1x4x!t>
  return %0 : tensor<1x1x4x!t>
}

// -----

!t = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.25}>

func.func @float(%x: tensor<1x1x4xf32>) -> tensor<1x1x4x!t> {
  %w = nn.constant dense<1> : tensor<1x1x1xi8> -> tensor<1x1x1x!w>
  // expected-error@+1 {{nn.conv: expected an int8 operand per tensor, got 'f32'}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1x!w>) -> tensor<1x1x4x!t>
  return %0 : tensor<1x1x4x!t>
}

// -----

// The host takes floats and integers, and gives what the machine reads.
func.func @host(%x: tensor<2x4xf32>, %i: tensor<3xi64>) -> tensor<3x4x!quant.uniform<i8:f32, 0.5>> {
  %0 = nn.gather %x, %i {axis = 0 : i64} : (tensor<2x4xf32>, tensor<3xi64>) -> tensor<3x4x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<3x4x!quant.uniform<i8:f32, 0.5>>
}

// -----

func.func @cast(%x: tensor<4x!quant.uniform<i8:f32, 0.5>>) -> tensor<4xf32> {
  // expected-error@+1 {{quant.dcast: expected no cast}}
  %0 = quant.dcast %x : tensor<4x!quant.uniform<i8:f32, 0.5>> to tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

!t = !quant.uniform<i8:f32, 0.5>
!u = !quant.uniform<i8:f32, 0.25>

func.func @untied(%x: tensor<4x!t>) -> tensor<2x2x!u> {
  // expected-error@+1 {{nn.reshape: expected operands of the result's scale}}
  %0 = nn.reshape %x : (tensor<4x!t>) -> tensor<2x2x!u>
  return %0 : tensor<2x2x!u>
}

// -----

!t = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.25}>
!b = !quant.uniform<i32:f32:0, {0.5}>

func.func @bias_scale(%x: tensor<1x1x4x!t>) -> tensor<1x1x4x!t> {
  %w = nn.constant dense<1> : tensor<1x1x1xi8> -> tensor<1x1x1x!w>
  %b = nn.constant dense<1> : tensor<1xi32> -> tensor<1x!b>
  // expected-error@+1 {{nn.conv: expected a bias of scale 1.250000e-01, got 5.000000e-01}}
  %0 = nn.conv %x, %w bias %b {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4x!t>, tensor<1x1x1x!w>, tensor<1x!b>) -> tensor<1x1x4x!t>
  return %0 : tensor<1x1x4x!t>
}

// -----

!t = !quant.uniform<i8:f32, 0.5>
!w = !quant.uniform<i8:f32:0, {0.25}>

func.func @weights(%x: tensor<1x1x4x!t>) -> tensor<1x1x4x!t> {
  %w = nn.constant dense<1> : tensor<1x1x1xi8> -> tensor<1x1x1x!w>
  // expected-error@+1 {{nn.conv: expected int8 weights in [-127, 127] with one scale per output}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4x!t>, tensor<1x1x1x!w>) -> tensor<1x1x4x!t>
  return %0 : tensor<1x1x4x!t>
}
