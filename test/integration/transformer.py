"""Small networks with integers in and floats inside, compiled and compared with onnxruntime.

A sentence encoder (token ids, embeddings, attention, LayerNorm, Gelu), a classifier of
bytes and a network that the host runs alone are made with torch, exported, compiled and
run in acc-sim. What the host runs alone must equal onnxruntime; where the array computes
in int8, the signal must stay far above the noise.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import nn


class Encoder(nn.Module):
    """Token ids to one vector for the sentence."""

    def __init__(self, words=100, length=12, width=32, heads=2, layers=2):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(1, length, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0,
                                           activation="gelu", batch_first=True)
        self.layers = nn.ModuleList([layer] + [nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True,
            norm_first=True) for _ in range(layers - 1)])
        self.norm = nn.LayerNorm(width)

    def forward(self, ids, mask):
        x = self.words(ids) + self.places
        hidden = mask == 0
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=hidden)
        x = self.norm(x)
        weight = mask.unsqueeze(-1).to(x.dtype)
        mean = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
        return mean / mean.norm(dim=-1, keepdim=True)


class Bytes(nn.Module):
    """Bytes of a file to scores of its type."""

    def __init__(self, length=64, kinds=5):
        super().__init__()
        self.table = nn.Embedding(256, 8)
        self.conv = nn.Sequential(nn.Conv1d(8, 16, 5, stride=2), nn.GELU(), nn.Conv1d(16, 16, 3),
                                  nn.ReLU())
        self.out = nn.Linear(16, kinds)

    def forward(self, data):
        x = self.table(data.to(torch.int64)).transpose(1, 2)
        return torch.log_softmax(self.out(self.conv(x).amax(-1)), -1)


class HostOnly(nn.Module):
    """Attention of embeddings without a matrix of weights; ids of the best places too."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.norm = nn.LayerNorm(16)

    def forward(self, ids):
        x = self.norm(self.words(ids))
        scores = torch.softmax(torch.einsum("bid,bjd->bij", x, x) / 4.0, -1)
        y = torch.tanh(torch.einsum("bij,bjd->bid", scores, x))
        return y, y.argmax(-1), torch.where(y > 0, y, torch.exp(y) - 1)


def signal_to_noise(expected, actual):
    noise = float(np.square(expected - actual).sum())
    return 10 * np.log10(float(np.square(expected).sum()) / max(noise, 1e-30))


def run(name, module, samples, least, dynamo, folder, target):
    """Whether each output is as close as `least` asks: decibels, or None for equality."""
    path = folder / f"{name}.onnx"
    names = list(samples)
    first = tuple(torch.from_numpy(v[:1]) for v in samples.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), first, str(path), input_names=names, dynamo=dynamo,
                          opset_version=18, verbose=False)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = [o.name for o in session.get_outputs()]
    count = len(next(iter(samples.values())))
    expected = [session.run(None, {k: v[i:i + 1] for k, v in samples.items()})
                for i in range(count)]
    expected = {o: np.concatenate([e[i] for e in expected]) for i, o in enumerate(outputs)}
    np.savez(folder / "in.npz", **samples)
    subprocess.run(["acc-opt", path, "-o", folder / "m.elf", "--quiet", f"--target={target}",
                    f"--calibration-data={folder}/in.npz"], check=True)
    subprocess.run(["acc-sim", folder / "m.elf", f"--input={folder}/in.npz", "--quiet",
                    f"--output={folder}/out.npz"], check=True)
    actual = np.load(folder / "out.npz")
    good = True
    for output, want in expected.items():
        got = actual[output]
        same = got.dtype == want.dtype and got.shape == want.shape
        if want.dtype != np.float32 or least is None:
            close = same and np.allclose(got, want, rtol=1e-5, atol=1e-5)
            print(f"{name} ({'dynamo' if dynamo else 'torchscript'}): {output}: "
                  f"{got.dtype}{got.shape}, {'equal' if close else 'DIFFERS'}")
        else:
            ratio = signal_to_noise(want, got) if same else -np.inf
            close = ratio >= least
            print(f"{name} ({'dynamo' if dynamo else 'torchscript'}): {output}: "
                  f"{got.dtype}{got.shape}, {ratio:.1f} dB, expected {least}")
        good &= bool(close)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="systolic16x16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    ids = rng.integers(0, 100, (8, 12))
    mask = (np.arange(12) < rng.integers(4, 13, (8, 1))).astype(np.int64)
    cases = {
        "encoder": (Encoder(), dict(ids=ids, mask=mask), 20),
        "bytes": (Bytes(), dict(data=rng.integers(0, 256, (8, 64)).astype(np.uint8)), 20),
        "host_only": (HostOnly(), dict(ids=rng.integers(0, 50, (8, 7))), None),
    }
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, (module, samples, least) in cases.items():
            if args.only in ("", name):
                for dynamo in (False, True):
                    good &= run(name, module, samples, least, dynamo, Path(folder), args.target)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
