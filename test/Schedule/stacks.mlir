// RUN: acc-opt %s "--target=systolic16x16{scratchpad_bytes=16384}" --emit=accel-commands | FileCheck %s
// RUN: acc-opt %s "--target=systolic16x16{scratchpad_bytes=16384}" --emit=elf -o %t.elf --report=%t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv
// RUN: acc-opt %s "--target=systolic16x16{scratchpad_bytes=16384}" --emit=elf -o %t.elf --explain=second | FileCheck %s --check-prefix=EXPLAIN
// RUN: acc-opt %s --stacks=false "--target=systolic16x16{scratchpad_bytes=16384}" --emit=accel-commands | FileCheck %s --check-prefix=SEPARATE

// The tensor between the convolutions has 16 KiB and does not fit: strips of it go
// from one to the other, and none to DRAM. Two rows of 512 bytes that the next strip
// reads again are moved to the begin of their buffer.
// CHECK-NOT: "intermediate"
// CHECK: accel.command "load" layer 0
// CHECK-NOT: "store" layer 0
// CHECK: accel.command "matmul" layer 0
// CHECK-NOT: "store" layer 0
// CHECK: accel.command "matmul" layer 1
// CHECK: accel.command "store" layer 1
// CHECK: accel.command "pool" layer 0 {{.*}}channels = 512 : i64{{.*}}output_rows = 2 : i64
// CHECK-NEXT: accel.command "matmul" layer 0
// CHECK: accel.command "matmul" layer 1
// CHECK-NOT: "store" layer 0

// EXPLAIN: runs strip by strip with 1 others; strips of {{[0-9]+}} rows of the last, in number {{[0-9]+}}:
// EXPLAIN-NEXT: first (conv2d)
// EXPLAIN-NEXT: second (conv2d)
// EXPLAIN-NEXT: holds {{[0-9]+}} bytes of weights and {{[0-9]+}} of rows; estimate
// EXPLAIN-NEXT: one by one
// EXPLAIN: tilings considered, if it ran by itself, the best first:

// SEPARATE: "store" layer 0
// SEPARATE: "load" layer 1
!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01}>
func.func @main(%x: tensor<1x16x32x32x!q8>) -> tensor<1x16x32x32x!q8> {
  %w1 = nn.constant dense<3> : tensor<16x16x1x1xi8> -> tensor<16x16x1x1x!w>
  %w3 = nn.constant dense<3> : tensor<16x16x3x3xi8> -> tensor<16x16x3x3x!w>
  %0 = nn.conv %x, %w1 {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x32x32x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x32x32x!q8> loc("first")
  %1 = nn.conv %0, %w3 {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x16x32x32x!q8>, tensor<16x16x3x3x!w>) -> tensor<1x16x32x32x!q8> loc("second")
  return %1 : tensor<1x16x32x32x!q8>
}
