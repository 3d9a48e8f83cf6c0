"""Compares onnxruntime's own operators with onnxruntime, on random models.

    contrib_ops.py [--count N] [--seed S]

One node each, of the domain com.microsoft, with random shapes, attributes and optional
inputs; accopt-run must give what onnxruntime does in float.
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


def tensor(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def shape_of(rng, low=1, high=4):
    return [int(size) for size in rng.integers(1, 9, int(rng.integers(low, high)))]


def biased(op):
    """Inputs by position (None: left out), of which those after the first are constants."""
    def make(rng):
        shape = [*shape_of(rng), int(rng.integers(1, 40))]
        bias = tensor(rng, shape[-1]) if op != "FastGelu" or rng.integers(2) else None
        return [tensor(rng, *shape) * 3, bias], {}, 1
    return make


def plain(**attributes):
    def make(rng):
        return [tensor(rng, *shape_of(rng)) * 3], {k: float(rng.choice(v)) for k, v in attributes.items()}, 1
    return make


def skip_norm(is_centred):
    def make(rng):
        batch, length, width = (int(size) for size in rng.integers(2, 12, 3))
        optional = [tensor(rng, width) if rng.integers(2) else None for _ in range(2)]
        inputs = [tensor(rng, batch, length, width), tensor(rng, batch, length, width), tensor(rng, width)]
        inputs += optional if is_centred else optional[:1]
        return inputs, {"epsilon": float(rng.choice([1e-5, 1e-2]))}, int(rng.choice([1, 4]))
    return make


def fused_product(rng):
    batch = shape_of(rng, 0, 3)
    rows, depth, columns = (int(size) for size in rng.integers(1, 12, 3))
    trans_a, trans_b = (int(flag) for flag in rng.integers(0, 2, 2))
    a = tensor(rng, *batch, *((depth, rows) if trans_a else (rows, depth)))
    b = tensor(rng, *(batch if rng.integers(2) else []), *((columns, depth) if trans_b else (depth, columns)))
    return [a, b], {"alpha": float(rng.choice([1.0, 0.125])), "transA": trans_a, "transB": trans_b}, 1


def packed(rng):
    """Codes are drawn: every byte is one."""
    bits, block = int(rng.choice([4, 8])), int(rng.choice([16, 32, 64]))
    depth, columns = int(rng.integers(1, 150)), int(rng.integers(1, 20))
    blocks = -(-depth // block)
    codes = rng.integers(0, 256, (columns, blocks, block * bits // 8)).astype(np.uint8)
    scales = rng.uniform(0.01, 0.1, columns * blocks).astype(np.float32)
    zeros = [None, rng.integers(0, 256, columns * -(-blocks * bits // 8)).astype(np.uint8)][int(rng.integers(2))]
    bias = tensor(rng, columns) if rng.integers(2) else None
    return ([tensor(rng, *shape_of(rng, 1, 3), depth), codes, scales, zeros, None, bias],
            {"K": depth, "N": columns, "bits": bits, "block_size": block}, 1)


CASES = {"Gelu": plain(), "QuickGelu": plain(alpha=[1.702, 0.7]), "BiasGelu": biased("BiasGelu"),
         "FastGelu": biased("FastGelu"), "SkipLayerNormalization": skip_norm(True),
         "SkipSimplifiedLayerNormalization": skip_norm(False), "FusedMatMul": fused_product, "MatMulNBits": packed}
FED = {"SkipLayerNormalization": 2, "SkipSimplifiedLayerNormalization": 2, "FusedMatMul": 2}


def model_of(op, inputs, attributes, outputs):
    """The model, and what it is fed."""
    while inputs and inputs[-1] is None:
        inputs.pop()
    names = ["" if array is None else f"x{i}" for i, array in enumerate(inputs)]
    # The statistics between first and last output are left out.
    results = [f"y{i}" if i in (0, 3) else "" for i in range(outputs)]
    fed = {name: array for name, array in list(zip(names, inputs))[:FED.get(op, 1)]}
    graph = helper.make_graph(
        [helper.make_node(op, names, results, domain="com.microsoft", name="op", **attributes)], "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in fed.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results if name],
        [numpy_helper.from_array(array, name) for name, array in zip(names, inputs) if name and name not in fed])
    return helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]), fed


def check(model, fed, folder):
    """What is wrong, or an empty string."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, fed)
    for output, array in zip(model.graph.output, expected):  # ONNX's checker wants a shape
        for size in array.shape:
            output.type.tensor_type.shape.dim.add(dim_value=size)
    onnx.save(model, path := folder / "m.onnx")
    np.savez(folder / "x.npz", **fed)
    done = subprocess.run(["accopt-run", path, f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}"],
                          capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    got = np.load(folder / "y.npz")
    for output, array in zip(model.graph.output, expected):
        if not np.allclose(got[output.name], array, rtol=1e-4, atol=1e-4 * max(1.0, np.abs(array).max())):
            return f"{output.name}: expected {array.ravel()[:4]}, got {got[output.name].ravel()[:4]}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5, help="models of each operator")
    parser.add_argument("--seed", type=int, default=np.random.SeedSequence().entropy % (1 << 31))
    args = parser.parse_args()
    ort.set_default_logger_severity(4)
    print(f"seed {args.seed}", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (op, make) in enumerate(CASES.items()):
            for count in range(args.count):
                inputs, attributes, outputs = make(np.random.default_rng([args.seed, number, count]))
                if problem := check(*model_of(op, inputs, attributes, outputs), Path(folder)):
                    wrong += 1
                    print(f"{op} {count}: {problem}", flush=True)
    print(f"{args.count * len(CASES)} models, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
