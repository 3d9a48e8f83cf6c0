// RUN: acc-opt %s --split-input-file --verify-diagnostics

func.func @columns(%x: tensor<1x8x8x4xi8>) -> tensor<1x4x5x4xi8> {
  // expected-error @+1 {{'accel.max_pool' op expected 4 result columns, got 5}}
  %0 = accel.max_pool %x {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x8x8x4xi8>) -> tensor<1x4x5x4xi8>
  return %0 : tensor<1x4x5x4xi8>
}

// -----

func.func @scales(%x: tensor<1x8x8x4xi8>) -> tensor<1x8x4x4xi8> {
  // expected-error @+1 {{'accel.avg_pool' op expected 2 scales, got 1 multipliers}}
  %0 = accel.avg_pool %x {count_include_pad = false, dilations = array<i64: 1, 1>,
    input_zero_point = 0 : i32, kernel = array<i64: 1, 2>,
    multiplier = array<i32: 1073741824>, output_zero_point = 0 : i32,
    pads = array<i64: 0, 0, 0, 0>, shift = array<i32: 30, 31>, strides = array<i64: 1, 2>}
    : (tensor<1x8x8x4xi8>) -> tensor<1x8x4x4xi8>
  return %0 : tensor<1x8x4x4xi8>
}

// -----

