"""Compares the JIT's results with onnxruntime's on random single-op models.

Each operator gets --count models with random shapes, attributes and element types;
the seed is printed. Every model runs in accopt-run, with and without our own
vectorization. Where onnxruntime has no kernel, ONNX's reference evaluator answers.
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

from onnx.reference import ReferenceEvaluator

from body_ops import body_ops
from math_ops import MATH_OPS

OPSET = 23


class Case:
    """One random model: a node, its inputs, and which of them are constants.

    Integers are constants unless `fed` names them.
    """

    def __init__(self, op, inputs, constants=(), fed=(), outputs=1, **attributes):
        # Arithmetic makes numbers of arrays without dimensions.
        inputs = [x if x is None else np.asarray(x) for x in inputs]
        self.op, self.inputs, self.outputs = op, inputs, outputs
        self.constants = {i for i, x in enumerate(inputs) if x is not None and i not in fed
                          and (i in constants or x.dtype != np.float32)}
        self.attributes = {k: v for k, v in attributes.items() if v is not None}

    def model(self):
        names = [f"x{i}" if x is not None else "" for i, x in enumerate(self.inputs)]
        results = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, names, results, name="op", **self.attributes)
        given, stored = [], []
        for index, (name, value) in enumerate(zip(names, self.inputs)):
            if value is None:
                continue
            if index in self.constants:
                stored.append(numpy_helper.from_array(value, name))
            else:
                given.append(helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
        graph = helper.make_graph([node], "graph", given, [], stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                                  ir_version=10)
        declared = [onnx.ValueInfoProto(name=name) for name in results]
        model.graph.output.extend(declared)
        inferred = onnx.shape_inference.infer_shapes(model)
        # What inference does not know keeps the first input's type.
        for output in inferred.graph.output:
            if not output.type.tensor_type.HasField("shape"):
                output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT,
                                                              self.inputs[0].shape))
        return inferred

    def feeds(self):
        return {f"x{i}": x for i, x in enumerate(self.inputs)
                if x is not None and i not in self.constants}


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
OPS.update({name: (lambda make: lambda rng: Case(*(made := make(rng))[:2], **made[2]))(make)
            for name, make in MATH_OPS.items()})
OPS.update(body_ops(Case))


def reference(model, feeds):
    """What onnxruntime computes, or ONNX's evaluator where there is no kernel."""
    try:
        session = ort.InferenceSession(model.SerializeToString(),
                                       providers=["CPUExecutionProvider"])
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error) and "opset" not in str(error):
            raise
        return ReferenceEvaluator(model).run(None, feeds)
    return session.run(None, feeds)


def difference(actual, expected):
    """What is wrong with an output, or None."""
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        return f"{actual.dtype}{actual.shape}, expected {expected.dtype}{expected.shape}"
    if expected.dtype != np.float32:
        wrong = int((actual != expected).sum())
        return f"{wrong} of {expected.size} differ" if wrong else None
    special = ~np.isfinite(expected)
    if not np.array_equal(actual[special], expected[special], equal_nan=True):
        return "other infinities or NaN"
    finite = expected[~special]
    scale = max(1.0, float(np.abs(finite).max(initial=0)))
    error = float(np.abs(actual[~special] - finite).max(initial=0)) / scale
    return None if error < 2e-6 else f"relative error {error}"


def check(case, folder, tool):
    """What is wrong with our results, or None."""
    model = case.model()
    path = folder / "model.onnx"
    onnx.save(model, path)
    feeds = case.feeds()
    np.savez(folder / "in.npz", **feeds)
    expected = reference(model, feeds)
    for flags in ([], ["--plain"]):
        run = subprocess.run([tool, path, f"--input={folder}/in.npz",
                              f"--output={folder}/out.npz", *flags],
                             capture_output=True, text=True)
        if run.returncode:
            return f"{flags}: status {run.returncode}: {run.stderr.strip()[:400]}"
        actual = np.load(folder / "out.npz")
        for i, value in enumerate(expected):
            if problem := difference(actual[f"y{i}"], np.asarray(value)):
                return f"{flags}: output {i}: {problem}"
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
                for _ in range(20):
                    case, problem = make(rng), "onnxruntime refused 20 models"
                    try:
                        case.model()
                        problem = check(case, Path(folder), args.tool)
                        break
                    except Exception as error:  # attributes that onnxruntime refuses
                        if "onnxruntime" not in type(error).__module__:
                            raise
                        print(f"{name}: redrawn: {str(error)[:120]}")
                total += 1
                if problem:
                    wrong += 1
                    shapes = [x.shape if x is not None else None for x in case.inputs]
                    print(f"{name} {case.attributes} {shapes}: {problem}")
    print(f"{total} models, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
