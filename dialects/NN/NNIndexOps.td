//===- NNIndexOps.td - Reductions, indexing, sorting -------*- tablegen -*-===//
//
// Part of AccOpt. Ops that the host alone runs: data decides where they read.
// Indices count from the front or, if negative, from the end; one that is out
// of range is taken for the nearest that is not.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_NN_INDEX_OPS
#define ACCOPT_NN_INDEX_OPS

include "dialects/NN/NNMathOps.td"

def NN_ReduceKind : NN_Kind<"ReduceKind", "How two values become one", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">]>;
def NN_ReduceKindAttr : EnumAttr<NN_Dialect, NN_ReduceKind, "reduce_kind">;

def NN_ReduceOp : NN_InferredOp<"reduce"> {
  let summary = "ONNX ReduceSum, ReduceProd, ReduceMax, ReduceMin";
  let description = [{
    `axes` are sorted, unique, in [0, rank).

    Example:
    ```mlir
    %0 = nn.reduce sum %x {axes = array<i64: 1>, keep_dims = false}
      : (tensor<2x4xf32>) -> tensor<2xf32>
    ```
  }];
  let arguments = (ins NN_ReduceKindAttr:$kind, NN_Tensor:$input,
    DenseI64ArrayAttr:$axes, BoolAttr:$keep_dims);
  let assemblyFormat =
    "$kind $input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_ArgReduceOp : NN_InferredOp<"arg_reduce"> {
  let summary = "ONNX ArgMax and, with `minimum`, ArgMin";
  let description = [{
    The i64 index along `axis` of the largest (smallest) value: of the first, or
    with `select_last` of the last one, where there are several.

    Example:
    ```mlir
    %0 = nn.arg_reduce %x {axis = 1 : i64, keep_dims = false, minimum = false,
      select_last = false} : (tensor<2x4xf32>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, I64Attr:$axis, BoolAttr:$keep_dims,
    BoolAttr:$minimum, BoolAttr:$select_last);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def NN_CumSumOp : NN_InferredOp<"cum_sum"> {
  let summary = "ONNX CumSum along one axis";
  let description = [{
    Example:
    ```mlir
    %0 = nn.cum_sum %x {axis = 1 : i64, exclusive = false, reverse = false}
      : (tensor<2x4xf32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, I64Attr:$axis, BoolAttr:$exclusive,
    BoolAttr:$reverse);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}

def NN_TopKOp : NN_Op<"top_k"> {
  let summary = "ONNX TopK, sorted: values, and their i64 indices";
  let description = [{
    The `k` largest (smallest) along `axis`; of equal values the one with the
    lower index comes first.

    Example:
    ```mlir
    %v, %i = nn.top_k %x {axis = 1 : i64, k = 2 : i64, largest = true}
      : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xi64>)
    ```
  }];
  let arguments = (ins NN_Tensor:$input, I64Attr:$axis, I64Attr:$k,
    BoolAttr:$largest);
  let results = (outs NN_Tensor:$values, NN_Tensor:$indices);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NN_GatherOp : NN_InferredOp<"gather"> {
  let summary = "ONNX Gather: slices of one axis";
  let description = [{
    The result has the input's shape with `axis` replaced by the indices' shape.

    Example:
    ```mlir
    %0 = nn.gather %table, %ids {axis = 0 : i64}
      : (tensor<100x8xf32>, tensor<1x4xi64>) -> tensor<1x4x8xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$indices, I64Attr:$axis);
  let assemblyFormat =
    "$input `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def NN_GatherNDOp : NN_InferredOp<"gather_nd"> {
  let summary = "ONNX GatherND: slices at tuples of indices";
  let description = [{
    The indices' last dimension holds tuples that index the input's dimensions
    after the `batch_dims` that both share. GatherElements is imported as this.

    Example:
    ```mlir
    %0 = nn.gather_nd %x, %i {batch_dims = 0 : i64}
      : (tensor<4x5x8xf32>, tensor<3x2xi64>) -> tensor<3x8xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$indices,
    I64Attr:$batch_dims);
  let assemblyFormat =
    "$input `,` $indices attr-dict `:` functional-type(operands, $result)";
}

def NN_ScatterKind : NN_Kind<"ScatterKind", "What an update does", [
    I32EnumAttrCase<"Replace", 0, "replace">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">]>;
def NN_ScatterKindAttr : EnumAttr<NN_Dialect, NN_ScatterKind, "scatter_kind">;

def NN_ScatterNDOp : NN_InferredOp<"scatter_nd"> {
  let summary = "ONNX ScatterND: a copy with updates at tuples of indices";
  let description = [{
    Updates are made in row-major order of the tuples. ScatterElements is
    imported as this.

    Example:
    ```mlir
    %0 = nn.scatter_nd replace %x, %i, %u
      : (tensor<4x5x8xf32>, tensor<3x2xi64>, tensor<3x8xf32>) -> tensor<4x5x8xf32>
    ```
  }];
  let arguments = (ins NN_ScatterKindAttr:$kind, NN_Tensor:$input,
    NN_Tensor:$indices, NN_Tensor:$updates);
  let assemblyFormat = [{
    $kind $input `,` $indices `,` $updates attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_ExpandOp : NN_Op<"expand"> {
  let summary = "ONNX Expand: numpy broadcasting to the result's shape";
  let description = [{
    Tile is imported as this between reshapes.

    Example:
    ```mlir
    %0 = nn.expand %x : (tensor<1x4xf32>) -> tensor<3x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_RoiAlignOp : NN_InferredOp<"roi_align"> {
  let summary = "ONNX RoiAlign: regions of images, resampled to one size";
  let description = [{
    `input` is [N, C, H, W]. Row r of `rois` is a region (x1, y1, x2, y2), times
    `spatial_scale` in places of image `batches[r]`; with `half_pixel` less half
    a place, and without it at least one place wide and high. Each of its
    `height` x `width` bins is the mean, or with `maximum` the largest term, of
    samples between four elements each: `sampling_ratio` of them along an axis,
    or, where that is 0, as many as a bin has places, rounded up. A sample
    beyond the image is 0. The result is [regions, C, height, width].

    Example:
    ```mlir
    %0 = nn.roi_align %x, %rois, %batches {height = 7 : i64, width = 7 : i64,
      spatial_scale = 2.500000e-01 : f32, sampling_ratio = 2 : i64,
      half_pixel = true, maximum = false}
      : (tensor<1x8x32x32xf32>, tensor<5x4xf32>, tensor<5xi64>) -> tensor<5x8x7x7xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$rois, NN_Tensor:$batches,
    I64Attr:$height, I64Attr:$width, F32Attr:$spatial_scale,
    I64Attr:$sampling_ratio, BoolAttr:$half_pixel, BoolAttr:$maximum);
  let assemblyFormat = [{
    $input `,` $rois `,` $batches attr-dict `:` functional-type(operands, $result)
  }];
}

#endif // ACCOPT_NN_INDEX_OPS
