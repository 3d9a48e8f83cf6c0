"""Compares with onnxruntime where functions meet other steps of the compiler.

    folded_functions.py [--count N] [--seed S]

Constants: a function of constants is computed away on import, as shape arithmetic asks for
it, and nothing of it may be left. Reductions: a function before a reduction becomes part of
its loop, whose vectors the function then has to take; with and without our vectorization.
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

FUNCTIONS = ("Erf", "Asinh", "Sinh", "Cosh", "Tan", "Atan", "Tanh", "Exp", "Sin", "Cos", "Softplus", "Mish", "Gelu",
             "Sigmoid", "Sqrt", "Log", "Acosh", "Reciprocal")
REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceProd")
# Operator, types of its constants.
CONSTANT = (("Pow", np.float32, np.float32), ("Pow", np.float32, np.int64), ("Pow", np.int64, np.int64),
            ("Pow", np.int32, np.float32), ("Exp", np.float32), ("Log", np.float32), ("Reciprocal", np.float32),
            ("Sin", np.float32), ("Cos", np.float32), ("Xor", np.bool_, np.bool_))


def constant_of(rng, kind, shape):
    if kind == np.bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if kind == np.float32:
        return rng.uniform(0.2, 3.0, shape).astype(np.float32)
    return rng.integers(0, 5, shape).astype(kind)


def model_of(nodes, shape, result, constants=None):
    """From a float input x of `shape` to y."""
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def of_constants(rng, index):
    """x plus a function of constants."""
    op, *kinds = CONSTANT[index % len(CONSTANT)]
    shape = [int(size) for size in rng.integers(1, 5, int(rng.integers(1, 4)))]
    parts = [shape, [size if rng.integers(2) else 1 for size in shape[int(rng.integers(len(shape))):]]]
    names = [f"c{i}" for i in range(len(kinds))]
    nodes = [helper.make_node(op, names, ["f"], name="function"),
             helper.make_node("Cast", ["f"], ["g"], to=TensorProto.FLOAT),
             helper.make_node("Add", ["x", "g"], ["y"])]
    return op, model_of(nodes, shape, shape, {
        name: constant_of(rng, kind, part) for name, kind, part in zip(names, kinds, parts)})


def of_reductions(rng, index):
    """A reduction of a function of x, which is above 1 where the function asks for that."""
    function, reduction = FUNCTIONS[index % len(FUNCTIONS)], REDUCTIONS[int(rng.integers(len(REDUCTIONS)))]
    shape = [int(size) for size in rng.integers(1, 40, int(rng.integers(2, 4)))]
    axis = int(rng.integers(len(shape)))
    positive = function in ("Sqrt", "Log", "Acosh", "Reciprocal")
    nodes = [helper.make_node("Abs" if positive else "Identity", ["x"], ["p"]),
             helper.make_node("Add", ["p", "one"], ["a"]) if positive else helper.make_node("Identity", ["p"], ["a"]),
             helper.make_node(function, ["a"], ["f"]),
             helper.make_node(reduction, ["f", "axes"], ["y"], keepdims=0)]
    if reduction == "ReduceMax" or reduction == "ReduceMin" or rng.integers(2):
        nodes[3:] = [helper.make_node("Mul", ["f", "a"], ["m"]),
                     helper.make_node(reduction, ["m", "axes"], ["y"], keepdims=0)]
    result = shape[:axis] + shape[axis + 1:]
    return f"{function} {reduction} {shape} {axis}", model_of(
        nodes, shape, result, {"axes": np.array([axis]), "one": np.float32(1.1)})


def check(model, folder, rng, folded):
    """What is wrong, or an empty string."""
    onnx.save(model, path := folder / "m.onnx")
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    x = rng.standard_normal(shape).astype(np.float32)
    np.savez(folder / "x.npz", x=x)
    expected = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    for flags in ([], ["--plain"]):
        done = subprocess.run(["accopt-run", path, f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}",
                               *flags], capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip()
        got = np.load(folder / "y.npz")["y"]
        if not np.allclose(got, expected, rtol=3e-5, atol=1e-5):
            return f"expected {expected.ravel()[:4]}, got {got.ravel()[:4]}"
    if folded:
        text = subprocess.run(["acc-opt", path, "--emit=nn"], capture_output=True, text=True, check=True).stdout
        kinds = [line.split("=")[1].split()[0] for line in text.splitlines() if "= nn." in line]
        if set(kinds) != {"nn.constant", "nn.add"}:
            return f"expected a constant and an addition, got {kinds}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="models of each sort")
    parser.add_argument("--seed", type=int, default=np.random.SeedSequence().entropy % (1 << 31))
    args = parser.parse_args()
    ort.set_default_logger_severity(3)
    print(f"seed {args.seed}", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for make in (of_constants, of_reductions):
            for index in range(args.count):
                rng = np.random.default_rng([args.seed, index])
                name, model = make(rng, index)
                if problem := check(model, Path(folder), rng, make is of_constants):
                    wrong += 1
                    print(f"{name} (model {index}): {problem}", flush=True)
    print(f"{2 * args.count} models, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
