"""Random networks in the training executor against onnxruntime.

The graphs are those of random_networks.py. Each runs as it is imported, after the float
pipeline, and on three times the model's batch at once.
"""

import argparse
import random
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from random_networks import Network

TIMES = 3


def check(rng, folder):
    """What is wrong with the case, or None."""
    model, path = Network(rng).model(), f"{folder}/model.onnx"
    onnx.save(model, path)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed, names = session.get_inputs()[0], [o.name for o in session.get_outputs()]
    batch = feed.shape[0]
    x = np.random.default_rng(rng.randrange(2**32)).standard_normal(
        [TIMES * batch, *feed.shape[1:]]).astype(np.float32)
    pieces = [session.run(names, {feed.name: x[i:i + batch]})
              for i in range(0, TIMES * batch, batch)]
    if not all(np.isfinite(part).all() for parts in pieces for part in parts):
        return None  # a window of a pool saw nothing but padding
    for flags, times in (([], 1), (["--optimize"], 1), (["--batch"], TIMES)):
        np.savez(f"{folder}/in.npz", **{feed.name: x[:times * batch]})
        run = subprocess.run(["accopt-train-run", path, f"--input={folder}/in.npz",
                              f"--output={folder}/out.npz", *flags], capture_output=True, text=True)
        if run.returncode:
            return f"{flags}: {run.stderr.strip()[:300]}"
        with np.load(f"{folder}/out.npz") as archive:
            for name, parts in zip(names, zip(*pieces)):
                # A result whose first dimension is not the batch has one more.
                want, got = np.stack(parts[:times]), archive[name]
                if got.size != want.size:
                    return f"{flags}: {name}: shape {got.shape}, expected {times} times {parts[0].shape}"
                got = got.reshape(want.shape)
                error = float(np.abs(want - got).max() / max(1e-6, np.abs(want).max()))
                if not error < 1e-4:
                    return f"{flags}: {name}: relative error {error:.1e}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    ort.set_default_logger_severity(3)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in range(args.cases):
            problem = check(random.Random(f"{args.seed}:{case}"), folder)
            if problem:
                wrong += 1
                print(f"case {case}: {problem}", flush=True)
    print(f"{args.cases} networks, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
