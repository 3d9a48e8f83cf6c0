"""Compares operators on integers with onnxruntime.

Each case is a random model x -> QuantizeLinear -> operator -> DequantizeLinear,
or an operator whose integers are scaled by the nodes after it. Float arithmetic
on the host (accopt-run) must give onnxruntime's results, but for a step where a
tie is rounded the other way; so must the binary in the simulator, where it says
so. The seed is printed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


class Model:
    """Nodes and constants of one model, built up by name."""

    def __init__(self, rng):
        self.rng, self.nodes, self.constants, self.inputs = rng, [], [], {}
        self.step = 0.0   # of the result
        self.noise = 0.0  # of int8 where the model itself is float

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, inputs, domain="", outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}",
                                           domain=domain, **attributes))
        return names if outputs > 1 else names[0]

    def input(self, shape):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = self.rng.uniform(-2, 2, shape).astype(np.float32)
        return name

    def params(self, kind, low=-2.0, high=2.0):
        """Scale and zero point of 8 bits for [low, high]."""
        limits = np.iinfo(kind)
        scale = np.float32((high - low) / 255)
        return scale, kind(np.clip(round(limits.min - low / scale), limits.min, limits.max))

    def quantized(self, shape, kind):
        """x quantized, with the names of its scale and zero point."""
        scale, zero = self.params(kind)
        names = [self.constant(scale), self.constant(zero)]
        return [self.node("QuantizeLinear", [self.input(shape)] + names)] + names

    def weights(self, shape, kind, channels=None, axis=0):
        """Random integers with one scale, or one for each of `channels`."""
        limits = np.iinfo(kind)
        low = -127 if kind is np.int8 else limits.min
        values = self.rng.integers(low, limits.max + 1, shape).astype(kind)
        count = () if channels is None else (channels,)
        scale = self.rng.uniform(0.002, 0.01, count).astype(np.float32)
        zero = np.full(count, 0 if kind is np.int8 else 128, kind)
        return [self.constant(values), self.constant(scale), self.constant(zero)], scale

    def target(self, kind, low, high):
        # No simple ratio of scales, which would make ties of half the results;
        # but onnxruntime's Softmax takes 1/256 for granted.
        factor = 1.0 if high == 255 / 256 else self.rng.uniform(0.8, 1.2)
        scale, zero = self.params(kind, low * factor, high * factor)
        self.step = float(scale)
        return [self.constant(scale), self.constant(zero)]

    def finish(self, value):
        inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape)
                  for n, x in self.inputs.items()]
        graph = helper.make_graph(self.nodes, "integers", inputs,
                                  [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)],
                                  self.constants)
        return helper.make_model(graph, ir_version=9, opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])

    def dequantized(self, value, params):
        return self.finish(self.node("DequantizeLinear", [value] + params))


MS = "com.microsoft"


def kinds(rng):
    """Activations and weights; onnxruntime has no int8 by uint8."""
    return [(np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)][rng.integers(3)]


def window(rng, size):
    kernel = [int(rng.integers(1, 4)) for _ in range(2)]
    return dict(kernel_shape=kernel, strides=[int(rng.integers(1, 3)) for _ in range(2)],
                pads=[int(rng.integers(0, k)) for k in kernel * 2])


def q_conv(m):
    rng = m.rng
    kind, weight_kind = kinds(rng)
    groups = int(rng.choice([1, 1, 2]))
    channels, filters = groups * int(rng.integers(1, 5)), groups * int(rng.integers(1, 6))
    attributes = window(rng, 9)
    x = m.quantized([1, channels, 9, 8], kind)
    per_channel = filters if weight_kind is np.int8 and rng.integers(2) else None
    w, scale = m.weights([filters, channels // groups] + attributes["kernel_shape"], weight_kind,
                         per_channel)
    y = m.target(kind, -4.0, 4.0)
    bias = [m.constant(rng.integers(-500, 500, filters).astype(np.int32))] if rng.integers(2) else []
    return m.dequantized(m.node("QLinearConv", x + w + y + bias, group=groups, **attributes), y)


def q_matmul(m):
    kind, weight_kind = kinds(m.rng)
    a, b = int(m.rng.integers(1, 20)), int(m.rng.integers(1, 20))
    x = m.quantized([int(m.rng.integers(1, 4)), a], kind)
    w, _ = m.weights([a, b], weight_kind)
    y = m.target(kind, -4.0, 4.0)
    return m.dequantized(m.node("QLinearMatMul", x + w + y), y)


def q_gemm(m):
    kind, weight_kind = kinds(m.rng)
    a, b = int(m.rng.integers(1, 20)), int(m.rng.integers(1, 20))
    trans = int(m.rng.integers(2))
    x = m.quantized([3, a], kind)
    w, _ = m.weights([b, a] if trans else [a, b], weight_kind)
    bias = [m.constant(m.rng.integers(-500, 500, b).astype(np.int32))]
    if m.rng.integers(2):
        m.step = 1e-5
        return m.finish(m.node("QGemm", x + w + bias, MS, transB=trans))
    y = m.target(kind, -4.0, 4.0)
    return m.dequantized(m.node("QGemm", x + w + bias + y, MS, transB=trans), y)


def q_binary(op):
    def make(m):
        kind, _ = kinds(m.rng)
        shape = [1, 3, 5, 4]
        a, b = m.quantized(shape, kind), m.quantized(shape, kind)
        y = m.target(kind, -4.0, 4.0)
        return m.dequantized(m.node(op, a + b + y, MS), y)
    return make


def q_unary(op, low, high, **attributes):
    def make(m):
        kind, _ = kinds(m.rng)
        x, y = m.quantized([1, 4, 5, 6], kind), m.target(kind, low, high)
        return m.dequantized(m.node(op, x + y, MS, **attributes), y)
    return make


def q_average(m):
    kind, _ = kinds(m.rng)
    x, y = m.quantized([1, 4, 9, 8], kind), m.target(kind, -2.0, 2.0)
    return m.dequantized(m.node("QLinearAveragePool", x + y, MS,
                                count_include_pad=int(m.rng.integers(2)), **window(m.rng, 8)), y)


def q_concat(m):
    kind, _ = kinds(m.rng)
    y = m.target(kind, -3.0, 3.0)
    parts = [m.quantized([1, int(m.rng.integers(1, 5)), 4, 4], kind)
             for _ in range(m.rng.integers(1, 4))]
    return m.dequantized(m.node("QLinearConcat", y + sum(parts, []), MS, axis=1), y)


def conv_integer(m):
    """Static activations; the scales are multiplied in afterwards."""
    rng = m.rng
    kind, weight_kind = kinds(rng)
    x = m.quantized([1, 3, 7, 7], kind)
    attributes = window(rng, 7)
    w, scale = m.weights([4, 3] + attributes["kernel_shape"], weight_kind)
    y = m.node("ConvInteger", [x[0], w[0], x[2], w[2]], **attributes)
    y = m.node("Cast", [y], to=TensorProto.FLOAT)
    m.step = 1e-5
    return m.finish(m.node("Mul", [y, m.node("Mul", [x[1], w[1]])]))


def dynamic_matmul(m):
    """What onnxruntime's quantize_dynamic writes; its ranges are of each run."""
    a, b = int(m.rng.integers(1, 20)), int(m.rng.integers(1, 20))
    x, scale, zero = m.node("DynamicQuantizeLinear", [m.input([3, a])], outputs=3)
    w, weight_scale = m.weights([a, b], m.rng.choice([np.int8, np.uint8]))
    y = m.node("MatMulInteger", [x, w[0], zero, w[2]])
    y = m.node("Cast", [y], to=TensorProto.FLOAT)
    # Half a step of x for each product.
    m.step = m.noise = a * 0.5 * 4.0 / 255 * 128 * float(weight_scale)
    return m.finish(m.node("Mul", [y, m.node("Mul", [scale, w[1]])]))


