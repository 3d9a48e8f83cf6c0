"""Runs the bundled model's binary on all held-out images and prints the result.

    python -m accopt.show_digits --elf=build/digits.elf --acc-sim=build/bin/acc-sim

Top-1 of the float model is onnxruntime's, top-1 of the binary is counted here
from what acc-sim wrote; cycles and energy are what it counted while running.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from accopt.float_top1 import float_logits, load

MODELS = Path(__file__).resolve().parents[2] / "models"


def simulate(acc_sim, elf, images):
    """Returns (logits [N, 10], cost report) of the binary on `images`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.save(folder / "image.npy", images)
        subprocess.run(
            [acc_sim, elf, f"--input=image={folder / 'image.npy'}",
             f"--output={folder / 'logits.npz'}", f"--report={folder / 'report.json'}"],
            check=True, stdout=subprocess.DEVNULL,
        )
        with np.load(folder / "logits.npz") as outputs:
            logits = outputs["logits"]
        return logits, json.loads((folder / "report.json").read_text())


def compare(acc_sim, elf):
    """Returns (float top-1, binary top-1, images, cost report); top-1 in percent."""
    images, labels = load(MODELS / "digits-heldout.npz")
    expected = float_logits(MODELS / "digits.onnx", images)
    logits, report = simulate(acc_sim, elf, images)
    if logits.shape != expected.shape:
        raise SystemExit(f"expected logits {expected.shape}, got {logits.shape}")

    def top1(values):
        return 100 * float((values.argmax(1) == labels).mean())

    return top1(expected), top1(logits), len(labels), report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elf", type=Path, required=True)
    parser.add_argument("--acc-sim", type=Path, required=True)
    options = parser.parse_args()
    float_top1, binary_top1, count, report = compare(options.acc_sim, options.elf)
    total = report["total"]
    print(f"held-out images:   {count}")
    print(f"float model top-1: {float_top1:.2f} % (onnxruntime)")
    print(f"binary top-1:      {binary_top1:.2f} % (acc-sim, {report['target']['name']})")
    print(f"cycles per image:  {total['cycles']}")
    print(f"energy per image:  {total['energy_pj'] / 1e6:.4f} uJ")


if __name__ == "__main__":
    main()
