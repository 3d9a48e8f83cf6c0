"""Unrolled loops of thousands of ops, which must compile in about linear time, against
onnxruntime."""

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

# A chain of this length took over a minute when lowering was cubic.
ROUNDS, LIMIT = 500, 60


def model(rng):
    """Each round of the loop adds a row of sums to a state that it normalizes."""
    weights = {"w": rng.normal(size=(8, 8)).astype(np.float32) / 4, "one": np.array(1, np.int64)}
    body = helper.make_graph(
        [helper.make_node("MatMul", ["state", "w"], ["product"]), helper.make_node("Tanh", ["product"], ["t"]),
         helper.make_node("Softmax", ["t"], ["s"], axis=-1), helper.make_node("Add", ["s", "state"], ["sum"]),
         helper.make_node("CumSum", ["sum", "one"], ["c"]),
         helper.make_node("LpNormalization", ["c"], ["next"], axis=-1)],
        "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
                 helper.make_tensor_value_info("state", TensorProto.FLOAT, [4, 8])],
        [helper.make_tensor_value_info("go", TensorProto.BOOL, []), helper.make_tensor_value_info("next", TensorProto.FLOAT, [4, 8])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    node = helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body)
    graph = helper.make_graph(
        [node], "loop", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 8])], [numpy_helper.from_array(np.array(ROUNDS), "rounds")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    seed = parser.parse_args().seed
    print(f"seed {seed}", flush=True)
    rng = np.random.default_rng(seed)
    made, x = model(rng), rng.normal(size=(4, 8)).astype(np.float32)
    want = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    with tempfile.TemporaryDirectory() as temporary:
        path, given, computed = (Path(temporary) / name for name in ("m.onnx", "in.npz", "out.npz"))
        onnx.save(made, path)
        np.savez(given, x=x)
        subprocess.run(["accopt-run", path, f"--input={given}", f"--output={computed}"], check=True, timeout=LIMIT)
        got = np.load(computed)["y"]
    if not np.allclose(got, want, rtol=1e-3, atol=1e-4):
        print(f"differs by {np.abs(got - want).max()}")
        return 1
    print(f"{ROUNDS} rounds agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
