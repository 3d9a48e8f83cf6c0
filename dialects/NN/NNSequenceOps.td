//===- NNSequenceOps.td - Resampling and recurrent layers --*- tablegen -*-===//

#ifndef ACCOPT_NN_SEQUENCE_OPS
#define ACCOPT_NN_SEQUENCE_OPS

include "dialects/NN/NNDialect.td"

def NN_ResampleOp : NN_InferredOp<"resample"> {
  let summary = "ONNX Resize along one axis, its coordinates worked out";
  let description = [{
    Element i of the result along `axis` is the sum over t < `taps` of
    `weights[i * taps + t]` times element `indices[i * taps + t]` of the input.
    `weights` is empty where every element is a copy (`taps` is one then):
    nearest-neighbour sampling. A Resize is one of these for each axis that it
    changes; modes and coordinate transformations are gone.

    Example:
    ```mlir
    %0 = nn.resample %x {axis = 3 : i64, indices = array<i64: 0, 0, 1, 1>, taps = 1 : i64,
      weights = array<f32>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, I64Attr:$axis, I64Attr:$taps,
    DenseI64ArrayAttr:$indices, DenseF32ArrayAttr:$weights);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let extraClassDeclaration = [{
    /// See `areCompatible`.
    static bool isCompatibleReturnTypes(::mlir::TypeRange lhs,
                                        ::mlir::TypeRange rhs);
    /// Whether the result holds nothing but elements of the input.
    bool isCopy() { return getWeights().empty(); }
  }];
}

def NN_RecurrentOp : NN_InferredOp<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "ONNX LSTM, GRU or RNN in one direction";
  let description = [{
    `input` is T x B x I; `weights` G H x I, `recurrence` G H x H and `bias`
    2 G H hold the gates in ONNX's order, with G = 4 for `kind` lstm, 3 for gru
    and 1 for rnn. Initial states are B x H, zero where absent; `peepholes` is
    3 H. `reverse` walks from the last step to the first. `lengths` has one
    number of steps per batch entry: steps after them leave the state as it is
    and give zeros.

    `output` says what the result is: the state after each `step` (T x B x H),
    the last `state` (B x H), or the last `cell` of an lstm (B x H). A layer of
    two directions is two of these and a concatenation.

    Example:
    ```mlir
    %0 = nn.recurrent %x, %w, %r {activations = ["Tanh"], alphas = array<f32: 0.0>,
      betas = array<f32: 0.0>, input_forget = false, kind = "rnn",
      linear_before_reset = false, output = "step", reverse = false}
      : (tensor<5x1x3xf32>, tensor<4x3xf32>, tensor<4x4xf32>) -> tensor<5x1x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$weights,
    NN_Tensor:$recurrence, Optional<NN_Tensor>:$bias,
    Optional<NN_Tensor>:$initial_state, Optional<NN_Tensor>:$initial_cell,
    Optional<NN_Tensor>:$peepholes, StrAttr:$kind, StrArrayAttr:$activations,
    DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas,
    OptionalAttr<F32Attr>:$clip, BoolAttr:$reverse,
    BoolAttr:$linear_before_reset, BoolAttr:$input_forget,
    OptionalAttr<DenseI64ArrayAttr>:$lengths, StrAttr:$output);
  let assemblyFormat = [{
    $input `,` $weights `,` $recurrence (`bias` $bias^)?
    (`state` $initial_state^)? (`cell` $initial_cell^)?
    (`peepholes` $peepholes^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// See `areCompatible`.
    static bool isCompatibleReturnTypes(::mlir::TypeRange lhs,
                                        ::mlir::TypeRange rhs);
    /// Gates of `kind`; zero for an unknown one.
    static int64_t countGates(::llvm::StringRef kind);
  }];
}

#endif // ACCOPT_NN_SEQUENCE_OPS
