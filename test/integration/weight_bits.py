"""Networks whose weights have more than 8 bits, against onnxruntime in float.

    python weight_bits.py [--cases N] [--seed S]

Random networks of sixteen_bits.py with weights that int8 does not hold, with activations of
16 bits so that weights are what is lost: signal to noise must rise with their bits, and at
16 bits be what it is with weights that int8 holds. One layer alone may have them, too, and
machines without values of 16 bits have them as well.
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
import onnxruntime
import sixteen_bits
from accopt.compare_reports import differences

LEAST = 55  # dB at 16 bits
GAIN = {12: 10, 16: 20}  # over 8 bits, unless LEAST is reached


class Network(sixteen_bits.Network):
    def exact(self, *shape):
        """Not exact at all, and some rows far smaller than others."""
        rows = np.exp(self.weights.uniform(-4, 0, shape[0])).reshape(-1, *[1] * (len(shape) - 1))
        return self.weights.normal(size=shape) * rows / np.sqrt(max(1, np.prod(shape[1:])))


def run(folder, weights, activations="16", target="systolic16x16"):
    """The binary's output; fails where analysis and simulator differ."""
    subprocess.run(
        ["acc-opt", folder / "m.onnx", f"--activation-bits={activations}", f"--weight-bits={weights}", "--quiet",
         f"--target={target}", "-o", folder / "m.elf", f"--calibration-data={folder / 'x.npz'}",
         f"--report={folder / 'analysis.json'}"], check=True)
    subprocess.run(
        ["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}", "--quiet",
         f"--report={folder / 'simulator.json'}"], check=True)
    analysis, simulator = (json.loads((folder / f"{name}.json").read_text()) for name in ("analysis", "simulator"))
    problems = differences(analysis, simulator)
    assert not problems, problems
    arrays = np.load(folder / "y.npz")
    return arrays[arrays.files[0]], analysis["total"]["cycles"]


def check(folder, network, rng):
    """Problems of one network, and what was seen."""
    x = np.random.default_rng(rng.randrange(2**32)).normal(size=(6, *network.input_shape[1:])).astype(np.float32)
    np.savez(folder / "x.npz", x=x)
    session = onnxruntime.InferenceSession(folder / "m.onnx", providers=["CPUExecutionProvider"])
    expected = np.concatenate([session.run(None, {"x": x[i:i + 1]})[0] for i in range(len(x))])
    quality, cycles = {}, {}
    for bits in (8, 12, 16):
        result, cycles[bits] = run(folder, bits)
        quality[bits] = sixteen_bits.sqnr(expected, result)
    problems = [f"expected {min(LEAST, quality[8] + gain):.1f} dB at {bits} bits, got {quality[bits]:.1f}"
                for bits, gain in GAIN.items() if quality[bits] < min(LEAST, quality[8] + gain)]
    if quality[16] < LEAST:
        problems.append(f"expected {LEAST} dB at 16 bits, got {quality[16]:.1f}")
    # One weight in a row is exact, and nothing is added.
    if not cycles[8] <= cycles[12] <= cycles[16] or cycles[8] == cycles[12] != cycles[16]:
        problems.append(f"expected cycles to rise, got {cycles}")
    layers = [node.name for node in network.nodes if node.op_type in ("Conv", "Gemm")]
    one = rng.choice(layers)
    _, alone = run(folder, f"8,{one}=12")
    if not cycles[8] <= alone <= cycles[12]:
        problems.append(f"expected cycles of {one} alone between {cycles[8]} and {cycles[12]}, got {alone}")
    run(folder, 12, activations="8", target=rng.choice(["vta", "eyeriss", "edge-small"]))
    text = ", ".join(f"{quality[bits]:.1f} dB at {bits} in {cycles[bits]}" for bits in quality)
    return problems, text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed}:{case}")
            network = Network(rng)
            onnx.save(network.model(), folder / "m.onnx")
            problems, text = check(folder, network, rng)
            failed += bool(problems)
            print(f"{'FAIL' if problems else 'ok'} case {case}: {text} {'; '.join(problems)}", flush=True)
    print(f"{arguments.cases - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
