"""How cost grows: sizes to measure, the line through them, and where one backend overtakes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Network = tuple[int, ...]

AXES = ("batch", "width", "depth", "threads")

BATCHES = (1, 4, 16, 64, 256, 1024, 4096, 16384, 60000)
WIDTHS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
DEPTHS = (1, 2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Point:
    """One size: where it stands on its axis, and the case that it is."""

    axis: str
    at: int
    network: Network
    batch: int
    threads: int


def points(
    axis: str, sizes: Sequence[int], network: Network, batch: int, threads: int
) -> list[Point]:
    """Cases along one axis, everything else as in ``network`` and ``batch``.

    Width is that of a single hidden layer, depth the number of hidden layers as wide as the first.
    """
    ends = network[0], network[-1]
    hidden = network[1] if len(network) > 2 else network[0]
    made = []
    for at in sizes:
        of = {
            "batch": (network, at, threads),
            "width": ((ends[0], at, ends[1]), batch, threads),
            "depth": ((ends[0], *[hidden] * at, ends[1]), batch, threads),
            "threads": (network, batch, at),
        }[axis]
        made.append(Point(axis, at, *of))
    return made


@dataclass(frozen=True)
class Line:
    """seconds = launch + each * size: what every call costs, and what each unit adds."""

    launch: float
    each: float
    residual: float
    """Largest relative distance of a measured point from the line."""

    def __call__(self, size: float) -> float:
        """Seconds at a size."""
        return self.launch + self.each * size


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> Line:
    """Line of least relative squares with no negative cost, through at least two points."""
    from scipy.optimize import nnls

    x, y = np.asarray(sizes, float), np.asarray(seconds, float)
    # Divided by the times, every point counts alike, from microseconds to seconds.
    (launch, each), _ = nnls(np.column_stack([1 / y, x / y]), np.ones(len(y)))
    line = Line(float(launch), float(each), 0.0)
    residual = max(abs(line(size) / time - 1) for size, time in zip(x, y, strict=True))
    return Line(line.launch, line.each, float(residual))


def crossovers(
    sizes: Sequence[float], first: Sequence[float], second: Sequence[float]
) -> list[tuple[float, bool]]:
    """Sizes at which one of two becomes the faster, and whether that is the second.

    Between the measured sizes the ratio is taken for a straight line on logarithmic scales.
    """
    found = []
    ratios = np.log(np.asarray(second) / np.asarray(first))
    for (x0, r0), (x1, r1) in pairwise(zip(np.log(sizes), ratios, strict=True)):
        if r0 * r1 < 0:
            found.append((float(np.exp(x0 + (x1 - x0) * r0 / (r0 - r1))), bool(r1 < 0)))
    return found


def within(sizes: Iterable[int], most: int) -> list[int]:
    """Sizes up to a limit, and the limit itself."""
    below = [size for size in sizes if size < most]
    return [*below, most]
