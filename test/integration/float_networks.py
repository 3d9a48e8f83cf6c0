"""Compares the JIT's float outputs of whole networks with onnxruntime's.

Each argument is MODEL=SHAPE, the shape of the only input. MODEL is a file, one of
accopt.networks, or `text-direction`, the classifier of rapidocr-onnxruntime. The final
softmax of a network with random weights is left out, as it would hide differences.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from accopt.networks import make

TEXT_DIRECTION = "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"


def model_file(name, folder):
    """Path of the model."""
    if name == "text-direction":
        package = importlib.util.find_spec("rapidocr_onnxruntime")
        return str(Path(package.origin).parent / TEXT_DIRECTION)
    if name.endswith(".onnx"):
        return name
    model = make(name)
    output = model.graph.output[0]
    for node in model.graph.node:
        if node.op_type == "Softmax" and node.output[0] == output.name:
            output.name = node.input[0]
            model.graph.node.remove(node)
            break
    onnx.save(model, f"{folder}/model.onnx")
    return f"{folder}/model.onnx"


def check(argument, seed):
    model, shape = argument.rsplit("=", 1)
    with tempfile.TemporaryDirectory() as folder:
        path = model_file(model, folder)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        x = np.random.default_rng(seed).uniform(-1, 1, [int(v) for v in shape.split("x")])
        x = x.astype(np.float32)
        expected = session.run(None, {name: x})
        np.savez(f"{folder}/in.npz", **{name: x})
        subprocess.run(["accopt-run", path, f"--input={folder}/in.npz",
                        f"--output={folder}/out.npz"], check=True)
        with np.load(f"{folder}/out.npz") as outputs:
            actual = [outputs[output.name] for output in session.get_outputs()]
    error = max(float(np.abs(a - e).max() / max(1e-6, np.abs(e).max()))
                for a, e in zip(actual, expected, strict=True))
    print(f"{model}: relative error {error:.1e}")
    return error < 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL=SHAPE")
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    ort.set_default_logger_severity(3)
    good = [check(model, seed) for model in args.models]
    print("all agree" if all(good) else "they differ")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
