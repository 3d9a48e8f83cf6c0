"""Prunes real models at random: removed and zeroed channels give the same outputs.

Each argument is MODEL=SHAPE, the shape of the only input; MODEL is a file or one of
accopt.networks. The final softmax of a network with random weights is left out, as it
would hide differences. Every model is pruned as imported and after the float pipeline.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from float_networks import model_file


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def outputs(path, folder):
    run("accopt-run", path, f"--input={folder}/in.npz", f"--output={folder}/out.npz")
    with np.load(f"{folder}/out.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def difference(a, b):
    """The largest, relative to the values."""
    return max(float(np.abs(a[name] - b[name]).max() / max(1e-30, np.abs(b[name]).max()))
               for name in b)


def compare(source, folder, keep, seed):
    """Relative difference of removed and zeroed, that of zeroed and the whole model, and
    the share of bytes that are left."""
    results = {}
    for mode in ("false", "true"):
        path = f"{folder}/{mode}.mlir"
        run("acc-opt", source, "-o", path,
            f"--nn-remove-channels=keep={keep} criterion=random seed={seed} zero={mode}")
        results[mode] = outputs(path, folder)
    return (difference(results["false"], results["true"]),
            difference(outputs(source, folder), results["true"]),
            Path(f"{folder}/false.mlir").stat().st_size / Path(source).stat().st_size)


def check(argument, keep, seed):
    model, shape = argument.rsplit("=", 1)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        imported, optimized = f"{folder}/imported.mlir", f"{folder}/optimized.mlir"
        run("acc-opt", model_file(model, folder), "--emit=nn", "--quiet", "-o", imported)
        run("acc-opt", imported, "--nn-optimize", "-o", optimized)
        name = re.search(r'nn\.name = "([^"]+)"', Path(imported).read_text()).group(1)
        x = np.random.default_rng(seed).uniform(-1, 1, [int(v) for v in shape.split("x")])
        np.savez(f"{folder}/in.npz", **{name: x.astype(np.float32)})
        for source in (imported, optimized):
            error, effect, size = compare(source, folder, keep, seed)
            print(f"{model} {Path(source).stem}: {100 * size:.0f} % of the bytes left, "
                  f"relative difference {error:.1e}, to the whole model {effect:.1e}")
            # Channels that matter must have gone, or nothing was tested.
            good = good and error < 1e-5 and effect > 1e-3 and size < 0.9
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL=SHAPE")
    parser.add_argument("--keep", type=float, default=0.6)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    good = [check(model, args.keep, seed) for model in args.models]
    print("all agree" if all(good) else "they differ")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
