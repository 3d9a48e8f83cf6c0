"""The digits data set, split the same way everywhere.

1,797 images of 8x8 pixels with 17 grey levels come with scikit-learn (a copy of
the test part of UCI's "Optical Recognition of Handwritten Digits").

    python -m accopt.digits.data OUT.npz

writes x_train, y_train, x_test and y_test, which `--data=digits` reads.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 20
HELDOUT_SHARE = 0.3


def load_split():
    """Returns (train images, train labels, held-out images, held-out labels).

    Images are float32 of shape [N, 1, 8, 8] in [0, 1], labels int64 of [N].
    """
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=HELDOUT_SHARE, random_state=SEED, stratify=labels
    )
    return train_x, train_y, test_x, test_y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, metavar="OUT.npz")
    output = parser.parse_args().output
    train_x, train_y, test_x, test_y = load_split()
    output.parent.mkdir(parents=True, exist_ok=True)
    np.savez(output, x_train=train_x, y_train=train_y, x_test=test_x, y_test=test_y)


if __name__ == "__main__":
    main()
