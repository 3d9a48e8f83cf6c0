"""Compiles every network of accopt.small_networks from both exporters of torch.

For each the binary in the simulator must be near onnxruntime on the float model, and
equal to MLIR's JIT, element by element (accopt-prove).
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

from accopt.networks import make
from accopt.small_networks import SMALL_NETWORKS

# Int8 through networks of random weights; a wrong layer gives less than 5 dB.
MIN_DECIBEL = 12.0


def decibel(expected, got):
    noise = np.sum((expected.astype(np.float64) - got) ** 2)
    return 10 * np.log10(np.sum((expected - expected.mean()) ** 2) / max(noise, 1e-12))


def check(name, folder, target):
    """What is wrong, or an empty string."""
    path = folder / "model.onnx"
    onnx.save(make(name), path)
    shape = SMALL_NETWORKS[name.partition(":")[0]][1]
    data = np.random.default_rng(1).standard_normal((8, *shape[1:])).astype(np.float32)
    np.savez(folder / "calibration.npz", image=data)
    np.savez(folder / "x.npz", image=data[:1])
    flags = [f"--target={target}", f"--calibration-data={folder / 'calibration.npz'}"]
    commands = (
        ["acc-opt", path, *flags, "--quiet", "-o", folder / "m.elf",
         f"--report={folder / 'r.json'}"],
        ["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}",
         f"--output={folder / 'y.npz'}"],
        ["accopt-prove", path, *flags])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{command[0]}: {done.stderr.strip()[:300]}"
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: data[:1]})[0]
    got = np.load(folder / "y.npz")["logits"].reshape(expected.shape)
    ratio = decibel(expected, got)
    report = json.loads((folder / "r.json").read_text())
    host = sum(op["placement"] == "host" for op in report["ops"])
    print(f"{name}: {len(report['ops'])} ops, {host} on the host, "
          f"{report['total']['cycles']} cycles, {ratio:.1f} dB", flush=True)
    return "" if ratio >= MIN_DECIBEL else f"expected {MIN_DECIBEL} dB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[
        name + suffix for name in SMALL_NETWORKS for suffix in ("", ":old")])
    parser.add_argument("--target", default="systolic16x16")
    args = parser.parse_args()
    ort.set_default_logger_severity(3)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in args.names:
            if problem := check(name, Path(folder), args.target):
                wrong += 1
                print(f"{name}: {problem}", flush=True)
    print(f"{len(args.names)} networks, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
