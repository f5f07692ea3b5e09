"""Products by hand, blocked and over threads: for exact precision, where their order is free."""

from typing import Any

from numba import prange

from kernels.numba_cpu.compile import compiled_exact

Array = Any

_ROWS = 16
_DEPTH = 64


@compiled_exact()
def product(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = a (m, k) b (k, n), in blocks of rows and of the summation index."""
    m, k = a.shape
    for block in prange((m + _ROWS - 1) // _ROWS):
        first, last = block * _ROWS, min(m, (block + 1) * _ROWS)
        out[first:last, :] = 0
        for begin in range(0, k, _DEPTH):
            for i in range(first, last):
                for p in range(begin, min(k, begin + _DEPTH)):
                    factor = a[i, p]
                    for j in range(out.shape[1]):
                        out[i, j] += factor * b[p, j]


@compiled_exact()
def product_of_transposed(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = transpose of a (k, m) times b (k, n)."""
    k, m = a.shape
    for block in prange((m + _ROWS - 1) // _ROWS):
        first, last = block * _ROWS, min(m, (block + 1) * _ROWS)
        out[first:last, :] = 0
        for p in range(k):
            for i in range(first, last):
                factor = a[p, i]
                for j in range(out.shape[1]):
                    out[i, j] += factor * b[p, j]


@compiled_exact()
def product_with_transposed(a: Array, b: Array, out: Array) -> None:
    """out (m, n) = a (m, k) times the transpose of b (n, k)."""
    for i in prange(a.shape[0]):
        for j in range(b.shape[0]):
            total = 0.0
            for p in range(a.shape[1]):
                total += a[i, p] * b[j, p]
            out[i, j] = total