def fused_conv(m):
    activation, params = [("Relu", []), ("Sigmoid", []), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.5]),
                          ("HardSigmoid", [0.3, 0.4])][m.rng.integers(5)]
    w = m.constant(m.rng.standard_normal((4, 3, 3, 3)).astype(np.float32))
    m.step, m.noise = 1e-5, 0.12  # 27 products of inputs with a step of 1/64
    extra = dict(activation_params=params) if params else {}
    return m.finish(m.node("FusedConv", [m.input([1, 3, 6, 6]), w], MS, activation=activation,
                           kernel_shape=[3, 3], **extra))


CASES = {
    "QLinearConv": q_conv, "QLinearMatMul": q_matmul, "QGemm": q_gemm,
    "QLinearAdd": q_binary("QLinearAdd"), "QLinearMul": q_binary("QLinearMul"),
    "QLinearSigmoid": q_unary("QLinearSigmoid", 0.0, 1.0),
    "QLinearLeakyRelu": q_unary("QLinearLeakyRelu", -1.0, 2.0, alpha=0.2),
    "QLinearSoftmax": q_unary("QLinearSoftmax", 0.0, 255 / 256, axis=-1, opset=13),
    "QLinearGlobalAveragePool": q_unary("QLinearGlobalAveragePool", -2.0, 2.0),
    "QLinearAveragePool": q_average, "QLinearConcat": q_concat, "ConvInteger": conv_integer,
    "MatMulInteger": dynamic_matmul, "FusedConv": fused_conv,
}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip()[:300] or f"status {done.returncode}" if done.returncode else ""


def check(model, inputs, step, noise, folder):
    """What is wrong, or an empty string."""
    path, given, out = folder / "m.onnx", folder / "in.npz", folder / "out.npz"
    np.savez(given, **inputs)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, inputs)[0]
    for size in expected.shape:  # ONNX's checker wants a shape
        model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=size)
    onnx.save(model, path)
    for number, command in enumerate((["accopt-run", path], ["acc-sim", folder / "m.elf"])):
        error = number and run(["acc-opt", path, "--quiet", "-o", folder / "m.elf",
                               f"--calibration-data={given}"])
        error = error or run(command + [f"--input={given}", f"--output={out}"])
        if error:
            return f"{command[0]}: {error}"
        arrays = np.load(out)
        got = arrays[arrays.files[0]].reshape(expected.shape)
        # The binary has int8 at its inputs and weights without zero point.
        allowed = step * 1.01 if number == 0 else max(step * 2.01, noise, 0.05 * np.abs(expected).max())
        worst = np.abs(got - expected).max()
        if not worst <= allowed + 1e-6:
            return f"{command[0]}: error {worst}, expected at most {allowed}"
        if number == 0 and 1e-3 < step and not noise and (np.abs(got - expected) > step / 2).mean() > 0.02:
            return "more than 2 % of the results differ by a step"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default=",".join(CASES))
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    ort.set_default_logger_severity(4)
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, make) in enumerate(CASES.items()):
            if name not in args.only.split(","):
                continue
            for count in range(args.count):
                m = Model(np.random.default_rng([seed, number, count]))
                model = make(m)
                total += 1
                if problem := check(model, m.inputs, m.step, m.noise, Path(folder)):
                    wrong += 1
                    print(f"{name} {count}: {problem}")
    print(f"{total} models, {wrong} wrong")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
