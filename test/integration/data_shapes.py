"""The generator is deterministic and balanced; the baseline's ONNX is the network."""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from accopt.shapes.export import to_onnx
from accopt.shapes.network import ShapesNet

PARTS = ("train", "val", "test")


def generate(path, *options):
    sizes = ("--train=307", "--val=50", "--test=103")
    command = [sys.executable, "-m", "accopt.shapes.generate", str(path), *sizes, *options]
    subprocess.run(command, check=True)
    with np.load(path) as file:
        return dict(file)


def digest(arrays):
    return hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def check_seed(folder):
    first = generate(folder / "first.npz", "--seed=3")
    assert digest(first) == digest(generate(folder / "second.npz", "--seed=3"))
    assert digest(first) != digest(generate(folder / "third.npz", "--seed=4"))
    assert digest(first) != digest(generate(folder / "easy.npz", "--seed=3", "--difficulty=0"))
    floats = generate(folder / "floats.npz", "--seed=3", "--dtype=float32")
    for part in PARTS:
        assert floats[f"x_{part}"].dtype == np.float32
        assert np.array_equal(floats[f"x_{part}"], first[f"x_{part}"] / np.float32(255))
    shas = [read(folder / f"{name}.npz")[-1] for name in ("first", "floats", "third")]
    assert shas[0] == shas[1] != shas[2], shas
    # No image of one part is in another.
    images = np.concatenate([first[f"x_{part}"] for part in PARTS])
    assert len({image.tobytes() for image in images}) == 460
    print("same bytes for a seed")
    return first


def read(path):
    command = ["accopt-data", str(path), "--sample=3x32x32", "--output=10"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def check_balance(arrays):
    for part in PARTS:
        counts = np.bincount(arrays[f"y_{part}"], minlength=10)
        assert counts.max() - counts.min() <= 1, counts
        # The order says nothing about the class.
        assert not np.array_equal(arrays[f"y_{part}"][:50], np.arange(50) % 10)
    print("balanced")


def check_export(folder, arrays):
    torch.manual_seed(1)
    images = torch.from_numpy(arrays["x_test"][:20].astype(np.float32) / 255)
    for width, blocks in ((16, 1), (8, 2)):
        network = ShapesNet(width, blocks)
        network(images)  # gives the batch norms statistics that are not 0 and 1
        network.eval()
        path = folder / "network.onnx"
        onnx.save(to_onnx(network), path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        with torch.no_grad():
            wanted = network(images).numpy()
        got = [session.run(None, {"image": image[None].numpy()})[0][0] for image in images]
        np.testing.assert_allclose(np.stack(got), wanted, rtol=1e-4, atol=1e-4)
        operators = [node.op_type for node in to_onnx(network).graph.node]
        assert operators.count("BatchNormalization") == operators.count("Conv")
    print("onnxruntime agrees")


def check_baseline(folder):
    """The command trains, reports and writes the same bytes twice."""
    written = []
    for name in ("one.onnx", "two.onnx"):
        command = [sys.executable, "-m", "accopt.shapes.baseline", "first.npz", name]
        command += ["--width=4", "--epochs=1", "--seed=7", "--threads=1"]
        result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
        assert "test top-1: " in result.stdout, result.stdout
        written.append((folder / name).read_bytes())
    assert written[0] == written[1]
    print("baseline: same bytes for a seed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    arrays = check_seed(folder)
    check_balance(arrays)
    check_export(folder, arrays)
    check_baseline(folder)


if __name__ == "__main__":
    main()
