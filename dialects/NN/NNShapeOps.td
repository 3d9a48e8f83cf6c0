//===- NNShapeOps.td - Constants and data movement ---------*- tablegen -*-===//

#ifndef ACCOPT_NN_SHAPE_OPS
#define ACCOPT_NN_SHAPE_OPS

include "dialects/NN/NNDialect.td"

def NN_ConstantOp : NN_Op<"constant", [ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    `value` has the result's shape and its element type, or, where the result
    is quantized, the storage type (i8 weights, i32 biases). Weights of a file
    are dense resources over its mapping.

    Example:
    ```mlir
    %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "attr-dict $value `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def NN_ReshapeOp : NN_Op<"reshape"> {
  let summary = "Row-major reshape: ONNX Reshape, Flatten, Squeeze, Unsqueeze";
  let description = [{
    Example:
    ```mlir
    %0 = nn.reshape %x : (tensor<1x4x2x2xf32>) -> tensor<1x16xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def NN_TransposeOp : NN_InferredOp<"transpose"> {
  let summary = "ONNX Transpose: result dimension i is input dimension perm[i]";
  let description = [{
    Example:
    ```mlir
    %0 = nn.transpose %x {perm = array<i64: 0, 2, 3, 1>}
      : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$perm);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def NN_ConcatOp : NN_InferredOp<"concat"> {
  let summary = "ONNX Concat along one axis";
  let description = [{
    Example:
    ```mlir
    %0 = nn.concat %a, %b {axis = 1 : i64}
      : (tensor<1x4x2x2xf32>, tensor<1x3x2x2xf32>) -> tensor<1x7x2x2xf32>
    ```
  }];
  let arguments = (ins Variadic<NN_Tensor>:$inputs, I64Attr:$axis);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
}

def NN_SliceOp : NN_InferredOp<"slice"> {
  let summary = "ONNX Slice with starts, ends clamped and steps non-zero";
  let description = [{
    One entry per dimension of the input: element i of the result's dimension d
    is input element `starts[d] + i * steps[d]`; `sizes` is the result's shape.
    Negative steps walk backwards. Split is imported as several of these.

    Example:
    ```mlir
    %0 = nn.slice %x {sizes = array<i64: 1, 2, 2, 2>, starts = array<i64: 0, 1, 0, 0>,
      steps = array<i64: 1, 1, 1, 1>} : (tensor<1x4x2x2xf32>) -> tensor<1x2x2x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$starts,
    DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
}


def NN_PadOp : NN_InferredOp<"pad"> {
  let summary = "ONNX Pad, every mode";
  let description = [{
    `pads` lists all begins, then all ends; negative values crop. `value` is
    what constant mode fills in.

    Example:
    ```mlir
    %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>, value = 0.0 : f32}
      : (tensor<1x4x2x2xf32>) -> tensor<1x4x4x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI64ArrayAttr:$pads,
    StrAttr:$mode, F32Attr:$value);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

#endif // ACCOPT_NN_SHAPE_OPS
