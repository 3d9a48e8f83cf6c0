"""Functions of one value behind a convolution: tables of the vector unit.

Each operator follows a random 1x1 convolution; the binary in acc-sim must be close to
onnxruntime, and no layer of it may run on the host.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

# The interval that the convolution's bias and weights keep its results in.
INTERVALS = {"Log": (0.5, 4), "Sqrt": (0.2, 4), "Reciprocal": (0.5, 3), "Asin": (-0.9, 0.9),
             "Acos": (-0.9, 0.9), "Atanh": (-0.8, 0.8), "Acosh": (1.1, 5), "Tan": (-1, 1),
             "Exp": (-2, 2), "Sinh": (-2, 2), "Cosh": (-2, 2)}
OPS = ["Abs", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Tanh", "Sin", "Cos", "Tan", "Asin",
       "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Floor", "Ceil", "Round", "Sign",
       "Softplus", "Softsign", "Elu", "Selu", "Celu", "ThresholdedRelu", "Mish", "Gelu", "Shrink",
       "HardSwish", "HardSigmoid"]
STEPS = {"Floor", "Ceil", "Round", "Sign", "ThresholdedRelu", "Shrink"}


def model(op, rng):
    low, high = INTERVALS.get(op, (-3, 3))
    channels = 8
    weights = np.zeros((channels, channels, 1, 1), np.float32)
    weights[np.arange(channels), rng.permutation(channels), 0, 0] = (high - low) / 2
    bias = np.full(channels, (high + low) / 2, np.float32)
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
             helper.make_node(op, ["c"], ["y"], name="op")]
    shape = [1, channels, 6, 5]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made)
    return made, rng.uniform(-1, 1, [16, *shape[1:]]).astype(np.float32)


def check(op, rng, folder):
    """What is wrong, or None."""
    made, x = model(op, rng)
    path = folder / "m.onnx"
    onnx.save(made, path)
    np.savez(folder / "in.npz", x=x)
    subprocess.run(["acc-opt", path, "-o", folder / "m.elf", f"--report={folder}/r.json", "--quiet",
                    f"--calibration-data={folder}/in.npz"], check=True)
    subprocess.run(["acc-sim", folder / "m.elf", f"--input={folder}/in.npz", "--quiet",
                    f"--output={folder}/out.npz"], check=True)
    report = json.loads((folder / "r.json").read_text())
    if any(layer["placement"] == "host" for layer in report["ops"]):
        return "a layer runs on the host"
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    want = np.concatenate([session.run(None, {"x": x[i:i + 1]})[0] for i in range(len(x))])
    got = np.load(folder / "out.npz")["y"]
    if op in STEPS:
        # Values beside a step may fall to its other side.
        wrong = float((np.abs(got - want) > 0.05).mean())
        return None if wrong < 0.03 else f"{wrong:.1%} of the values differ"
    ratio = 10 * np.log10(np.square(want).sum() / max(np.square(want - got).sum(), 1e-20))
    return None if ratio > 28 else f"{ratio:.1f} dB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ops", default=",".join(OPS))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, op in enumerate(OPS):
            if op in args.ops.split(","):
                problem = check(op, np.random.default_rng([args.seed, number]), Path(folder))
                wrong += problem is not None
                if problem:
                    print(f"{op}: {problem}")
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
