"""Products by hand, blocked and over ranks: for exact precision, where their order is free."""

from functools import partial
from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called
from kernels.numba_cpu.tiled.region import on_all_ranks, share
from kernels.numba_cpu.tiled.team import call

Array = Any

_ROWS = 16
_DEPTH = 64

# No sum rounds in exact precision, so loops over lanes may choose its order.
_reordered = partial(called, fastmath={"reassoc", "contract"})


@_reordered()
def _product(rank: int, ranks: int, shared: Array, a: Array, b: Array, out: Array) -> None:
    top, bottom = share(a.shape[0], _ROWS, rank, ranks)
    for first in range(top, bottom, _ROWS):
        last = min(bottom, first + _ROWS)
        out[first:last, :] = 0
        for begin in range(0, a.shape[1], _DEPTH):
            for i in range(first, last):
                row = out[i]
                for p in range(begin, min(a.shape[1], begin + _DEPTH)):
                    factor, right = a[i, p], b[p]
                    for j in range(row.size):
                        row[j] += factor * right[j]


@_reordered()
def _product_of_transposed(
    rank: int, ranks: int, shared: Array, a: Array, b: Array, out: Array
) -> None:
    top, bottom = share(a.shape[1], _ROWS, rank, ranks)
    for first in range(top, bottom, _ROWS):
        last = min(bottom, first + _ROWS)
        out[first:last, :] = 0
        for p in range(a.shape[0]):
            right = b[p]
            for i in range(first, last):
                row, factor = out[i], a[p, i]
                for j in range(row.size):
                    row[j] += factor * right[j]


@_reordered()
def _product_with_transposed(
    rank: int, ranks: int, shared: Array, a: Array, b: Array, out: Array
) -> None:
    top, bottom = share(a.shape[0], 1, rank, ranks)
    for i in range(top, bottom):
        left = a[i]
        for j in range(b.shape[0]):
            right, total = b[j], out.dtype.type(0)
            for p in range(left.size):
                total += left[p] * right[p]
            out[i, j] = total


@compiled(nogil=True)
def _lead_product(shared: Array, ranks: int, a: Array, b: Array, out: Array) -> None:
    on_all_ranks(shared, ranks, _product, (a, b, out))


@compiled(nogil=True)
def _lead_of_transposed(shared: Array, ranks: int, a: Array, b: Array, out: Array) -> None:
    on_all_ranks(shared, ranks, _product_of_transposed, (a, b, out))


@compiled(nogil=True)
def _lead_with_transposed(shared: Array, ranks: int, a: Array, b: Array, out: Array) -> None:
    on_all_ranks(shared, ranks, _product_with_transposed, (a, b, out))


def product(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = a (m, k) b (k, n), in blocks of rows and of the summation index."""
    call(_lead_product, a, b, out)


def product_of_transposed(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = transpose of a (k, m) times b (k, n)."""
    call(_lead_of_transposed, a, b, out)


def product_with_transposed(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = a (m, k) times the transpose of b (n, k)."""
    call(_lead_with_transposed, a, b, out)
