//===- AccelToTosa.td - Pass accel-to-tosa -----------------*- tablegen -*-===//

#ifndef ACCOPT_CONVERSION_ACCELTOTOSA
#define ACCOPT_CONVERSION_ACCELTOTOSA

include "mlir/Pass/PassBase.td"

def AccelToTosaPass : Pass<"accel-to-tosa", "::mlir::ModuleOp"> {
  let summary = "Lower accel's layer ops to TOSA, bit for bit";
  let description = [{
    Every layer op becomes TOSA that computes the same integers; strided slices
    and dilated maxima, which TOSA lacks, become tensor and linalg ops. Host ops
    become calls.

    ```mlir
    func.func @main(%x: tensor<1x2x2x4xi8>) -> tensor<1x16xi8> {
      %0 = accel.reshape %x : (tensor<1x2x2x4xi8>) -> tensor<1x16xi8>
      return %0 : tensor<1x16xi8>
    }
    // becomes
    func.func @main(%x: tensor<1x2x2x4xi8>) -> tensor<1x16xi8> {
      %shape = tosa.const_shape {values = dense<[1, 16]> : tensor<2xindex>} : () -> !tosa.shape<2>
      %0 = tosa.reshape %x, %shape : (tensor<1x2x2x4xi8>, !tosa.shape<2>) -> tensor<1x16xi8>
      return %0 : tensor<1x16xi8>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::mlir::tosa::TosaDialect"
  ];
}

#endif // ACCOPT_CONVERSION_ACCELTOTOSA
