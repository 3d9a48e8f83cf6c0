func.func @two_ops(%x: tensor<1x4xf32>, %y: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = nn.add %0, %y : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}
