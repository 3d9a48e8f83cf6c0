"""Graphs as tf2onnx, Keras and paddle2onnx write them.

TensorFlow's tensors have channels last, so that its exporters put a transposition
before and after what ONNX has with channels first, pads explicitly and unevenly, and
adds biases along the last dimension. Paddle's reshapes biases and writes activations
out. None of it may cost anything: a case names the kinds of op that may be left, and
the binary must be near onnxruntime and equal to MLIR's JIT.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]
# What computes; anything else, such as a transpose or a pad, only moves.
COMPUTES = {"conv2d", "depthwise_conv2d", "max_pool", "avg_pool", "binary", "lookup"}


class Graph:
    def __init__(self, shape, opset=17):
        self.rng = np.random.default_rng(5)
        self.shape, self.opset = shape, opset
        self.nodes, self.constants = [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, *shape):
        fan_in = int(np.prod(shape[1:])) or 1
        return self.constant((self.rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32))

    def vector(self, *shape):
        return self.constant(self.rng.uniform(-0.5, 0.5, shape).astype(np.float32))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def node(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def last(self, op, x, *inputs, **attributes):
        """An operator with channels first in a graph with channels last."""
        x = self.node("Transpose", x, perm=FIRST)
        return self.node("Transpose", self.node(op, x, *inputs, **attributes), perm=LAST)

    def model(self, result):
        graph = helper.make_graph(
            self.nodes, "exported", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, ir_version=8,
                                  opset_imports=[helper.make_opsetid("", self.opset)])
        return onnx.shape_inference.infer_shapes(model)


def keras_last(g):
    """Transpositions around every layer, biases and activations between them."""
    x = "x"
    for inputs, outputs, stride in ((3, 8, 2), (8, 16, 1)):
        # SAME with stride 2 on an even image: TensorFlow pads behind only.
        if stride == 2:
            x = g.node("Pad", x, g.ints(0, 0, 0, 0, 0, 1, 1, 0))
        x = g.last("Conv", x, g.weights(outputs, inputs, 3, 3), strides=[stride] * 2,
                   pads=[0] * 4 if stride == 2 else [1] * 4)
        x = g.node("Relu", g.node("Add", x, g.vector(outputs)))
    skip = x
    x = g.last("Conv", x, g.weights(16, 1, 3, 3), group=16, pads=[1] * 4)
    x = g.node("Clip", g.node("Add", x, g.vector(16)), g.constant(np.float32(0)), g.constant(np.float32(6)))
    x = g.last("Conv", x, g.weights(16, 16, 1, 1))
    x = g.node("Add", g.node("Add", x, g.vector(16)), skip)
    x = g.last("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("ReduceMean", x, axes=[1, 2], keepdims=0)
    return g.node("Add", g.node("MatMul", x, g.weights(16, 10)), g.vector(10))


def keras_flatten(g):
    """Flatten of channels last, before a dense layer; channel multiplier and BN."""
    x = g.last("Conv", "x", g.weights(8, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    x = g.node("Transpose", x, perm=FIRST)
    x = g.node("BatchNormalization", x, g.constant(np.ones(8, np.float32)), g.vector(8), g.vector(8),
               g.constant(np.full(8, 0.5, np.float32)))
    x = g.node("Transpose", g.node("Relu", x), perm=LAST)
    x = g.node("Reshape", x, g.ints(-1, 8 * 8 * 8))
    x = g.node("Relu", g.node("Add", g.node("MatMul", x, g.weights(512, 16)), g.vector(16)))
    return g.node("Add", g.node("MatMul", x, g.weights(16, 4)), g.vector(4))


def keras_branches(g):
    """Concatenation along the last dimension, and a mean with keepdims as a gate."""
    a = g.node("Relu", g.last("Conv", "x", g.weights(8, 3, 1, 1)))
    b = g.node("Relu", g.last("Conv", "x", g.weights(8, 3, 3, 3), pads=[1] * 4))
    x = g.node("Concat", a, b, axis=3)
    gate = g.node("ReduceMean", x, axes=[1, 2], keepdims=1)
    gate = g.node("Sigmoid", g.node("Add", g.last("Conv", gate, g.weights(16, 16, 1, 1)), g.vector(16)))
    x = g.node("Mul", x, gate)
    x = g.last("Conv", x, g.weights(4, 16, 3, 3), pads=[1] * 4, strides=[2, 2])
    return g.node("ReduceMean", x, axes=[1, 2], keepdims=0)


def keras_decoder(g):
    """Conv2DTranspose with SAME, and UpSampling2D, in channels last."""
    x = g.node("Relu", g.node("Add", g.last("Conv", "x", g.weights(8, 3, 3, 3), pads=[1] * 4,
                                            strides=[2, 2]), g.vector(8)))
    x = g.last("ConvTranspose", x, g.weights(8, 8, 3, 3), strides=[2, 2], output_shape=[16, 16])
    x = g.node("Relu", g.node("Add", x, g.vector(8)))
    return g.last("Conv", x, g.weights(4, 8, 3, 3), pads=[1] * 4)


def paddle(g):
    """Biases of shape 1 x C x 1 x 1, hard_swish in parts, squeezes before a matmul."""
    x = g.node("Conv", "x", g.weights(8, 3, 3, 3), pads=[1] * 4, strides=[2, 2])
    x = g.node("Add", x, g.node("Reshape", g.vector(8), g.ints(1, -1, 1, 1)))
    gate = g.node("Clip", g.node("Add", x, g.constant(np.float32([3]))), g.constant(np.float32(0)),
                  g.constant(np.float32(6)))
    x = g.node("Div", g.node("Mul", x, gate), g.constant(np.float32([6])))
    x = g.node("Conv", x, g.weights(8, 1, 5, 5), pads=[2] * 4, group=8)
    x = g.node("BatchNormalization", x, g.vector(8), g.vector(8), g.vector(8),
               g.constant(np.full(8, 0.5, np.float32)))
    x = g.node("Relu", x)
    x = g.node("GlobalAveragePool", x)
    x = g.node("Squeeze", x, g.ints(2, 3))
    x = g.node("Unsqueeze", x, g.ints(1))
    x = g.node("Reshape", x, g.ints(0, 8))
    return g.node("Add", g.node("MatMul", x, g.weights(8, 5)), g.vector(5))


def paddle_detector(g):
    """Upsampling to a size computed from the other branch's shape."""
    high = g.node("Relu", g.node("Conv", "x", g.weights(8, 3, 3, 3), pads=[1] * 4, strides=[2, 2]))
    low = g.node("Relu", g.node("Conv", high, g.weights(8, 8, 3, 3), pads=[1] * 4, strides=[2, 2]))
    size = g.node("Slice", g.node("Shape", high), g.ints(2), g.ints(4))
    sizes = g.node("Concat", g.node("Slice", g.node("Shape", low), g.ints(0), g.ints(2)), size, axis=0)
    up = g.node("Resize", low, "", "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric",
                nearest_mode="floor")
    x = g.node("Conv", g.node("Add", up, high), g.weights(8, 8, 3, 3), pads=[1] * 4)
    x = g.node("ConvTranspose", x, g.weights(8, 1, 2, 2), strides=[2, 2])
    return g.node("Sigmoid", g.node("Add", x, g.node("Reshape", g.vector(1), g.ints(1, 1, 1, 1))))


