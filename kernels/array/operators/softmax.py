"""softmax, and the shift that keeps its exponentials from overflowing; by a table if exact."""

from typing import Any

from kernels.array.sums import row_sums
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel
from mnist_core.exp_table import ENTRIES, table_on
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS

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


def exact_exponentials(space: Space, shifted: Array, out: Array) -> None:
    """out = exp(shifted) from the table; what is shifted stands on the grid of activations."""
    xp = space.xp
    table = table_on(space)
    index = space.scratch("exp index", out.shape, xp.int64)
    xp.multiply(shifted, -(2.0**ACTIVATION_BITS), out=out)
    xp.minimum(out, ENTRIES - 1, out=out)
    space.assign(index, out)
    space.take_rows(table, xp.reshape(index, (-1,)), xp.reshape(out, (-1,)))


def exact_normalise(space: Space, shifted: Array, out: Array) -> Array:
    """out = softmax of the shifted logits on the grid; returns the rows' sums of exponentials."""
    total = space.scratch_column("row sum", shifted)
    exact_exponentials(space, shifted, out)
    row_sums(space, out, total)
    space.xp.divide(out, total, out=out)
    space.round_to_grid(out, GRADIENT_BITS)
    return total


@array_kernel(operators.softmax, name="exact", precision="exact")
def exact_softmax(space: Space, logits: Array, out: Array) -> None:
    shifted = space.scratch_like("shifted", logits)
    shift(space, logits, shifted)
    exact_normalise(space, shifted, out)
