"""Draw digits as by hand: glyphs, distorted at random, traced with a round pen.

Everything is integer arithmetic on draws of `RandomState.randint`, whose stream is frozen: the
images are the same bytes on every machine, whatever its NumPy or its processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnist_core.data.strokes import GLYPHS, PIXEL, POINTS, glyph_points

SIDE = 28
CLASSES = 10

ONE = 256
"""Fixed-point unit of matrices and weights."""

CELL = 8 * PIXEL
"""Side of a cell of the elastic grid."""

NODES = 5
"""Nodes of the elastic grid along each axis: it spans 32 pixels about the digit's middle."""

REACH = 2
"""The pen marks the pixels within this many rows and columns of a point."""

MARGIN = 6
"""Pixels around the canvas, cropped at the end, that keep the pen inside the array."""

FINE = 16
"""The pen's distances are in 1/16 pixel, which fits their squares into int16."""

Integers = NDArray[np.int32]


def draw(seed: int, count: int) -> tuple[NDArray[np.uint8], Integers]:
    """Draw `count` digits from the random stream `seed`.

    Parameters
    ----------
    seed : seed of the `RandomState`
    count : number of images

    Returns
    -------
    images : uint8, shape (count, 784), white (255) on black (0)
    labels : int32, shape (count,)
    """
    random = np.random.RandomState(seed)
    labels = _randint(random, 0, CLASSES, count)
    points = _pick_glyphs(random, labels)
    points = _affine(random, points)
    points = _elastic(random, points)
    points = _centre(random, points)
    return _trace(points, _pens(random, count)), labels


def _randint(random: np.random.RandomState, low: int, high: int, *shape: int) -> Integers:
    # The type is given because the default, and with it the stream, differs between platforms.
    return random.randint(low, high, size=shape, dtype=np.int32)


def _spread(random: np.random.RandomState, width: int, *shape: int) -> Integers:
    """Draw integers between -width and width, bell-shaped: the mean of three uniform draws."""
    total: Integers = _randint(random, -width, width + 1, 3, *shape).sum(axis=0, dtype=np.int32)
    return total // 3


def _pick_glyphs(random: np.random.RandomState, labels: Integers) -> Integers:
    """Pick one way of writing each label: points of shape (count, POINTS, 2)."""
    variants = np.array([len(glyphs) for glyphs in GLYPHS], dtype=np.int32)
    first = np.cumsum(variants, dtype=np.int32) - variants
    pick = _randint(random, 0, 1 << 16, len(labels)) % variants[labels]
    return glyph_points()[first[labels] + pick]


def _affine(random: np.random.RandomState, points: Integers) -> Integers:
    """Scale, slant and tilt each image's points by a matrix near the identity."""
    count = len(points)
    wide = ONE + _spread(random, 80, count, 1)
    high = ONE - 6 + _spread(random, 50, count, 1)
    slant = -24 + _spread(random, 165, count, 1)
    tilt = _spread(random, 80, count, 1)
    x, y = points[..., 0], points[..., 1]
    moved: Integers = np.stack([wide * x + slant * y, tilt * x + high * y], axis=-1)
    return moved // ONE


def _elastic(random: np.random.RandomState, points: Integers) -> Integers:
    """Displace points by random vectors on a coarse grid, smoothly interpolated.

    A coarse form of the elastic distortions of Simard, Steinkraus and Platt (2003).
    """
    count = len(points)
    nodes = _spread(random, 11 * PIXEL // 2, count, NODES, NODES, 2)
    extent = (NODES - 1) * CELL
    on_grid = np.clip(points + extent // 2, 0, extent - 1)
    column, row = on_grid[..., 0] // CELL, on_grid[..., 1] // CELL
    weight = _smooth_step(on_grid % CELL * ONE // CELL)
    right, down = weight[..., :1], weight[..., 1:]
    image = np.arange(count)[:, None]
    above = _blend(nodes[image, row, column], nodes[image, row, column + 1], right)
    below = _blend(nodes[image, row + 1, column], nodes[image, row + 1, column + 1], right)
    return points + _blend(above, below, down) // (ONE * ONE)


def _blend(a: Integers, b: Integers, weight: Integers) -> Integers:
    """Return a where `weight` is 0 and b where it is ONE, times ONE."""
    return a * (ONE - weight) + b * weight


def _smooth_step(t: Integers) -> Integers:
    """Return 3t² - 2t³ for t in units of 1 / ONE: weights that leave no kink at the nodes."""
    return t * t * (3 * ONE - 2 * t) // (ONE * ONE)


def _centre(random: np.random.RandomState, points: Integers) -> Integers:
    """Move the middle of each digit close to the middle of the image, as in MNIST."""
    count = len(points)
    middle: Integers = points.sum(axis=1, keepdims=True, dtype=np.int32) // POINTS
    return points - middle + SIDE * PIXEL // 2 + _spread(random, 3 * PIXEL // 4, count, 1, 2)


def _pens(random: np.random.RandomState, count: int) -> Integers:
    """Draw each image's squared pen radius in (1/16 pixel)²."""
    radius = 29 + _spread(random, 11, count)
    return radius * radius


def _trace(points: Integers, pens: Integers) -> NDArray[np.uint8]:
    """Draw the points with a round soft pen of squared radius `pens`."""
    count, width = len(points), SIDE + 2 * MARGIN
    canvas = np.zeros(count * width * width, dtype=np.int16)
    origin = np.arange(count, dtype=np.intp)[:, None] * (width * width)
    reach = np.arange(-REACH, REACH + 1)
    around = (reach[:, None] * width + reach).ravel()

    fine = points // (PIXEL // FINE) + MARGIN * FINE
    fine = np.clip(fine, REACH * FINE, (width - REACH) * FINE - 1)
    pixel = fine // FINE
    offset = reach * FINE + FINE // 2 - fine[..., None] % FINE
    squares = (offset * offset).astype(np.int16)
    pen = pens.astype(np.int16)[:, None]
    # One point of every image at a time: no pixel occurs twice in `where`, so that plain
    # assignment keeps the maximum. The slope of 3/8 gives strokes a grey rim as wide as MNIST's.
    for k in range(points.shape[1]):
        where = origin + (pixel[:, k, 1:] * width + pixel[:, k, :1]) + around
        across, down = squares[:, k, 0], squares[:, k, 1]
        ink = pen - (down[:, :, None] + across[:, None, :]).reshape(count, -1)
        canvas[where] = np.maximum(canvas[where], np.minimum(ink * 3 >> 3, 255))
    canvas = canvas.reshape(count, width, width)[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return canvas.astype(np.uint8).reshape(count, SIDE * SIDE)
