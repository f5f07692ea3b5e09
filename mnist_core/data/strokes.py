"""The shapes of the drawn digits: pen strokes, smoothed into evenly spaced points.

All arithmetic is on integers, so that the points are the same on every machine.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import isqrt

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]

PIXEL = 256
"""Fixed-point unit: coordinates are integers in 1/256 of a pixel."""

POINTS = 80
"""Points of each glyph, whatever its length."""

SCALE = 44
"""1/256 pixel per unit of the table below: 100 units are 17 pixels, 20 with the pen's width."""

# The ways in which each digit is written: control points "x,y" in a box of about 65 x 100 units,
# y downwards, with "/" where the pen is lifted. A point given twice makes a corner.
GLYPHS: tuple[tuple[str, ...], ...] = (
    (  # 0
        "40,0 14,6 2,35 2,65 14,94 35,100 58,92 68,65 68,35 56,6 34,0",
        "52,4 30,0 12,22 4,54 8,86 28,102 50,88 62,55 62,24 50,4 32,6",
    ),
    (  # 1
        "35,0 35,50 35,100",
        "52,0 36,50 20,100",
        "18,22 40,0 40,0 38,100",
    ),
    (  # 2
        "6,26 12,4 36,-4 60,6 62,32 44,58 20,84 0,100 0,100 34,98 68,98",
        "8,22 22,0 50,0 62,24 48,56 28,84 12,102 -2,94 6,78 28,86 48,102 70,92",
    ),
    (  # 3
        "8,12 26,-4 56,2 60,28 44,46 22,48 22,48 52,50 66,74 54,98 28,104 2,90",
        "6,2 60,2 60,2 28,44 28,44 58,48 66,76 50,100 24,104 2,92",
    ),
    (  # 4
        "14,2 2,54 2,54 66,50 / 54,4 52,50 48,100",
        "46,100 52,0 52,0 0,66 0,66 70,66",
        "10,6 4,40 18,56 42,52 58,32 / 62,0 56,50 48,100",
    ),
    (  # 5
        "60,2 16,2 16,2 10,46 10,46 34,36 60,46 64,74 48,98 22,104 2,90",
        "18,4 12,46 12,46 36,38 62,54 58,88 30,106 2,92 / 18,4 40,3 64,0",
    ),
    (  # 6
        "52,0 24,16 4,52 4,84 26,104 54,96 60,72 44,52 20,60 6,82",
        "36,0 14,40 4,76 18,104 46,102 58,78 46,58 24,64 8,86",
    ),
    (  # 7
        "4,6 64,2 64,2 40,48 28,100",
        "4,4 64,4 64,4 24,100 / 20,50 58,48",
        "4,22 8,4 8,4 66,2 66,2 46,50 38,100",
    ),
    (  # 8
        "58,14 36,-4 10,6 10,32 36,48 64,66 60,96 34,104 6,96 2,68 32,48 58,30 60,10 44,0",
        "34,46 12,38 10,8 34,-2 58,8 56,38 34,46 8,56 2,92 34,104 66,92 60,56 34,46",
    ),
    (  # 9
        "58,16 40,-2 12,6 4,34 22,54 48,44 58,14 58,14 56,50 48,100",
        "58,22 42,-2 14,4 4,32 20,54 46,44 58,14 62,56 48,96 14,100",
    ),
)


@cache
def glyph_points() -> NDArray[np.int32]:
    """Return every glyph's points about its middle, digit after digit: (glyphs, POINTS, 2)."""
    points = np.array([_points(glyph) for glyphs in GLYPHS for glyph in glyphs], dtype=np.int32)
    middles: NDArray[np.int32] = points.sum(axis=1, keepdims=True, dtype=np.int32) // POINTS
    return points - middles


def _points(glyph: str) -> list[Point]:
    """Spread `POINTS` points over a glyph's strokes in proportion to their lengths."""
    curves = [_smooth(_control_points(stroke)) for stroke in glyph.split("/")]
    lengths = [_length(curve) for curve in curves]
    counts = [max(2, POINTS * length // sum(lengths)) for length in lengths]
    counts[0] += POINTS - sum(counts)
    return [
        point
        for curve, count in zip(curves, counts, strict=True)
        for point in _resample(curve, count)
    ]


def _control_points(stroke: str) -> list[Point]:
    pairs = (point.split(",") for point in stroke.split())
    return [(SCALE * int(x), SCALE * int(y)) for x, y in pairs]


def _smooth(line: list[Point], rounds: int = 3) -> list[Point]:
    """Cut the corners of a polyline, keeping its ends (Chaikin 1974)."""
    for _ in range(rounds):
        cut = [line[0]]
        for (x0, y0), (x1, y1) in pairwise(line):
            cut += [
                ((3 * x0 + x1) // 4, (3 * y0 + y1) // 4),
                ((x0 + 3 * x1) // 4, (y0 + 3 * y1) // 4),
            ]
        line = [*cut, line[-1]]
    return line


def _resample(line: list[Point], count: int) -> list[Point]:
    """Return `count` points at equal distances along a polyline, its ends included."""
    total, points = _length(line), []
    segment, start = 0, 0  # `start` is the distance at which the segment begins
    for k in range(count):
        target = total * k // (count - 1)
        length = _distance(line[segment], line[segment + 1])
        while target > start + length:
            start += length
            segment += 1
            length = _distance(line[segment], line[segment + 1])
        (x0, y0), (x1, y1) = line[segment], line[segment + 1]
        along, whole = target - start, max(1, length)
        points.append((x0 + (x1 - x0) * along // whole, y0 + (y1 - y0) * along // whole))
    return points


def _length(line: list[Point]) -> int:
    return sum(_distance(a, b) for a, b in pairwise(line))


def _distance(a: Point, b: Point) -> int:
    return isqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)
