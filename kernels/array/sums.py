"""Sums over rows and columns as products with ones: BLAS outruns NumPy's sum on small axes."""

from typing import Any

from mnist_core.arrays import Space

Array = Any


def _ones(space: Space, shape: tuple[int, int], dtype: Any) -> Array:
    return space.constant(("ones", shape, dtype), lambda: space.xp.ones(shape, dtype=dtype))


def row_sums(space: Space, a: Array, out: Array) -> None:
    """out (rows, 1) = sum of each row."""
    space.xp.matmul(a, _ones(space, (a.shape[1], 1), a.dtype), out=out)


def column_sums(space: Space, a: Array, out: Array) -> None:
    """out (columns,) = sum of each column."""
    space.xp.matmul(_ones(space, (1, a.shape[0]), a.dtype), a, out=out[None, :])
