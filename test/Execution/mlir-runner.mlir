// A small quantized network, taken to machine code by an unmodified mlir-opt and
// mlir-runner. Values by hand.
//
// RUN: acc-opt %s --accel-to-tosa \
// RUN:   | mlir-opt --pass-pipeline='builtin.module(func.func(tosa-to-linalg-named,canonicalize,tosa-to-linalg,tosa-to-arith{include-apply-rescale=true},tosa-to-tensor),one-shot-bufferize{bufferize-function-boundaries},buffer-deallocation-pipeline,convert-bufferization-to-memref,func.func(convert-linalg-to-loops,expand-strided-metadata,lower-affine,convert-scf-to-cf),convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)' \
// RUN:   | mlir-runner -e main -entry-point-result=void -shared-libs=%llvm_libs/libmlir_runner_utils.so,%llvm_libs/libmlir_c_runner_utils.so \
// RUN:   | FileCheck %s

// Pixel i holds (2 i, 2 i + 1); filter 0 has weights (1, 2), filter 1 (-1, 0).
//   acc0 = (2 i - 1) + 2 (2 i) + 4 = 6 i + 3,  acc1 = 1 - 2 i
// A scale of 2^30 * 2^-31, one half, rounds half up; the zero point is -1.
//   i = 0: 1.5 -> 2 - 1, 0.5 -> 1 - 1;  i = 1: 4.5 -> 5 - 1, -0.5 -> 0 - 1
//   i = 2: 7.5 -> 8 - 1, -1.5 -> -1 - 1; i = 3: 10.5 -> 11 - 1, -2.5 -> -2 - 1
// The table negates.
// CHECK: {{\[\[\[\[}}-1, 0],
// CHECK-NEXT: [-4, 1],
// CHECK-NEXT: [-7, 2],
// CHECK-NEXT: [-10, 3]]]]

func.func private @printMemrefI32(tensor<*xi32>) attributes {llvm.emit_c_interface}

func.func @net(%x: tensor<1x1x4x2xi8>) -> tensor<1x1x4x2xi8> {
  %w = accel.constant dense<[[[[1, 2]]], [[[-1, 0]]]]> : tensor<2x1x1x2xi8>
  %b = accel.constant dense<[4, 0]> : tensor<2xi32>
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_zero_point = 1 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [31], zero_point = -1, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>}
    : (tensor<1x1x4x2xi8>, tensor<2x1x1x2xi8>, tensor<2xi32>) -> tensor<1x1x4x2xi8>
  %1 = accel.lookup %0 {table = array<i8: 127, 127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 109, 108, 107, 106, 105, 104, 103, 102, 101, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82, 81, 80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 69, 68, 67, 66, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16, -17, -18, -19, -20, -21, -22, -23, -24, -25, -26, -27, -28, -29, -30, -31, -32, -33, -34, -35, -36, -37, -38, -39, -40, -41, -42, -43, -44, -45, -46, -47, -48, -49, -50, -51, -52, -53, -54, -55, -56, -57, -58, -59, -60, -61, -62, -63, -64, -65, -66, -67, -68, -69, -70, -71, -72, -73, -74, -75, -76, -77, -78, -79, -80, -81, -82, -83, -84, -85, -86, -87, -88, -89, -90, -91, -92, -93, -94, -95, -96, -97, -98, -99, -100, -101, -102, -103, -104, -105, -106, -107, -108, -109, -110, -111, -112, -113, -114, -115, -116, -117, -118, -119, -120, -121, -122, -123, -124, -125, -126, -127>} : (tensor<1x1x4x2xi8>) -> tensor<1x1x4x2xi8>
  return %1 : tensor<1x1x4x2xi8>
}

func.func @main() {
  %x = accel.constant dense<[[[[0, 1], [2, 3], [4, 5], [6, 7]]]]> : tensor<1x1x4x2xi8>
  %y = func.call @net(%x) : (tensor<1x1x4x2xi8>) -> tensor<1x1x4x2xi8>
  %wide = tosa.cast %y : (tensor<1x1x4x2xi8>) -> tensor<1x1x4x2xi32>
  %any = tensor.cast %wide : tensor<1x1x4x2xi32> to tensor<*xi32>
  func.call @printMemrefI32(%any) : (tensor<*xi32>) -> ()
  return
}
