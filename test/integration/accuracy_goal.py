"""Accuracy goals on random networks, against onnxruntime in float.

    python accuracy_goal.py [--cases N] [--seed S]

The networks are those of sixteen_bits.py. A goal is drawn above what 8 bits reach and
below what 16 bits everywhere do; the binary, run in acc-sim on the calibration data, must reach it against
onnxruntime, at the cycles that were promised, which are no more than those of 16 bits
everywhere. What the trials said of both ends must be what their binaries do.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import sixteen_bits
from onnx import TensorProto, helper, numpy_helper

EXACT = 65  # dB


def cycles(folder):
    return json.loads((folder / "cost.json").read_text())["total"]["cycles"]


def choose(folder, expected, low, high, rng):
    """Problems of one network, and what its goal cost; nothing where 16 bits gain nothing."""
    if high < low + 3:
        return [], ""
    goal = round(rng.uniform(low + 0.5, min(low + 10, high - 1.5)), 1)
    subprocess.run(
        ["acc-opt", folder / "m.onnx", f"--accuracy-goal={goal}dB", "--quiet", "-o", folder / "m.elf",
         f"--calibration-data={folder / 'x.npz'}", f"--bits-report={folder / 'bits.json'}",
         f"--report={folder / 'cost.json'}"], check=True)
    subprocess.run(["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}",
                    f"--output={folder / 'y.npz'}", "--quiet"], check=True)
    arrays = np.load(folder / "y.npz")
    reached = sixteen_bits.sqnr(expected, arrays[arrays.files[0]])
    report = json.loads((folder / "bits.json").read_text())
    chosen = report["chosen"]
    problems = []
    if reached < goal - 0.01:
        problems.append(f"expected {goal} dB, got {reached:.2f}")
    if chosen["cycles"] != cycles(folder):
        problems.append(f"expected {chosen['cycles']} cycles, got {cycles(folder)}")
    if chosen["cycles"] > report["wide"]["cycles"]:
        problems.append(f"expected at most {report['wide']['cycles']} cycles, got {chosen['cycles']}")
    for name, binary in (("narrow", low), ("wide", high)):
        trial = report[name]["sqnr_db"]
        # The two round a few sums differently, and the noise of few numbers differs by chance. Above
        # EXACT what is left are biases and the tables' lines, which the trial has not.
        if abs(trial - binary) > 2.5 + 10 / np.sqrt(expected.size) and min(trial, binary) < EXACT:
            problems.append(f"{name}: expected {binary:.2f} dB, got {trial:.2f} from the trial")
    text = (f"{low:.1f} dB {report['narrow']['cycles']}, goal {goal} dB: {reached:.1f} dB {chosen['cycles']} with "
            f"{chosen['widened']} of {len(report['classes'])}, {high:.1f} dB {report['wide']['cycles']}")
    return problems, text


def softmax_model(ending, seed):
    """A convolution and a softmax over its channels or places, with moves around it."""
    weight = np.random.default_rng(seed).normal(size=(6, 3, 3, 3)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
             helper.make_node("Reshape", ["a", "s"], ["b"])]
    shape = {"direct": [1, 6, 64], "transposed": [1, 64, 6], "reshaped": [64, 6]}[ending]
    scores = "b"
    if ending != "direct":
        scores = "t"
        nodes.append(helper.make_node("Transpose", ["b"], ["t"], perm=[0, 2, 1]))
    result = "u" if ending == "reshaped" else "y"
    nodes.append(helper.make_node("Softmax", [scores], [result], axis=2))
    if ending == "reshaped":
        nodes.append(helper.make_node("Reshape", ["u", "r"], ["y"]))
    constants = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.array([1, 6, -1]), "s"),
                 numpy_helper.from_array(np.array([64, 6]), "r")]
    graph = helper.make_graph(nodes, ending, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def check_softmax(folder, ending, seed):
    """Integers and trials look at the same scores."""
    onnx.save(softmax_model(ending, seed), folder / "m.onnx")
    x = np.random.default_rng(seed).normal(size=(6, 3, 8, 8)).astype(np.float32)
    np.savez(folder / "x.npz", x=x)
    subprocess.run(["acc-opt", folder / "m.onnx", "--accuracy-goal=20dB", "--quiet", "-o", folder / "m.elf",
                    f"--calibration-data={folder / 'x.npz'}", f"--bits-report={folder / 'bits.json'}"], check=True)
    report = json.loads((folder / "bits.json").read_text())
    trial, integers = report["chosen"]["sqnr_db"], report["integers"]["sqnr_db"]
    is_equal = abs(trial - integers) < 1 and integers > 30
    print(f"{'ok' if is_equal else 'FAIL'} softmax {ending}: {trial:.1f} dB in trials, {integers:.1f} in integers")
    return is_equal


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    failed = chosen = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        failed += sum(not check_softmax(folder, ending, arguments.seed)
                      for ending in ("direct", "transposed", "reshaped"))
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed}:{case}")
            network = sixteen_bits.Network(rng)
            onnx.save(network.model(), folder / "m.onnx")
            x = np.random.default_rng(case).normal(size=(6, *network.input_shape[1:])).astype(np.float32)
            low, high, expected = sixteen_bits.measure(folder, x)
            problems, text = choose(folder, expected, low, high, rng)
            chosen += bool(text)
            failed += bool(problems)
            print(f"{'FAIL' if problems else 'ok'} case {case}: {text or 'no goal'} {'; '.join(problems)}")
    print(f"{arguments.cases - failed} passed, {failed} failed, {chosen} with a goal")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
