"""Writes a trained ShapesNet as ONNX, its batch norms unfolded."""

import onnx
from onnx import TensorProto, helper

from accopt.digits.export import OPSET, GraphBuilder


def to_onnx(network):
    """Returns the ModelProto: input `image` [1, 3, 32, 32], output `logits` [1, 10]."""
    g = GraphBuilder()
    x = g.relu("stem", g.conv_bn("stem", network.stem, "image"))
    for number, block in enumerate(network.blocks, 1):
        name = f"block{number}"
        y = g.relu(f"{name}.1", g.conv_bn(f"{name}.1", block.conv1, x))
        y = g.conv_bn(f"{name}.2", block.conv2, y)
        if block.skip:
            x = g.conv_bn(f"{name}.skip", block.skip, x)
        x = g.relu(name, g.node("Add", f"{name}.add", [y, x]))
    x = g.node("GlobalAveragePool", "gap", [x])
    x = g.node("Flatten", "flatten", [x], axis=1)
    weight = g.weight("linear.weight", network.linear.weight)
    bias = g.weight("linear.bias", network.linear.bias)
    g.node("Gemm", "linear", [x, weight, bias], output="logits", transB=1)

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(g.nodes, "shapes", [image], [logits], g.weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="accopt.shapes"
    )
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
