"""Networks whose activations have 16 bits, against onnxruntime in float.

    python sixteen_bits.py [--cases N] [--seed S]
    python sixteen_bits.py --model M.onnx --images X.npz

The weights of each random network are multiples of a 127th of the largest in their row, so
that int8 holds them exactly: what is lost is lost by activations. Compiled with 8 and with
16 bits and calibrated on the very inputs, the binary runs in acc-sim. Signal to noise must
be 60 dB at 16 bits, and 20 dB better than at 8.

With --model the weights of its convolutions and Gemms are first rounded to such multiples.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LEAST, GAIN = 60, 20


class Network:
    """A chain of layers with skip connections and functions between them."""

    def __init__(self, rng):
        self.rng = rng
        self.weights = np.random.default_rng(rng.randrange(2**32))
        self.nodes, self.initializers = [], []
        self.name, self.shape = "x", (1, rng.randint(1, 8), rng.randint(6, 16), rng.randint(6, 16))
        self.input_shape = self.shape

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def exact(self, *shape):
        """Integers with a 127 in every row, times a scale for the row."""
        integers = self.weights.integers(-100, 101, shape)
        integers.reshape(shape[0], -1)[:, 0] = 127
        scale = self.weights.uniform(0.5, 1.5, shape[0]) / (60 * np.sqrt(max(1, np.prod(shape[1:]))))
        return integers * scale.astype(np.float32).reshape(-1, *[1] * (len(shape) - 1))

    def add(self, op, inputs, shape, **attributes):
        self.name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [self.name], name=f"{op}_{self.name}", **attributes))
        self.shape = shape

    def conv(self, outputs=None):
        n, channels, height, width = self.shape
        outputs = outputs or self.rng.randint(1, 24)
        kernel = self.rng.choice([1, 3])
        groups = channels if outputs == channels and self.rng.random() < 0.4 else 1
        weight = self.constant(self.exact(outputs, channels // groups, kernel, kernel))
        bias = self.constant(self.weights.normal(size=outputs) * 0.1)
        self.add("Conv", [self.name, weight, bias], (n, outputs, height, width), kernel_shape=[kernel] * 2,
                 pads=[kernel // 2] * 4, group=groups)

    def function(self):
        op = self.rng.choice(["Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Clip", "Silu"])
        before = self.name
        if op == "Silu":
            self.add("Sigmoid", [before], self.shape)
            self.add("Mul", [before, self.name], self.shape)
        elif op == "Clip":
            self.add("Clip", [before, self.constant(-0.5), self.constant(1.5)], self.shape)
        else:
            self.add(op, [before], self.shape)

    def skip(self):
        before = self.name
        self.conv(self.shape[1])
        self.add("Add", [self.name, before], self.shape)

    def pool(self):
        n, channels, height, width = self.shape
        if min(height, width) >= 4:
            self.add(self.rng.choice(["MaxPool", "AveragePool"]), [self.name],
                     (n, channels, height // 2, width // 2), kernel_shape=[2, 2], strides=[2, 2])

    def head(self):
        n, channels, _, _ = self.shape
        self.add("GlobalAveragePool", [self.name], (n, channels, 1, 1))
        self.add("Flatten", [self.name], (n, channels))
        outputs = self.rng.randint(2, 12)
        weight, bias = self.constant(self.exact(outputs, channels)), self.constant(self.weights.normal(size=outputs))
        self.add("Gemm", [self.name, weight, bias], (n, outputs), transB=1)

    def model(self):
        self.conv()
        for _ in range(self.rng.randint(2, 7)):
            self.rng.choice([self.conv, self.conv, self.function, self.function, self.skip, self.pool])()
        if self.rng.random() < 0.6:
            self.head()
        graph = helper.make_graph(
            self.nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(self.name, TensorProto.FLOAT, self.shape)], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return model


def sqnr(expected, got):
    noise = np.sum((expected.astype(np.float64) - got) ** 2)
    return 10 * np.log10(np.sum(expected.astype(np.float64) ** 2) / noise) if noise else np.inf


def run(folder, bits):
    subprocess.run(["acc-opt", folder / "m.onnx", f"--activation-bits={bits}", "--quiet", "-o", folder / "m.elf",
                    f"--calibration-data={folder / 'x.npz'}"], check=True)
    subprocess.run(["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}",
                    "--quiet"], check=True)
    arrays = np.load(folder / "y.npz")
    return arrays[arrays.files[0]]


def round_weights(model):
    """Rounds every row of weights to multiples of a 127th of its largest magnitude."""
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.input[1] not in arrays:
            continue
        tensor = arrays[node.input[1]]
        weights = numpy_helper.to_array(tensor)
        columns = node.op_type == "Gemm" and not any(a.name == "transB" and a.i for a in node.attribute)
        rows = (weights.T if columns else weights).reshape(weights.shape[1 if columns else 0], -1)
        step = np.maximum(np.abs(rows).max(1, keepdims=True), np.float32(1e-30)) / 127
        rounded = np.round(rows / step) * step
        rounded = rounded.T if columns else rounded
        tensor.CopyFrom(numpy_helper.from_array(rounded.reshape(weights.shape).astype(np.float32), tensor.name))


def measure(folder, x):
    """Signal to noise at 8 and at 16 bits of the model and inputs in the folder, and the
    float outputs."""
    session = onnxruntime.InferenceSession(folder / "m.onnx", providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    np.savez(folder / "x.npz", **{name: x})
    expected = np.concatenate([session.run(None, {name: x[i:i + 1]})[0] for i in range(len(x))])
    return (*(sqnr(expected, run(folder, bits)) for bits in (8, 16)), expected)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--model", help="an ONNX file with one input of images, one at a time")
    parser.add_argument("--images", help="images for it (.npz)")
    arguments = parser.parse_args()
    if arguments.model:
        with tempfile.TemporaryDirectory() as temporary:
            model = onnx.load(arguments.model)
            round_weights(model)
            onnx.save(model, Path(temporary) / "m.onnx")
            arrays = np.load(arguments.images)
            low, high, _ = measure(Path(temporary), arrays[arrays.files[0]])
            print(f"{low:.1f} dB at 8 bits, {high:.1f} at 16")
            return 0 if high >= LEAST else 1
    print(f"seed {arguments.seed}", flush=True)
    failed, least = 0, np.inf
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed}:{case}")
            network = Network(rng)
            onnx.save(network.model(), folder / "m.onnx")
            x = np.random.default_rng(case).normal(size=(8, *network.input_shape[1:])).astype(np.float32)
            low, high, _ = measure(folder, x)
            least = min(least, high)
            ops = " ".join(node.op_type for node in network.nodes)
            print(f"case {case}: {low:.1f} dB at 8 bits, {high:.1f} at 16: {ops}", flush=True)
            if high < LEAST or high < low + GAIN:
                failed += 1
                print(f"FAIL case {case}: expected {LEAST} dB, and {GAIN} more than at 8 bits")
    print(f"{arguments.cases - failed} passed, {failed} failed; {least:.1f} dB or more")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