# Graph, input shape, how many layers may only move data.
CASES = [(keras_last, (1, 16, 16, 3), 0), (keras_flatten, (1, 16, 16, 3), 0),
         (keras_branches, (1, 12, 12, 3), 1), (keras_decoder, (1, 16, 16, 3), 2),
         (paddle, (1, 3, 16, 16), 0), (paddle_detector, (1, 3, 16, 16), 3)]


def check(make, shape, movements, folder):
    g = Graph(shape)
    model = g.model(make(g))
    path = folder / f"{make.__name__}.onnx"
    onnx.save(model, path)
    x = g.rng.standard_normal((8, *shape[1:])).astype(np.float32)
    np.savez(folder / "data.npz", x=x)
    np.savez(folder / "x.npz", x=x[:1])
    data = f"--calibration-data={folder / 'data.npz'}"
    for command in (["acc-opt", path, data, "--quiet", "-o", folder / "m.elf", f"--report={folder / 'r.json'}"],
                    ["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}"],
                    ["accopt-prove", path, data]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{command[0]}: {done.stderr.strip()[:300]}"
    expected = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x[:1]})[0]
    arrays = np.load(folder / "y.npz")
    got = arrays[arrays.files[0]]
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    noise = np.sum((expected - got) ** 2)
    ratio = 10 * np.log10(np.sum((expected - expected.mean()) ** 2) / max(noise, 1e-12))
    ops = [op["op"] for op in json.loads((folder / "r.json").read_text())["ops"]]
    moving = [op for op in ops if op not in COMPUTES]
    print(f"{make.__name__}: {' '.join(ops)}; {ratio:.1f} dB")
    if len(moving) > movements:
        return f"expected {movements} layers that only move data, got {moving}"
    return "" if ratio > 20 else "expected 20 dB"


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for make, shape, movements in CASES:
            if problem := check(make, shape, movements, Path(folder)):
                wrong += 1
                print(f"{make.__name__}: {problem}")
    print(f"{len(CASES)} graphs, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
