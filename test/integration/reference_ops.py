"""Attributes that onnxruntime refuses or has no kernel for, against ONNX's own
reference evaluator: antialiasing, axes and aspect ratios of Resize, regions of axes
that are not scaled, and recurrent layers with the batch first. The seed is printed."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def constants(**arrays):
    return [numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()]


def antialias(rng):
    shape = [1, 2, *rng.integers(4, 12, 2)]
    sizes = [1, 2, *rng.integers(2, 9, 2)]
    node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], antialias=1,
                            mode=str(rng.choice(["linear", "cubic"])),
                            exclude_outside=int(rng.integers(2)),
                            coordinate_transformation_mode=str(rng.choice(["half_pixel", "asymmetric"])))
    return node, shape, constants(s=np.array(sizes, np.int64)), {}


def aspect(rng):
    shape = [1, 2, *rng.integers(2, 8, 2)]
    node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], axes=[3, 2], mode="linear",
                            keep_aspect_ratio_policy=str(rng.choice(["not_larger", "not_smaller", "stretch"])))
    return node, shape, constants(s=rng.integers(2, 15, 2)), {}


def crop(rng):
    shape = [1, 1, *rng.integers(3, 8, 2)]
    roi = np.array([0, 0, rng.uniform(-0.3, 0.4), 0.1, 1, 1, rng.uniform(0.6, 1.3), 0.9], np.float32)
    node = helper.make_node("Resize", ["x", "roi", "", "s"], ["y"], mode="linear",
                            extrapolation_value=float(rng.choice([0, 3])),
                            coordinate_transformation_mode="tf_crop_and_resize")
    return node, shape, constants(roi=roi, s=np.array([1, 1, shape[2], 5], np.int64)), {}


def batch_first(kind):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]

    def make(rng):
        batch, steps, width, hidden = (int(v) for v in rng.integers(1, 5, 4))

        def weights(*shape):
            return rng.uniform(-1, 1, shape).astype(np.float32)
        node = helper.make_node(kind, ["x", "w", "r", "b"], ["y", "h"], hidden_size=hidden, layout=1)
        arrays = constants(w=weights(1, gates * hidden, width), r=weights(1, gates * hidden, hidden),
                           b=weights(1, 2 * gates * hidden))
        return node, [batch, steps, width], arrays, {"h": None}
    return make


CASES = {"antialias": antialias, "aspect": aspect, "crop": crop, "LSTM": batch_first("LSTM"),
         "GRU": batch_first("GRU"), "RNN": batch_first("RNN")}


def check(rng, make, folder):
    node, shape, arrays, _ = make(rng)
    x = rng.uniform(-2, 2, [int(s) for s in shape]).astype(np.float32)

    def model(shapes):
        outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                                  outputs, arrays)
        return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 19)])
    names = list(node.output)
    expected = ReferenceEvaluator(model(dict.fromkeys(names))).run(None, {"x": x})
    onnx.save(model({n: e.shape for n, e in zip(names, expected)}), folder / "m.onnx")
    np.savez(folder / "x.npz", x=x)
    done = subprocess.run(["accopt-run", folder / "m.onnx", f"--input={folder / 'x.npz'}",
                           f"--output={folder / 'y.npz'}"], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()[:300]
    got = np.load(folder / "y.npz")
    for name, want in zip(names, expected):
        error = np.abs(got[name] - want).max()
        if not error < 2e-5 * (1 + np.abs(want).max()):
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            return f"{attributes} {list(shape)} to {list(want.shape)}: error {error:.3g} in '{name}'"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, make) in enumerate(CASES.items()):
            for count in range(args.count):
                total += 1
                if problem := check(np.random.default_rng([seed, number, count]), make, Path(folder)):
                    wrong += 1
                    print(f"{name} {count}: {problem}")
    print(f"{total} models, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
