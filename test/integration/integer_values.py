"""Compares what reads integers of quantized tensors, pooling and regions with others' code.

Each case is a random model: integers that a QuantizeLinear, a DynamicQuantizeLinear or the
network's input holds, moved and read by operators that want them as they are; pooling of
integers and in three dimensions; RoiAlign, CumProd and AffineGrid. Float arithmetic on the host
(accopt-run) must give onnxruntime's results, or, where that has no kernel, those of ONNX's
reference evaluator; so must the binary in the simulator where its integers are exact. The
seed is printed.
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


class Model:
    """Nodes and constants of one model, built up by name."""

    def __init__(self, rng):
        self.rng, self.nodes, self.constants, self.inputs, self.outputs = rng, [], [], {}, []
        self.opset = 22
        self.reference = False  # by ONNX's evaluator
        self.exact = False      # the binary computes the same
        self.tolerance = 1e-5

    def constant(self, value, dtype=None):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def input(self, array):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = np.asarray(array)
        return name

    def floats(self, shape, low=-2.0, high=2.0):
        return self.input(self.rng.uniform(low, high, shape).astype(np.float32))

    def node(self, op, inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}", **attributes))
        return names if outputs > 1 else names[0]

    def build(self):
        inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                  for n, a in self.inputs.items()]
        outputs = [onnx.ValueInfoProto(name=name) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "integers", inputs, outputs, self.constants)
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", self.opset)])
        types = {v.name: v for v in onnx.shape_inference.infer_shapes(model).graph.output}
        for value in model.graph.output:
            value.type.CopyFrom(types[value.name].type)
        return model


def int8_kind(rng):
    return [np.uint8, np.int8][rng.integers(2)]


def quantized(m, shape, kind):
    limits = np.iinfo(kind)
    scale = m.constant(m.rng.uniform(0.01, 0.03), np.float32)
    zero = m.constant(m.rng.integers(limits.max // 2 - 60, limits.max // 2 + 60), kind)
    return m.node("QuantizeLinear", [m.floats(shape), scale, zero])


def moved(m, value, shape, kind):
    """`value` after up to three operators that pass its elements on."""
    rng = m.rng
    for _ in range(rng.integers(0, 4)):
        what = rng.integers(6)
        if what == 0:
            value, shape = m.node("Transpose", [value], perm=[0, 1, 3, 2]), [*shape[:2], shape[3], shape[2]]
        elif what == 1:
            pads = [0, 0, *rng.integers(0, 3, 2), 0, 0, *rng.integers(0, 3, 2)]
            value = m.node("Pad", [value, m.constant(pads, np.int64)]
                           + ([m.constant(rng.integers(0, 100), kind)] if rng.integers(2) else []))
            shape = [*shape[:2], shape[2] + pads[2] + pads[6], shape[3] + pads[3] + pads[7]]
        elif what == 2:
            value = m.node("Slice", [value, m.constant([1]), m.constant([99]), m.constant([3])])
            shape = [*shape[:3], shape[3] - 1]
        elif what == 3 and min(shape[2:]) > 2:
            value = m.node("MaxPool", [value], kernel_shape=[2, 3], pads=[1, 1, 0, 1])
            shape = [*shape[:2], shape[2], shape[3]]
        elif what == 4:
            value, shape = m.node("Concat", [value, value], axis=1), [shape[0], 2 * shape[1], *shape[2:]]
        else:
            value = m.node("Gather", [value, m.constant(rng.permutation(shape[1]))], axis=1)
    return value, shape


def read(m, value, kind):
    """Results that need the integers of `value`."""
    rng = m.rng
    number = m.constant(rng.integers(1, 120), kind)
    choices = [
        lambda: value,
        lambda: m.node("Cast", [value], to=int(rng.choice([TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64]))),
        lambda: m.node("Max", [value, number]),
        lambda: m.node("Add", [value, number]),
        lambda: m.node("Equal", [value, number]),
        lambda: m.node("ArgMax", [value], axis=1),
        lambda: m.node("DequantizeLinear", [value, m.constant(0.25, np.float32), number]),
        lambda: m.node("Where", [m.node("Greater", [value, number]), value, number]),
        lambda: m.node("Clip", [value, "", number]),
        lambda: m.node("ReduceMax", [value, m.constant([2])]),
    ]
    m.outputs += [choices[i]() for i in rng.choice(len(choices), 2, replace=False)]


def cast_quantized(m):
    kind, shape = int8_kind(m.rng), [1, 3, 5, 6]
    read(m, moved(m, quantized(m, shape, kind), shape, kind)[0], kind)
    m.exact = True


def wide_quantized(m):
    """16 bits, whose zero point the machine has not."""
    kind = [np.uint16, np.int16][m.rng.integers(2)]
    scale = m.constant(1e-4, np.float32)
    value = m.node("QuantizeLinear", [m.floats([2, 9]), scale, m.constant(m.rng.integers(20000, 40000) % 2**15, kind)])
    m.outputs = [value, m.node("Cast", [value], to=TensorProto.INT32)]


def per_axis(m):
    kind = int8_kind(m.rng)
    scales = m.rng.uniform(0.01, 0.03, 4).astype(np.float32)
    value = m.node("QuantizeLinear", [m.floats([2, 4, 3]), m.constant(scales),
                                      m.constant(m.rng.integers(20, 90, 4), kind)], axis=1)
    m.outputs = [value, m.node("Cast", [value], to=TensorProto.FLOAT)]


def dynamic(m):
    """All that a DynamicQuantizeLinear makes, read or multiplied."""
    y, scale, zero = m.node("DynamicQuantizeLinear", [m.floats([3, 7])], outputs=3)
    weights = m.constant(m.rng.integers(-128, 128, (7, 5)), np.int8)
    choices = [lambda: y, lambda: scale, lambda: zero, lambda: m.node("Cast", [y], to=TensorProto.FLOAT),
               lambda: m.node("MatMulInteger", [y, weights, zero]),
               lambda: m.node("MatMulInteger", [y, weights]),
               lambda: m.node("DequantizeLinear", [y, scale, zero])]
    m.outputs = [choices[i]() for i in m.rng.choice(len(choices), 3, replace=False)]


def computed_scale(m):
    """Scales that the network computes, for all, for slices of an axis or for blocks."""
    kind, shape = int8_kind(m.rng), [4, 6]
    form = [[], [6], [4, 3]][m.rng.integers(3)]
    extra = {"axis": 1, **({"block_size": 2} if len(form) == 2 else {})} if form else {}
    scale = m.node("Abs", [m.floats(form, 0.01, 0.1)])
    zero = m.constant(m.rng.integers(30, 80, form), kind)
    value = m.node("QuantizeLinear", [m.floats(shape), scale, zero], **extra)
    m.outputs = [value, m.node("DequantizeLinear", [value, scale, zero], **extra)]
    m.reference = len(form) == 2


def integer_matmul(m):
    kinds = [int8_kind(m.rng), np.int8]
    a = m.input(m.rng.integers(np.iinfo(kinds[0]).min, np.iinfo(kinds[0]).max + 1, (2, 3, 600)).astype(kinds[0]))
    b = m.rng.integers(-128, 128, (600, 4)).astype(kinds[1])
    b = m.constant(b) if m.rng.integers(2) else m.input(b)
    zeros = [m.constant(m.rng.integers(0, 100), kinds[0]), m.constant(m.rng.integers(-9, 9, 4), kinds[1])]
    product = m.node("MatMulInteger", [a, b, *zeros[:m.rng.integers(1, 3)]])
    m.outputs = [product, m.node("Add", [product, m.constant(m.rng.integers(0, 99, 4), np.int32)])]


def wide_matmul(m):
    """Products of int32 and int64."""
    kind = [np.int32, np.int64][m.rng.integers(2)]

    def numbers(shape):
        return m.input(m.rng.integers(-9999, 9999, shape).astype(kind))
    m.outputs = [m.node("MatMul", [numbers([2, 3, 5]), numbers([5, 4])]),
                 m.node("Gemm", [numbers([5, 3]), numbers([4, 5]), numbers([4])], transA=1, transB=1)]
    m.reference = True


def convolved(m):
    """ConvInteger in one to three dimensions, its integers wanted."""
    spatial = int(m.rng.integers(1, 4))
    x = m.input(m.rng.integers(0, 256, [1, 2] + [6] * spatial).astype(np.uint8))
    weights = m.constant(m.rng.integers(-128, 128, [3, 2] + [2] * spatial), np.int8)
    zero = m.constant(m.rng.integers(0, 200), np.uint8)
    m.outputs = [m.node("ConvInteger", [x, weights, zero], pads=[1] * spatial + [0] * spatial)]
    m.reference = spatial == 3


def window(m, spatial):
    kernel = [int(v) for v in m.rng.integers(1, 4, spatial)]
    return dict(kernel_shape=kernel, strides=[int(v) for v in m.rng.integers(1, 4, spatial)],
                pads=[int(m.rng.integers(0, k)) for k in kernel * 2],
                dilations=[int(v) for v in m.rng.integers(1, 3, spatial)], ceil_mode=int(m.rng.integers(2)))


def max_pool(m):
    kind, spatial = int8_kind(m.rng), int(m.rng.integers(1, 4))
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    x = m.input(m.rng.integers(low, high + 1, [2, 3] + [int(v) for v in m.rng.integers(5, 9, spatial)]).astype(kind))
    m.outputs = [m.node("MaxPool", [x], **window(m, spatial))]
    m.exact = True


def lp_pool(m):
    spatial = int(m.rng.integers(1, 4))
    x = m.floats([2, 3] + [int(v) for v in m.rng.integers(6, 9, spatial)])
    m.outputs = [m.node("LpPool", [x], p=int(m.rng.integers(1, 4)), **window(m, spatial)),
                 m.node("GlobalLpPool", [x], p=2), m.node("GlobalMaxPool", [x])]
    m.opset = 18


def roi_align(m):
    rng = m.rng
    images, side = int(rng.integers(1, 3)), [int(v) for v in rng.integers(4, 20, 2)]
    regions = int(rng.integers(1, 9))
    start = rng.uniform(-8, 60, (regions, 2))
    rois = m.input(np.concatenate([start, start + rng.uniform(-3, 50, (regions, 2))], 1).astype(np.float32))
    which = m.input(rng.integers(0, images, regions))
    m.opset = int(rng.choice([10, 16, 22]))
    half = {} if m.opset == 10 else {
        "coordinate_transformation_mode": str(rng.choice(["half_pixel", "output_half_pixel"]))}
    m.outputs = [m.node("RoiAlign", [m.floats([images, 2, *side]), rois, which], mode=str(rng.choice(["avg", "max"])),
                        output_height=int(rng.integers(1, 8)), output_width=int(rng.integers(1, 8)),
                        sampling_ratio=int(rng.choice([0, 0, 1, 2, 3])),
                        spatial_scale=float(rng.choice([0.25, 0.5, 1.0])), **half)]
    # onnxruntime fails where a region's size is negative; the evaluator takes opset 10 for 16.
    m.reference, m.tolerance = half.get("coordinate_transformation_mode") == "half_pixel", 1e-4


def cumulative(m):
    shape = [int(v) for v in m.rng.integers(1, 7, 3)]
    kind = [np.float32, np.int32, np.int64][m.rng.integers(3)]
    x = m.input(m.rng.uniform(-3, 3, shape).astype(kind))
    axis = m.constant(m.rng.integers(-3, 3))
    m.opset, m.reference = 26, True
    m.outputs = [m.node("CumProd", [x, axis], reverse=int(m.rng.integers(2)), exclusive=int(m.rng.integers(2)))]


def affine_grid(m):
    sizes = [int(v) for v in m.rng.integers(2, 7, m.rng.integers(2, 4))]
    theta = m.floats([2, len(sizes), len(sizes) + 1])
    grid = m.node("AffineGrid", [theta, m.constant([2, 3, *sizes])], align_corners=int(m.rng.integers(2)))
    m.outputs, m.reference = [grid], True


def shifts(m):
    kind = [np.int16, np.int32, np.int64, np.uint16][m.rng.integers(4)]
    x = m.input(m.rng.integers(0 if kind is np.uint16 else -9999, 9999, [9]).astype(kind))
    by = m.input(m.rng.integers(0, 15, [9]).astype(kind))
    m.opset, m.reference = 28, True
    m.outputs = [m.node("BitShift", [x, by], direction=str(m.rng.choice(["LEFT", "RIGHT"])))]


CASES = [cast_quantized, wide_quantized, per_axis, dynamic, computed_scale, integer_matmul, wide_matmul, convolved,
         max_pool, lp_pool, roi_align, cumulative, affine_grid, shifts]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip()[:300] or f"status {done.returncode}" if done.returncode else ""


def expected_of(m, model):
    if m.reference:
        return ReferenceEvaluator(model).run(None, m.inputs)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, m.inputs)


def differences(m, expected, path):
    arrays = np.load(path)
    for name, want in zip(m.outputs, expected):
        got = arrays[name]
        if got.dtype == np.float32 and want.dtype == np.int8:  # a binary has scales for int8
            got = got.astype(np.int8)
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"'{name}': {got.dtype} {got.shape}, expected {want.dtype} {want.shape}"
        wide = np.abs(got.astype(np.float64) - want.astype(np.float64))
        limit = m.tolerance * (1 + np.abs(want).max()) if want.dtype.kind == "f" else 0
        if not wide.max(initial=0) <= limit:
            return f"'{name}': error {wide.max()}, expected at most {limit}"
    return ""


def check(m, folder):
    """What is wrong, or an empty string."""
    path, given, out = folder / "m.onnx", folder / "in.npz", folder / "out.npz"
    m.outputs = list(dict.fromkeys(m.outputs))
    model = m.build()
    np.savez(given, **m.inputs)
    onnx.save(model, path)
    expected = expected_of(m, model)
    commands = [["accopt-run", path]] + ([["acc-sim", folder / "m.elf"]] if m.exact else [])
    for command in commands:
        error = command[0] == "acc-sim" and run(["acc-opt", path, "--quiet", "-o", folder / "m.elf"])
        error = error or run(command + [f"--input={given}", f"--output={out}"])
        if error := error or differences(m, expected, out):
            operators = [(n.op_type, {a.name: helper.get_attribute_value(a) for a in n.attribute}) for n in m.nodes]
            return f"{command[0]}: {error}; {operators}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", default=",".join(case.__name__ for case in CASES))
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    ort.set_default_logger_severity(4)
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, make in enumerate(CASES):
            if make.__name__ not in args.only.split(","):
                continue
            for count in range(args.count):
                m = Model(np.random.default_rng([seed, number, count]))
                make(m)
                total += 1
                if problem := check(m, Path(folder)):
                    wrong += 1
                    print(f"{make.__name__} {count}: {problem}")
    print(f"{total} models, {wrong} wrong")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
