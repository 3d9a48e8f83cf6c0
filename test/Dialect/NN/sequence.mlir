// RUN: acc-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @resample
// CHECK: nn.resample %arg0 {axis = 3 : i64, indices = array<i64: 0, 0, 1, 1>, taps = 1 : i64, weights = array<f32>}
func.func @resample(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x4xf32> {
  %0 = nn.resample %x {axis = 3 : i64, indices = array<i64: 0, 0, 1, 1>, taps = 1 : i64,
    weights = array<f32>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x4xf32>
  return %0 : tensor<1x4x2x4xf32>
}

// CHECK-LABEL: func.func @recurrent
// CHECK: nn.recurrent %arg0, %arg1, %arg2 {activations = ["Tanh"]
func.func @recurrent(%x: tensor<5x1x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) -> tensor<5x1x4xf32> {
  %0 = nn.recurrent %x, %w, %r {activations = ["Tanh"], alphas = array<f32: 0.0>,
    betas = array<f32: 0.0>, input_forget = false, kind = "rnn",
    linear_before_reset = false, output = "step", reverse = false}
    : (tensor<5x1x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<5x1x4xf32>
  return %0 : tensor<5x1x4xf32>
}

// -----

func.func @index(%x: tensor<1x4x2x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected indices in [0, 2), got 2}}
  %0 = nn.resample %x {axis = 3 : i64, indices = array<i64: 0, 2>, taps = 1 : i64,
    weights = array<f32>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  return
}

// -----

func.func @weights(%x: tensor<1x4x2x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expected one weight for each index and whole groups of 2 taps, got 3 weights and 4 indices}}
  %0 = nn.resample %x {axis = 3 : i64, indices = array<i64: 0, 0, 1, 1>, taps = 2 : i64,
    weights = array<f32: 0.5, 0.5, 1.0>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  return
}

// -----

func.func @gates(%x: tensor<5x1x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // expected-error @+1 {{expected weights of shape [16, 3], got [4, 3]}}
  %0 = nn.recurrent %x, %w, %r {activations = ["Sigmoid", "Tanh", "Tanh"],
    alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>,
    input_forget = false, kind = "lstm", linear_before_reset = false,
    output = "step", reverse = false}
    : (tensor<5x1x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<5x1x4xf32>
  return
}

// -----

func.func @cell(%x: tensor<5x1x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // expected-error @+1 {{expected output step, state or, of an lstm, cell, got 'cell'}}
  %0 = nn.recurrent %x, %w, %r {activations = ["Tanh"], alphas = array<f32: 0.0>,
    betas = array<f32: 0.0>, input_forget = false, kind = "rnn",
    linear_before_reset = false, output = "cell", reverse = false}
    : (tensor<5x1x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @lengths(%x: tensor<5x2x3xf32>, %w: tensor<4x3xf32>, %r: tensor<4x4xf32>) {
  // expected-error @+1 {{expected lengths in [0, 5], got 6}}
  %0 = nn.recurrent %x, %w, %r {activations = ["Tanh"], alphas = array<f32: 0.0>,
    betas = array<f32: 0.0>, input_forget = false, kind = "rnn",
    lengths = array<i64: 5, 6>, linear_before_reset = false, output = "step",
    reverse = false}
    : (tensor<5x2x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<5x2x4xf32>
  return
}
