"""The digits data set, split the same way everywhere.

1,797 images of 8x8 pixels with 17 grey levels come with scikit-learn (a copy of
the test part of UCI's "Optical Recognition of Handwritten Digits").
"""

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
