//===- NNWindowOps.td - Pooling and reductions -------------*- tablegen -*-===//

#ifndef ACCOPT_NN_WINDOW_OPS
#define ACCOPT_NN_WINDOW_OPS

include "dialects/NN/NNDialect.td"

def NN_MaxPoolOp : NN_InferredOp<"max_pool"> {
  let summary = "ONNX MaxPool, 1-D or 2-D, values only";
  let description = [{
    Padding takes no part in the maximum. `ceil_mode` rounds the output size up
    as ONNX defines it (a window never starts in the end padding).

    Example:
    ```mlir
    %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 1, 1>,
      kernel = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, BoolAttr:$ceil_mode);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_AveragePoolOp : NN_InferredOp<"average_pool"> {
  let summary = "ONNX AveragePool, 1-D or 2-D";
  let description = [{
    The divisor counts the window's positions inside the input, or inside the
    padded input when `count_include_pad`; positions past the end padding that
    `ceil_mode` adds never count.

    Example:
    ```mlir
    %0 = nn.average_pool %x {ceil_mode = false, count_include_pad = true,
      dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
      pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, BoolAttr:$ceil_mode,
    BoolAttr:$count_include_pad);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_ReduceMeanOp : NN_InferredOp<"reduce_mean"> {
  let summary = "ONNX ReduceMean (and GlobalAveragePool) over given axes";
  let description = [{
    `axes` are sorted, unique, in [0, rank). GlobalAveragePool is imported as
    this op over the spatial axes with `keep_dims`.

    Example:
    ```mlir
    %0 = nn.reduce_mean %x {axes = array<i64: 2, 3>, keep_dims = true}
      : (tensor<1x4x8x8xf32>) -> tensor<1x4x1x1xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$axes,
    BoolAttr:$keep_dims);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

#endif // ACCOPT_NN_WINDOW_OPS
