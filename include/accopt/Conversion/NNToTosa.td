//===- NNToTosa.td - Pass nn-to-tosa -----------------------*- tablegen -*-===//

#ifndef ACCOPT_CONVERSION_NNTOTOSA
#define ACCOPT_CONVERSION_NNTOTOSA

include "mlir/Pass/PassBase.td"

def NNToTosaPass : Pass<"nn-to-tosa", "::mlir::ModuleOp"> {
  let summary = "Lower nn functions to TOSA";
  let description = [{
    Replaces every function by one that computes the same in TOSA, on floats;
    linalg, tensor, arith and math stand in where TOSA has no op. Arguments and
    results of quantized types become tensors of their storage type, which are
    dequantized and quantized inside.

    ```mlir
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %0 = nn.sigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
    }
    // becomes
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
      %0 = tosa.sigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::tosa::TosaDialect"
  ];
}

#endif // ACCOPT_CONVERSION_NNTOTOSA
