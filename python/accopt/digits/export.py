"""Writes a trained DigitsNet as ONNX.

The graph is built from the weights with onnx.helper and not by torch's exporter:
that one folds batch norms into convolutions, and the model is to show that the
compiler does. Node names follow the modules.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


class GraphBuilder:
    """Collects nodes and weights; every method returns its output's name."""

    def __init__(self):
        self.nodes = []
        self.weights = []

    def weight(self, name, tensor):
        array = np.ascontiguousarray(tensor.detach().cpu().numpy())
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, name, inputs, output=None, **attributes):
        output = output or f"{name}_output"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def conv_bn(self, name, module, x):
        conv, norm = module
        pad_y, pad_x = conv.padding
        x = self.node(
            "Conv",
            f"{name}.conv",
            [x, self.weight(f"{name}.conv.weight", conv.weight)],
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            dilations=list(conv.dilation),
            pads=[pad_y, pad_x, pad_y, pad_x],
            group=conv.groups,
        )
        scale = self.weight(f"{name}.norm.scale", norm.weight)
        bias = self.weight(f"{name}.norm.bias", norm.bias)
        mean = self.weight(f"{name}.norm.mean", norm.running_mean)
        variance = self.weight(f"{name}.norm.variance", norm.running_var)
        return self.node(
            "BatchNormalization", f"{name}.norm", [x, scale, bias, mean, variance], epsilon=norm.eps
        )

    def relu(self, name, x):
        return self.node("Relu", f"{name}.relu", [x])


def to_onnx(network):
    """Returns the ModelProto: input `image` [1, 1, 8, 8], output `logits` [1, 10]."""
    g = GraphBuilder()
    x = g.relu("stem", g.conv_bn("stem", network.stem, "image"))
    y = g.relu("block1", g.conv_bn("block1", network.block1, x))
    y = g.conv_bn("block2", network.block2, y)
    x = g.relu("block2", g.node("Add", "block2.add", [y, x]))
    x = g.node("MaxPool", "pool", [x], kernel_shape=[2, 2], strides=[2, 2])
    for name in ("depthwise", "pointwise", "grouped"):
        x = g.relu(name, g.conv_bn(name, getattr(network, name), x))
    x = g.node("GlobalAveragePool", "gap", [x])
    x = g.node("Flatten", "flatten", [x], axis=1)
    weight = g.weight("linear.weight", network.linear.weight)
    bias = g.weight("linear.bias", network.linear.bias)
    g.node("Gemm", "linear", [x, weight, bias], output="logits", transB=1)

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(g.nodes, "digits", [image], [logits], g.weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="accopt.digits"
    )
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
