"""Whole networks in the training executor against onnxruntime.

Each argument is MODEL=SHAPE as float_networks.py takes it. Every network runs as it is
imported and after the float pipeline, once with the model's batch and once with a batch
of --count, where the model's own is 1.
"""

import argparse
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort
from float_networks import model_file


def check(argument, count, rng):
    """Largest relative error over the ways to run the network."""
    model, shape = argument.rsplit("=", 1)
    shape = [int(size) for size in shape.split("x")]
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        path = model_file(model, folder)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        feed, outputs = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
        x = rng.uniform(-1, 1, [count, *shape[1:]]).astype(np.float32)
        singles = [session.run(outputs, {feed: x[i:i + 1]}) for i in range(count)]
        expected = [np.concatenate(parts) for parts in zip(*singles)]
        fixed = all(isinstance(size, int) for size in session.get_inputs()[0].shape)
        runs = [([], 1), (["--optimize"], 1)] + ([(["--batch", "--optimize"], count)] if fixed else [])
        for flags, samples in runs:
            np.savez(f"{folder}/in.npz", **{feed: x[:samples]})
            subprocess.run(["accopt-train-run", path, f"--input={folder}/in.npz",
                            f"--output={folder}/out.npz", *flags], check=True)
            with np.load(f"{folder}/out.npz") as archive:
                for name, want in zip(outputs, expected):
                    want, got = want[:samples], archive[name]
                    if want.shape != got.shape:
                        raise ValueError(f"{model}: expected {want.shape}, got {got.shape}")
                    error = float(np.abs(want - got).max() / max(1e-6, np.abs(want).max()))
                    errors[" ".join(flags)] = max(error, errors.get(" ".join(flags), 0.0))
    print(f"{model}: relative errors {', '.join(f'{e:.1e}' for e in errors.values())}", flush=True)
    return max(errors.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL=SHAPE")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    ort.set_default_logger_severity(3)
    rng = np.random.default_rng(seed)
    errors = [check(model, args.count, rng) for model in args.models]
    # A NaN is not near anything.
    good = all(error < 1e-4 for error in errors)
    print("all agree" if good else "they differ")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
