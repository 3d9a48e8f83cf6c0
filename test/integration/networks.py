"""Compiles a real topology, runs it and compares.

    python networks.py NAME [TARGET]

The report of the analysis must equal that of the simulator field by field, every
layer's integers must equal those of MLIR's JIT, and the binary's output must be near onnxruntime's on the float model; the ratio of signal
to quantization noise is printed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from accopt.compare_reports import differences
from accopt.networks import make

# Int8 activations through tens of layers of random weights; 10 dB is an error of a
# third of the signal, which a wrong layer exceeds by far.
MIN_DECIBEL = 10


def signal_to_noise(reference, result):
    noise = np.sum((reference.astype(np.float64) - result) ** 2)
    signal = np.sum((reference.astype(np.float64) - reference.mean()) ** 2)
    return float("inf") if noise == 0 else 10 * np.log10(signal / noise)


def last_linear(model):
    """Makes the value before a final Softmax the output: random weights drive a
    softmax to one class, which would compare nothing."""
    output = model.graph.output[0]
    for node in model.graph.node:
        if node.op_type == "Softmax" and node.output[0] == output.name:
            output.name = node.input[0]
            model.graph.node.remove(node)
            break
    return model


def main():
    name = sys.argv[1]
    target = sys.argv[2] if len(sys.argv) > 2 else "systolic16x16"
    problems = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / f"{name}.onnx"
        onnx.save(last_linear(make(name)), path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"])
        feed = session.get_inputs()[0]
        output = session.get_outputs()[0].name
        images = np.random.default_rng(1).standard_normal((4, *feed.shape[1:]), np.float32)
        np.savez(folder / "calibration.npz", **{feed.name: images})
        np.save(folder / "x.npy", images[:1])
        subprocess.run(
            ["acc-opt", path, f"--target={target}", "--quiet",
             f"--calibration-data={folder / 'calibration.npz'}", "-o", folder / "x.elf",
             f"--report={folder / 'analysis.json'}"], check=True)
        subprocess.run(
            ["acc-sim", folder / "x.elf", f"--input={folder / 'x.npy'}",
             f"--output={folder / 'y.npz'}", f"--report={folder / 'simulator.json'}"], check=True)
        # Every layer's integers against MLIR's JIT.
        proof = subprocess.run(
            ["accopt-prove", path, f"--target={target}",
             f"--calibration-data={folder / 'calibration.npz'}"], text=True, capture_output=True)
        print(proof.stdout, end="")
        if proof.returncode:
            problems.append(f"the JIT's integers differ: {proof.stderr}")
        analysis = json.loads((folder / "analysis.json").read_text())
        simulator = json.loads((folder / "simulator.json").read_text())
        problems += differences(analysis, simulator)
        expected = session.run([output], {feed.name: images[:1]})[0]
        result = np.load(folder / "y.npz")[output]
        if result.shape != expected.shape:
            problems.append(f"expected output {expected.shape}, got {result.shape}")
        else:
            decibel = signal_to_noise(expected, result)
            total = analysis["total"]
            print(f"{name} on {target}: {len(analysis['ops'])} ops, {total['cycles']} cycles, "
                  f"{total['cycles'] / total['roofline_cycles']:.2f} x roofline, "
                  f"signal to noise {decibel:.1f} dB")
            if decibel < MIN_DECIBEL:
                problems.append(f"expected at least {MIN_DECIBEL} dB, got {decibel:.1f}")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
