//===- NNLinearOps.td - Convolution, Gemm, MatMul ----------*- tablegen -*-===//

#ifndef ACCOPT_NN_LINEAR_OPS
#define ACCOPT_NN_LINEAR_OPS

include "dialects/NN/NNDialect.td"

def NN_ConvOp : NN_InferredOp<"conv", [AttrSizedOperandSegments]> {
  let summary = "ONNX Conv, 1-D or 2-D, with fused bias, residual and clamp";
  let description = [{
    `result = clamp(conv(input, weights) + bias + residual)`. Input is
    N x C x L or N x C x H x W, weights are M x C/groups x K... ; `pads` lists
    all begins, then all ends, as in ONNX, and is never negative. `residual`
    has the result's shape. The clamp bounds are absent where there is none.

    Example:
    ```mlir
    %0 = nn.conv %x, %w bias %b {clamp_min = 0.0 : f32,
      dilations = array<i64: 1, 1>, groups = 1 : i64,
      pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x4x8x8xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$weights,
    Optional<NN_Tensor>:$bias, Optional<NN_Tensor>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, I64Attr:$groups,
    OptionalAttr<F32Attr>:$clamp_min, OptionalAttr<F32Attr>:$clamp_max);
  let assemblyFormat = [{
    $input `,` $weights (`bias` $bias^)? (`residual` $residual^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_GemmOp : NN_InferredOp<"gemm", [AttrSizedOperandSegments]> {
  let summary = "ONNX Gemm: alpha * A' * B' + beta * C";
  let description = [{
    A' is A (M x K) or its transpose, B' is B (K x N) or its transpose. `bias`
    (ONNX's C) broadcasts to M x N. `residual` (M x N) and the clamp come from
    fusion, after alpha and beta: `clamp(alpha A' B' + beta C + residual)`.

    Example:
    ```mlir
    %0 = nn.gemm %a, %b bias %c {alpha = 1.0 : f32, beta = 1.0 : f32,
      trans_a = false, trans_b = true}
      : (tensor<1x64xf32>, tensor<10x64xf32>, tensor<10xf32>) -> tensor<1x10xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$a, NN_Tensor:$b, Optional<NN_Tensor>:$bias,
    Optional<NN_Tensor>:$residual,
    F32Attr:$alpha, F32Attr:$beta, BoolAttr:$trans_a, BoolAttr:$trans_b,
    OptionalAttr<F32Attr>:$clamp_min, OptionalAttr<F32Attr>:$clamp_max);
  let assemblyFormat = [{
    $a `,` $b (`bias` $bias^)? (`residual` $residual^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_MatMulOp : NN_InferredOp<"matmul"> {
  let summary = "ONNX MatMul: numpy.matmul with broadcast batch dimensions";
  let description = [{
    Example:
    ```mlir
    %0 = nn.matmul %a, %b : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$a, NN_Tensor:$b);
  let assemblyFormat =
    "$a `,` $b attr-dict `:` functional-type(operands, $result)";
}

#endif // ACCOPT_NN_LINEAR_OPS
