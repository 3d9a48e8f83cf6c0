"""A step of training in acc-tune's executor beside a plain PyTorch step.

    PYTHONPATH=python .venv/bin/python test/benchmarks/retraining/step_time.py

The same network, batch and number of threads, in rounds that alternate; the plain
step is AdamW on the float network with its batch norms, in PyTorch. Prints the
median over the rounds of each, and their ratio.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import onnx
import torch

from accopt.digits.export import to_onnx as digits_onnx
from accopt.digits.network import DigitsNet
from accopt.shapes.export import to_onnx as shapes_onnx
from accopt.shapes.network import ShapesNet

ROOT = Path(__file__).resolve().parents[3]


class PlainStep:
    def __init__(self, network, shape, batch):
        self.network = network.train()
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        self.loss = torch.nn.CrossEntropyLoss()
        self.images = torch.rand(batch, *shape)
        self.labels = torch.randint(0, 10, (batch,))

    def seconds(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            loss = self.loss(self.network(self.images), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()
        return (time.perf_counter() - start) / steps


def ours(tool, model, batch, steps, threads, bits):
    command = [tool, model, f"--batch-size={batch}", f"--steps={steps}", "--epochs=3"]
    if bits:
        command.append(f"--bits={bits}")
    done = subprocess.run(command, check=True, capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    return min(map(float, done.stdout.split()))


def measure(name, network, export, shape, arguments):
    tool = arguments.build_dir / "bin" / "accopt-train-step"
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        onnx.save(export(network.eval()), model)
        plain = PlainStep(network, shape, arguments.batch)
        plain.seconds(3)
        rounds = {"plain": [], "float": [], "QAT": []}
        for _ in range(arguments.rounds):
            rounds["plain"].append(min(plain.seconds(arguments.steps) for _ in range(3)))
            for row, bits in (("float", 0), ("QAT", 4)):
                rounds[row].append(ours(tool, model, arguments.batch, arguments.steps,
                                        arguments.threads, bits))
    base = median(rounds["plain"])
    return [
        (name, row, f"{1000 * median(times):.1f} ms", f"{median(times) / base:.2f}")
        for row, times in rounds.items()
    ]


def run(arguments):
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    return [
        *measure("digits, width 48", DigitsNet(48), digits_onnx, (1, 8, 8), arguments),
        *measure("shapes, width 32", ShapesNet(32), shapes_onnx, (3, 32, 32), arguments),
    ]


def parse(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser.parse_args(argv)


if __name__ == "__main__":
    for line in run(parse()):
        print(*line, sep="  ")
