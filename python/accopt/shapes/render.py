"""Draws images: a textured background, clutter, one figure on top, noise.

Everything that is random comes from one generator in a fixed order, so that a
seed decides every byte. `difficulty` goes from 0 (flat colours, upright figures)
to 1; each nuisance grows with it.
"""

import numpy as np

from accopt.shapes.figures import FIGURES

SIDE = 32
CHUNK = 256  # images drawn at a time; part of what a seed means

_axis = (np.arange(SIDE, dtype=np.float32) + 0.5) * (2 / SIDE) - 1
GRID_V, GRID_U = np.meshgrid(_axis, _axis, indexing="ij")


def _uniform(rng, low, high, *shape):
    return rng.uniform(low, high, shape).astype(np.float32)


def _wave(rng, count, low, high):
    """A plane wave for each image, [count, SIDE, SIDE] in [-1, 1]."""
    angle = _uniform(rng, 0, np.pi, count, 1, 1)
    frequency = _uniform(rng, low, high, count, 1, 1)
    phase = _uniform(rng, 0, 2 * np.pi, count, 1, 1)
    return np.sin(frequency * (np.cos(angle) * GRID_U + np.sin(angle) * GRID_V) + phase)


def _texture(rng, count, strength):
    """Stripes, checks or blobs between two colours, [count, 3, SIDE, SIDE]."""
    kind = rng.integers(0, 3, (count, 1, 1))
    first, second = _wave(rng, count, 6, 20), _wave(rng, count, 6, 20)
    slow = _wave(rng, count, 1, 4)
    pattern = np.where(kind == 0, first, np.where(kind == 1, first * second, slow))
    color = _uniform(rng, 0, 1, count, 3, 1, 1)
    other = _uniform(rng, -1, 1, count, 3, 1, 1)
    return color + (0.45 * strength) * other * pattern[:, None]


def _place(rng, count, difficulty, low, high, reach):
    """Coordinates of a figure's own plane, turned, scaled, moved and bent."""
    size = _uniform(rng, low, high, count, 1, 1)
    angle = _uniform(rng, -np.pi, np.pi, count, 1, 1) * min(1.0, 0.1 + difficulty)
    stretch = np.exp(_uniform(rng, -0.3, 0.3, count, 1, 1) * difficulty)
    center = _uniform(rng, -reach, reach, 2, count, 1, 1)
    u, v = GRID_U - center[0], GRID_V - center[1]
    bend = 0.16 * difficulty
    u, v = u + bend * size * _wave(rng, count, 3, 7), v + bend * size * _wave(rng, count, 3, 7)
    cos, sin = np.cos(angle), np.sin(angle)
    return (
        (cos * u + sin * v) * stretch / size,
        (cos * v - sin * u) / stretch / size,
        size,
    )


def _mask(rng, labels, difficulty, low, high, reach):
    """How far each pixel is covered by the label's figure, [count, SIDE, SIDE]."""
    u, v, size = _place(rng, len(labels), difficulty, low, high, reach)
    inside = np.empty_like(u)
    for label, figure in enumerate(FIGURES):
        chosen = labels == label
        inside[chosen] = figure(u[chosen], v[chosen])
    # One pixel of soft edge.
    return np.clip(inside * size * (SIDE / 2) + 0.5, 0, 1)


def _draw(rng, labels, difficulty):
    count = len(labels)
    image = _texture(rng, count, difficulty)
    for _ in range(3):
        # Pieces of other figures, smaller than the one that counts.
        labels_of_clutter = rng.integers(0, len(FIGURES), count)
        cover = _mask(rng, labels_of_clutter, difficulty, 0.15, 0.3, 0.95)
        cover = cover * (rng.uniform(0, 1, (count, 1, 1)) < difficulty)
        image += cover[:, None] * (_texture(rng, count, difficulty) - image)
    cover = _mask(rng, labels, difficulty, 0.75 - 0.3 * difficulty, 0.85, 0.15 + 0.2 * difficulty)
    figure = _texture(rng, count, difficulty)
    # A figure of the background's colour could not be seen by anybody.
    apart = figure.mean((1, 2, 3)) - image.mean((1, 2, 3))
    push = np.where(apart < 0, -1, 1) * np.maximum(0, 0.3 - 0.15 * difficulty - np.abs(apart))
    figure += push[:, None, None, None].astype(np.float32)
    image += cover[:, None] * (figure - image)
    # A line across, as a scratch on the lens.
    scratch = np.abs(_wave(rng, count, 0.5, 2)) < 0.06 * difficulty
    image += scratch[:, None] * (_uniform(rng, 0, 1, count, 3, 1, 1) - image)
    image += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(0.16 * difficulty)
    return image


def render(count, seed, part, difficulty):
    """Returns uint8 images [count, 3, 32, 32] and int64 labels [count].

    Classes differ by one image at the most; `part` gives each split its own
    random numbers.
    """
    rng = np.random.Generator(np.random.PCG64([seed, part]))
    labels = rng.permutation(np.arange(count, dtype=np.int64) % len(FIGURES))
    images = np.empty((count, 3, SIDE, SIDE), np.uint8)
    for start in range(0, count, CHUNK):
        drawn = _draw(rng, labels[start : start + CHUNK], difficulty)
        images[start : start + CHUNK] = np.clip(drawn * 255 + 0.5, 0, 255).astype(np.uint8)
    return images, labels
