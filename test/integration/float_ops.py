"""Compares the JIT's float results with onnxruntime's on random single-op models.

Each operator gets --count models with random shapes and attributes; the seed is
printed. Every model runs in accopt-run, with and without our own vectorization.
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

OPSET = 21


class Case:
    """One random model: a node, its inputs, and which of them are constants."""

    def __init__(self, op, inputs, constants=(), **attributes):
        self.op, self.inputs, self.constants = op, inputs, set(constants)
        self.attributes = {k: v for k, v in attributes.items() if v is not None}

    def model(self):
        names = [f"x{i}" if x is not None else "" for i, x in enumerate(self.inputs)]
        node = helper.make_node(self.op, names, ["y"], name="op", **self.attributes)
        given, stored = [], []
        for index, (name, value) in enumerate(zip(names, self.inputs)):
            if value is None:
                continue
            if index in self.constants or value.dtype != np.float32:
                stored.append(numpy_helper.from_array(value, name))
            else:
                given.append(helper.make_tensor_value_info(name, TensorProto.FLOAT,
                                                           value.shape))
        graph = helper.make_graph([node], "graph", given,
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                                  stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                                  ir_version=10)
        return onnx.shape_inference.infer_shapes(model)

    def feeds(self):
        return {f"x{i}": x for i, x in enumerate(self.inputs)
                if x is not None and i not in self.constants and x.dtype == np.float32}


def tensor(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def pick(rng, *values):
    return values[rng.integers(len(values))]


def window(rng, spatial, pool):
    """Random window attributes that every implementation accepts."""
    kernel = [int(rng.integers(1, 4)) for _ in spatial]
    dilations = [int(pick(rng, 1, 1, 2)) for _ in spatial]
    strides = [int(rng.integers(1, 4)) for _ in spatial]
    pads = [int(rng.integers(0, k)) for k in kernel * 2]
    if pool and rng.integers(4) == 0:
        pads = [0] * len(pads)
    auto_pad = pick(rng, None, None, "SAME_UPPER", "SAME_LOWER", "VALID")
    if auto_pad:
        pads = None
        if auto_pad != "VALID":
            dilations = [1] * len(spatial)
            if pool:
                # onnxruntime crops, refuses or ignores negative pads, op by op.
                strides = [k if (-(-n // s) - 1) * s + k < n else s
                           for n, s, k in zip(spatial, strides, kernel)]
    return dict(kernel_shape=kernel, dilations=dilations, strides=strides, pads=pads,
                auto_pad=auto_pad)


def conv(rng):
    spatial = [int(rng.integers(7, 14)) for _ in range(pick(rng, 1, 2, 2))]
    groups = int(pick(rng, 1, 1, 2, 3, 4))
    per_group = int(pick(rng, 1, 1, 2, 5))
    channels = groups * per_group
    filters = groups * int(rng.integers(1, 20))
    attributes = window(rng, spatial, pool=False)
    inputs = [tensor(rng, int(rng.integers(1, 3)), channels, *spatial),
              tensor(rng, filters, per_group, *attributes["kernel_shape"])]
    if rng.integers(2):
        inputs.append(tensor(rng, filters))
    constants = [1, 2] if rng.integers(2) else []
    return Case("Conv", inputs, constants, group=groups, **attributes)


def gemm(rng):
    m, k, n = (int(rng.integers(1, 40)) for _ in range(3))
    trans_a, trans_b = int(rng.integers(2)), int(rng.integers(2))
    inputs = [tensor(rng, *((k, m) if trans_a else (m, k))),
              tensor(rng, *((n, k) if trans_b else (k, n)))]
    shape = pick(rng, None, (n,), (1, n), (m, 1), (m, n), (1,))
    if shape is not None:
        inputs.append(tensor(rng, *shape))
    return Case("Gemm", inputs, [1, 2] if rng.integers(2) else [], transA=trans_a,
                transB=trans_b, alpha=float(pick(rng, 1, 0.5)), beta=float(pick(rng, 1, 2)))


def matmul(rng):
    m, k, n = (int(rng.integers(1, 20)) for _ in range(3))
    a, b = pick(rng, ((m, k), (k, n)), ((k,), (k, n)), ((m, k), (k,)), ((k,), (k,)),
                ((2, 3, m, k), (k, n)), ((3, m, k), (2, 1, k, n)), ((2, 1, m, k), (3, k, n)),
                ((2, m, k), (2, k, n)), ((m, k), (2, k, n)))
    return Case("MatMul", [tensor(rng, *a), tensor(rng, *b)], [1] if rng.integers(2) else [])


def binary(op):
    def make(rng):
        shape = [int(rng.integers(1, 7)) for _ in range(rng.integers(1, 5))]

        def part():
            kept = [s if rng.integers(3) else 1 for s in shape]
            return tensor(rng, *kept[rng.integers(len(kept)):] if rng.integers(2) else kept)
        lhs, rhs = tensor(rng, *shape), part()
        if rng.integers(2):
            lhs, rhs = rhs, lhs
        if op == "Div":
            rhs = np.where(np.abs(rhs) < 0.1, np.float32(0.5), rhs)
        return Case(op, [lhs, rhs], [1] if rng.integers(2) else [])
    return make


def shape_of(rng, low=1, high=5):
    return [int(rng.integers(1, 9)) for _ in range(rng.integers(low, high))]


def unary(op, **ranges):
    def make(rng):
        attributes = {k: float(rng.uniform(*v)) for k, v in ranges.items()}
        return Case(op, [tensor(rng, *shape_of(rng)) * 4], **attributes)
    return make


def clip(rng):
    low, high = (np.float32(v) for v in rng.uniform(-2, 2, 2))
    return Case("Clip", [tensor(rng, *shape_of(rng)) * 3, pick(rng, None, np.array(low)),
                         pick(rng, None, np.array(high))], [1, 2])


def pool(op):
    def make(rng):
        spatial = [int(rng.integers(7, 14)) for _ in range(pick(rng, 1, 2, 2))]
        attributes = window(rng, spatial, pool=True)
        if not attributes["auto_pad"]:
            attributes["ceil_mode"] = int(rng.integers(2))
        if op == "AveragePool":
            attributes["count_include_pad"] = int(rng.integers(2))
        return Case(op, [tensor(rng, int(rng.integers(1, 3)), int(pick(rng, 1, 3, 17, 32)),
                                *spatial)], **attributes)
    return make


def batch_norm(rng):
    shape = [2, int(rng.integers(1, 20))] + shape_of(rng, 0, 3)
    parameters = [tensor(rng, shape[1]) for _ in range(3)]
    variance = rng.uniform(0.1, 2, shape[1]).astype(np.float32)
    return Case("BatchNormalization", [tensor(rng, *shape), *parameters, variance],
                [1, 2, 3, 4], epsilon=float(pick(rng, 1e-5, 1e-3)))


def softmax(rng):
    shape = shape_of(rng)
    return Case("Softmax", [tensor(rng, *shape) * 3],
                axis=int(rng.integers(-len(shape), len(shape))))


def lrn(rng):
    return Case("LRN", [tensor(rng, 1, int(rng.integers(1, 12)), 3, 4)],
                size=int(rng.integers(1, 4)) * 2 - 1, alpha=float(rng.uniform(1e-3, 1)),
                beta=float(rng.uniform(0.3, 1)), bias=float(rng.uniform(0.5, 2)))


def reduce_mean(rng):
    shape = shape_of(rng)
    axes = rng.permutation(len(shape))[:rng.integers(1, len(shape) + 1)]
    return Case("ReduceMean", [tensor(rng, *shape), axes.astype(np.int64)], [1],
                keepdims=int(rng.integers(2)))


def transpose(rng):
    shape = shape_of(rng)
    return Case("Transpose", [tensor(rng, *shape)],
                perm=[int(p) for p in rng.permutation(len(shape))])


def concat(rng):
    shape = shape_of(rng)
    axis = int(rng.integers(len(shape)))
    parts = []
    for _ in range(rng.integers(1, 4)):
        shape[axis] = int(rng.integers(1, 5))
        parts.append(tensor(rng, *shape))
    return Case("Concat", parts, axis=axis)


def slices(rng):
    shape = [int(rng.integers(2, 9)) for _ in range(rng.integers(1, 5))]
    starts, ends, steps = [], [], []
    for size in shape:
        step = int(pick(rng, 1, 1, 2, 3, -1, -2))
        first, second = sorted(int(v) for v in rng.permutation(size)[:2])
        starts.append(first if step > 0 else second)
        ends.append(second + 1 if step > 0 else (first - 1 if first else -size - 1))
        steps.append(step)
    arrays = [np.array(v, np.int64) for v in (starts, ends, range(len(shape)), steps)]
    return Case("Slice", [tensor(rng, *shape), *arrays])


def pad(rng):
    mode = pick(rng, "constant", "constant", "reflect", "edge", "wrap")
    shape = [int(rng.integers(3, 7)) for _ in range(rng.integers(1, 5))]
    low = -1 if mode != "wrap" else 0
    pads = np.array([int(rng.integers(low, 3)) for _ in shape * 2], np.int64)
    value = np.array(np.float32(1.5)) if mode == "constant" else None
    return Case("Pad", [tensor(rng, *shape), pads] + ([value] if value is not None else []),
                [2], mode=mode)


def reshape(rng):
    shape = shape_of(rng)
    total = int(np.prod(shape))
    return Case("Reshape", [tensor(rng, *shape), np.array(pick(rng, [-1], [1, total], [total, 1]),
                                                          np.int64)])


OPS = {
    "Conv": conv, "Gemm": gemm, "MatMul": matmul, "Add": binary("Add"), "Sub": binary("Sub"),
    "Mul": binary("Mul"), "Div": binary("Div"), "Relu": unary("Relu"), "Clip": clip,
    "LeakyRelu": unary("LeakyRelu", alpha=(0.01, 0.5)), "Sigmoid": unary("Sigmoid"),
    "HardSigmoid": unary("HardSigmoid", alpha=(0.1, 0.5), beta=(0.2, 0.8)),
    "HardSwish": unary("HardSwish"), "BatchNormalization": batch_norm, "Softmax": softmax,
    "LRN": lrn, "MaxPool": pool("MaxPool"), "AveragePool": pool("AveragePool"),
    "ReduceMean": reduce_mean, "Transpose": transpose, "Concat": concat, "Slice": slices,
    "Pad": pad, "Reshape": reshape,
}


def check(case, folder, tool):
    """What is wrong with our result, or None."""
    model = case.model()
    path = folder / "model.onnx"
    onnx.save(model, path)
    feeds = case.feeds()
    np.savez(folder / "in.npz", **feeds)
    expected = ort.InferenceSession(model.SerializeToString(),
                                    providers=["CPUExecutionProvider"]).run(None, feeds)[0]
    for flags in ([], ["--plain"]):
        run = subprocess.run([tool, path, f"--input={folder}/in.npz",
                              f"--output={folder}/out.npz", *flags],
                             capture_output=True, text=True)
        if run.returncode:
            return f"{flags}: status {run.returncode}: {run.stderr.strip()[:400]}"
        actual = np.load(folder / "out.npz")["y"]
        if actual.shape != expected.shape:
            return f"{flags}: shape {actual.shape}, expected {expected.shape}"
        scale = max(1.0, float(np.abs(expected).max()))
        error = float(np.abs(actual - expected).max()) / scale
        if not error < 2e-6:
            return f"{flags}: relative error {error}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", default="accopt-run")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--ops", default=",".join(OPS))
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    ort.set_default_logger_severity(3)
    wrong = total = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, make) in enumerate(OPS.items()):
            rng = np.random.default_rng([seed, number])
            if name not in args.ops.split(","):
                continue
            for _ in range(args.count):
                while True:
                    case = make(rng)
                    try:
                        case.model()
                        problem = check(case, Path(folder), args.tool)
                        break
                    except Exception as error:  # attributes that onnxruntime refuses
                        if "onnxruntime" not in type(error).__module__:
                            raise
                total += 1
                if problem:
                    wrong += 1
                    shapes = [x.shape if x is not None else None for x in case.inputs]
                    print(f"{name} {case.attributes} {shapes}: {problem}")
    print(f"{total} models, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
