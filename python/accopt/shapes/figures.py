"""The ten figures, as functions of the plane.

Each takes coordinates u and v of any shape and returns about how far a point is
inside the figure: positive inside, negative outside. All fit in [-1, 1]^2.
"""

import numpy as np


def disc(u, v):
    return 0.75 - np.hypot(u, v)


def ring(u, v):
    return 0.2 - np.abs(np.hypot(u, v) - 0.62)


def square(u, v):
    return 0.66 - np.maximum(np.abs(u), np.abs(v))


def frame(u, v):
    return 0.18 - np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.54)


def _triangle(u, v):
    """How far outside the triangle's middle, in all directions alike."""
    slope = np.float32(np.sqrt(3) / 2)
    return np.maximum(v, slope * np.abs(u) - 0.5 * v)


def triangle(u, v):
    return 0.5 - _triangle(u, v)


def hollow_triangle(u, v):
    return 0.15 - np.abs(_triangle(u, v) - 0.4)


def plus(u, v):
    u, v = np.abs(u), np.abs(v)
    return np.minimum(0.8 - np.maximum(u, v), 0.24 - np.minimum(u, v))


def star(u, v):
    return 0.55 + 0.25 * np.cos(5 * np.arctan2(v, u)) - np.hypot(u, v)


def clover(u, v):
    return 0.55 + 0.25 * np.cos(3 * np.arctan2(v, u)) - np.hypot(u, v)


def crescent(u, v):
    return np.minimum(0.8 - np.hypot(u, v), np.hypot(u - 0.45, v) - 0.55)


FIGURES = (
    disc,
    ring,
    square,
    frame,
    triangle,
    hollow_triangle,
    plus,
    star,
    clover,
    crescent,
)
