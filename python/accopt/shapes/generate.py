"""Generates the 32x32 set.

    python -m accopt.shapes.generate OUT.npz --train=5000 --seed=0 --difficulty=0.4

writes x_train, y_train, x_val, y_val, x_test and y_test: images N x 3 x 32 x 32,
uint8 or float32 in [0, 1], and int64 labels from 0 to 9.
"""

import argparse
from pathlib import Path

import numpy as np

from accopt.shapes.render import render

DIFFICULTY = 0.4


def generate(sizes, seed, difficulty, dtype="uint8"):
    """Returns the arrays by name; `sizes` are those of train, val and test."""
    arrays = {}
    for part, (name, size) in enumerate(zip(("train", "val", "test"), sizes)):
        images, labels = render(size, seed, part, difficulty)
        if dtype == "float32":
            images = images.astype(np.float32) / np.float32(255)
        arrays[f"x_{name}"] = images
        arrays[f"y_{name}"] = labels
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, metavar="OUT.npz")
    parser.add_argument("--train", type=int, default=5000, help="images to train with")
    parser.add_argument("--val", type=int, default=1000, help="images to decide with")
    parser.add_argument("--test", type=int, default=2000, help="images to report on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--difficulty", type=float, default=DIFFICULTY, help="from 0 to 1")
    parser.add_argument("--dtype", choices=("uint8", "float32"), default="uint8")
    options = parser.parse_args()
    sizes = (options.train, options.val, options.test)
    if min(sizes) < 10:
        parser.error(f"expected at least 10 images in each part, got {min(sizes)}")
    if not 0 <= options.difficulty <= 1:
        parser.error(f"expected a difficulty from 0 to 1, got {options.difficulty}")
    if options.seed < 0:
        parser.error(f"expected a seed from 0, got {options.seed}")

    arrays = generate(sizes, options.seed, options.difficulty, options.dtype)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.output, **arrays)


if __name__ == "__main__":
    main()
