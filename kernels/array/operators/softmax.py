"""softmax, and the shift that keeps its exponentials from overflowing."""

from typing import Any

from kernels.array.sums import row_sums
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


def shift(space: Space, logits: Array, out: Array) -> None:
    """out = logits less their row's maximum."""
    top = space.scratch_column("row maximum", logits)
    space.xp.max(logits, axis=1, keepdims=True, out=top)
    space.xp.subtract(logits, top, out=out)


def normalise(space: Space, shifted: Array, out: Array) -> Array:
    """out = softmax of the shifted logits; returns the rows' sums of exponentials."""
    xp = space.xp
    total = space.scratch_column("row sum", shifted)
    xp.exp(shifted, out=out)
    row_sums(space, out, total)
    xp.divide(out, total, out=out)
    return total


@array_kernel(operators.softmax)
def softmax(space: Space, logits: Array, out: Array) -> None:
    shift(space, logits, out)
    normalise(space, out, out)
