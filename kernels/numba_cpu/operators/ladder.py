"""dense as one writes it first, and then better: the rungs below register tiles.

Each is to be read alone: what it changes over the one before is its first line.
"""

from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.operators.dense import finish
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any

_ROWS, _DEPTH = 4, 64


@compiled()
def _sum_at_a_time(x: Array, w: Array, out: Array) -> None:
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            total = out.dtype.type(0)
            for p in range(x.shape[1]):
                total += x[i, p] * w[p, j]
            out[i, j] = total


@compiled()
def _row_at_a_time(x: Array, w: Array, out: Array) -> None:
    out[:, :] = 0
    for i in range(x.shape[0]):
        row = out[i]
        for p in range(x.shape[1]):
            factor, right = x[i, p], w[p]
            for j in range(row.size):
                row[j] += factor * right[j]


@compiled()
def _block_at_a_time(x: Array, w: Array, out: Array) -> None:
    out[:, :] = 0
    for begin in range(0, x.shape[1], _DEPTH):
        end = min(begin + _DEPTH, x.shape[1])
        for i in range(x.shape[0]):
            row = out[i]
            for p in range(begin, end):
                factor, right = x[i, p], w[p]
                for j in range(row.size):
                    row[j] += factor * right[j]


@compiled()
def _four_rows_at_a_time(x: Array, w: Array, out: Array) -> None:
    out[:, :] = 0
    whole = x.shape[0] // _ROWS * _ROWS
    for begin in range(0, x.shape[1], _DEPTH):
        end = min(begin + _DEPTH, x.shape[1])
        for i in range(0, whole, _ROWS):
            first, second, third, fourth = out[i], out[i + 1], out[i + 2], out[i + 3]
            for p in range(begin, end):
                a, b, c, d, right = x[i, p], x[i + 1, p], x[i + 2, p], x[i + 3, p], w[p]
                for j in range(right.size):
                    first[j] += a * right[j]
                    second[j] += b * right[j]
                    third[j] += c * right[j]
                    fourth[j] += d * right[j]
        for i in range(whole, x.shape[0]):
            row = out[i]
            for p in range(begin, end):
                factor, right = x[i, p], w[p]
                for j in range(row.size):
                    row[j] += factor * right[j]


@kernel(operators.dense, name="sums")
def sums(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """Each result one sum: a column of weights is read with a stride, nothing is a vector."""
    _sum_at_a_time(x, w, out)
    finish(b, out, activation)


@kernel(operators.dense, name="rows")
def rows(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """Loops exchanged: the innermost runs along rows, in vectors, and all weights pass by."""
    _row_at_a_time(x, w, out)
    finish(b, out, activation)


@kernel(operators.dense, name="blocks")
def blocks(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """A block of weights at a time, which stays in the first cache for all rows of x."""
    _block_at_a_time(x, w, out)
    finish(b, out, activation)


@kernel(operators.dense, name="four-rows")
def four_rows(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """Four rows at a time: a vector of weights that is loaded is used four times."""
    _four_rows_at_a_time(x, w, out)
    finish(b, out, activation)
