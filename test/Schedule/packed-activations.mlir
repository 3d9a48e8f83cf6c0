// RUN: acc-opt %s --stacks=false "--target=systolic16x16{scratchpad_bytes=6144}" --emit=accel-commands | FileCheck %s
// RUN: acc-opt %s --stacks=false "--target=systolic16x16{scratchpad_bytes=6144}" --emit=elf -o %t.elf --report=%t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv
// RUN: acc-sim %t.elf --quiet --dump-tensors=%t.dump && ls %t.dump | FileCheck %s --check-prefix=DUMP

// The tensor between the two convolutions has 4096 elements of 4 bits and 16 channels.
// It does not stay in a scratchpad of 6144 bytes, and takes 2048 bytes of DRAM; inputs
// and outputs are bytes.
// CHECK: accel.tensor {{.*}}"intermediate" {{.*}}bits = 4 : i32{{.*}}packed = true
// CHECK: accel.command "store" layer 0 {{.*}}{bits = 4 : i64
// CHECK: accel.command "load" layer 1 {{.*}}{bits = 4 : i64
// CHECK: accel.command "store" layer 1
// DUMP: .npy
!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!q4 = !quant.uniform<i8<-8:7>:f32, 2.5e-1:-8>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01}>
func.func @main(%x: tensor<1x16x16x16x!q8>) -> tensor<1x16x16x16x!q8> {
  %w = nn.constant dense<3> : tensor<16x16x1x1xi8> -> tensor<16x16x1x1x!w>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x16x16x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x16x16x!q4> loc("first")
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x16x16x!q4>, tensor<16x16x1x1x!w>) -> tensor<1x16x16x16x!q8> loc("second")
  return %1 : tensor<1x16x16x16x!q8>
}