func.func @groups(%x: tensor<1x4x4x6xi8>) -> tensor<1x4x4x4xi8> {
  %w = accel.constant dense<1> : tensor<4x1x1x2xi8>
  %b = accel.constant dense<0> : tensor<4xi32>
  // expected-error @+1 {{'accel.conv2d' op expected weights of 4 x KH x KW x 6/2, got 'tensor<4x1x1x2xi8>'}}
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 2 : i64,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>} : (tensor<1x4x4x6xi8>, tensor<4x1x1x2xi8>, tensor<4xi32>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

func.func @residual(%x: tensor<1x4x4x4xi8>) -> tensor<1x4x4x4xi8> {
  %w = accel.constant dense<1> : tensor<4x1x1x4xi8>
  %b = accel.constant dense<0> : tensor<4xi32>
  // expected-error @+1 {{'accel.conv2d' op expected residual and sum scales exactly where there is a residual}}
  %0 = accel.conv2d %x, %w, %b residual %x {dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>} : (tensor<1x4x4x4xi8>, tensor<4x1x1x4xi8>, tensor<4xi32>, tensor<1x4x4x4xi8>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

func.func @table(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error @+1 {{'accel.lookup' op expected a table of 256 entries, got 2}}
  %0 = accel.lookup %x {table = array<i8: 1, 2>} : (tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

func.func @slice(%x: tensor<1x4xi8>) -> tensor<1x3xi8> {
  // expected-error @+1 {{'accel.slice' op dimension 1 leaves the input}}
  %0 = accel.slice %x {starts = array<i64: 0, 0>, steps = array<i64: 1, 2>} : (tensor<1x4xi8>) -> tensor<1x3xi8>
  return %0 : tensor<1x3xi8>
}

// -----

func.func @broadcast(%x: tensor<1x4xi8>, %y: tensor<1x3xi8>) -> tensor<1x4xi8> {
  // expected-error @+1 {{'accel.binary' op dimension 1 does not broadcast}}
  %0 = accel.binary %x, %y {clamp_max = 127 : i32, clamp_min = -128 : i32,
    kind = #accel.kind<mul>, lhs_zero_point = 0 : i32, output_scale = #accel.scale<1073741824, 38>,
    output_zero_point = 0 : i32, rhs_zero_point = 0 : i32} : (tensor<1x4xi8>, tensor<1x3xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}

// -----

func.func @host(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
  // expected-error @+1 {{'accel.host' op expected a function named @nowhere}}
  %0 = accel.host @nowhere(%x) {operations = 1 : i64, reason = "why"} : (tensor<1x4xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}

// -----

func.func @bits(%x: tensor<1x4x4x4xi8>) -> tensor<1x4x4x4xi8> {
  %w = accel.constant dense<1> : tensor<4x1x1x4xi8>
  %b = accel.constant dense<0> : tensor<4xi32>
  // expected-error @+1 {{'accel.conv2d' op expected 2 to 8 bits of the input, got 1}}
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, input_bits = 1 : i32,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>} : (tensor<1x4x4x4xi8>, tensor<4x1x1x4xi8>, tensor<4xi32>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

func.func @weights(%x: tensor<1x4x4x4xi8>) -> tensor<1x4x4x4xi8> {
  %w = accel.constant dense<[[[1, 2, -4, 4]]]> : tensor<1x1x4xi8>
  %b = accel.constant dense<0> : tensor<4xi32>
  // expected-error @+1 {{'accel.depthwise_conv2d' op expected weights of 3 bits, got 4}}
  %0 = accel.depthwise_conv2d %x, %w, %b {dilations = array<i64: 1, 1>,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>, weight_bits = 3 : i32} : (tensor<1x4x4x4xi8>, tensor<1x1x4xi8>, tensor<4xi32>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

func.func @clamp(%x: tensor<1x8x8x4xi8>) -> tensor<1x4x4x4xi8> {
  // expected-error @+1 {{'accel.max_pool' op expected -128 <= clamp_min <= clamp_max <= 127, got 5 and 4}}
  %0 = accel.max_pool %x {clamp_max = 4 : i32, clamp_min = 5 : i32, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x8x8x4xi8>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

// Four weights of 127 times 2^15 and the bias are one more than int32 holds.
func.func @sums(%x: tensor<1x4x4x4xi16>) -> tensor<1x4x4x1xi16> {
  %w = accel.constant dense<127> : tensor<1x1x1x4xi8>
  %b = accel.constant dense<-2130837504> : tensor<1xi32>
  // expected-error @+1 {{'accel.conv2d' op expected sums in int32, got up to 2147483648 in channel 0}}
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, input_bits = 16 : i32,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-32768, 32767]>,
    strides = array<i64: 1, 1>} : (tensor<1x4x4x4xi16>, tensor<1x1x1x4xi8>, tensor<1xi32>) -> tensor<1x4x4x1xi16>
  return %0 : tensor<1x4x4x1xi16>
}

// -----

func.func @wide_zero_point(%x: tensor<1x4x4x4xi16>) -> tensor<1x4x4x4xi8> {
  // expected-error @+1 {{'accel.avg_pool' op expected a zero point of 0 for 'tensor<1x4x4x4xi16>', got 3}}
  %0 = accel.avg_pool %x {count_include_pad = true, dilations = array<i64: 1, 1>,
    input_zero_point = 3 : i32, kernel = array<i64: 1, 1>, multiplier = array<i32: 1073741824>,
    output_zero_point = 7 : i32, pads = array<i64: 0, 0, 0, 0>, shift = array<i32: 30>,
    strides = array<i64: 1, 1>} : (tensor<1x4x4x4xi16>) -> tensor<1x4x4x4xi8>
  return %0 : tensor<1x4x4x4xi8>
}

// -----

func.func @widths(%x: tensor<1x2xi16>, %y: tensor<1x2xi8>) -> tensor<1x4xi16> {
  // expected-error @+1 {{'accel.concat' op expected operands of 'i16', got 'i8'}}
  %0 = accel.concat %x, %y {axis = 1 : i64} : (tensor<1x2xi16>, tensor<1x2xi8>) -> tensor<1x4xi16>
  return %0 : tensor<1x4xi16>
}

// -----

func.func @points(%x: tensor<1x4xi16>) -> tensor<1x4xi16> {
  // expected-error @+1 {{'accel.interpolate' op expected a table of 513 entries, got 2}}
  %0 = accel.interpolate %x {table = array<i16: 1, 2>} : (tensor<1x4xi16>) -> tensor<1x4xi16>
  return %0 : tensor<1x4xi16>
}
