"""Products of whole matrices by register tiles, on all ranks: what operators are made of.

Where rows of a right factor or of a result are no whole vectors, it goes by way of padded rows in
``scratch``, a flat array that is made once and kept. A function that computes places in it is the
same in compiled code and in Python.
"""

from typing import Any

from numba.extending import register_jitable

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.arena import aligned
from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.products import Matrix, forward, lanes, part
from kernels.numba_cpu.tiled.region import (
    LEAST_PRODUCTS,
    barrier,
    on_all_ranks,
    share,
    worthwhile,
)
from kernels.numba_cpu.tiled.target import ROWS, VECTOR_BYTES

Array = Any


@register_jitable
def padded(n: int, itemsize: int) -> int:
    """n columns in whole vectors."""
    vector = VECTOR_BYTES // itemsize
    return (n + vector - 1) // vector * vector


@inlined()
def window(rows: int, columns: int, array: Array, rank: int, ranks: int) -> Any:
    """First and last row and column of the part of a result that is a rank's.

    Rows are shared out where each rank then has a tile of them, or else columns.
    """
    if rows >= ranks * ROWS:
        top, bottom = share(rows, ROWS, rank, ranks)
        return top, bottom, 0, columns
    left, right = share(columns, lanes(array), rank, ranks)
    return 0, rows, left, right


@called()
def _pad(source: Array, target: Matrix, first: int, last: int) -> None:
    """Rows ``first`` to ``last`` of a matrix to padded rows, whose padding stays as it is."""
    columns = source.shape[1]
    for i in range(first, last):
        place = target.place + i * target.step
        row, copy = source[i], target.array[place : place + columns]
        for j in range(columns):
            copy[j] = row[j]


@called()
def strip(source: Matrix, target: Array, top: int, bottom: int, left: int, right: int) -> None:
    """Some rows and columns of a matrix, from padded rows that may have more columns."""
    for i in range(top, bottom):
        row = target[i, left : min(right, target.shape[1])]
        place = source.place + i * source.step + left
        padded_row = source.array[place : place + row.size]
        for j in range(row.size):
            row[j] = padded_row[j]


def dense_scratch(rows: int, depth: int, columns: int, dtype: Any) -> Array:
    """What `dense` needs beside its arrays: padded rows of weights, bias and results."""
    width = padded(columns, dtype.itemsize)
    return aligned((depth + 1 + rows) * width if width != columns else 0, dtype)


@called()
def _dense(
    rank: int,
    ranks: int,
    shared: Array,
    x: Array,
    w: Array,
    b: Array,
    out: Array,
    scratch: Array,
    rectified: bool,
) -> None:
    rows, depth, columns = x.shape[0], x.shape[1], w.shape[1]
    width = padded(columns, out.itemsize)
    top, bottom, left, right = window(rows, width, out, rank, ranks)
    weights, bias = Matrix(w.reshape(-1), 0, width), Matrix(b, 0, 0)
    result = Matrix(out.reshape(-1), 0, width)
    if width != columns:
        weights, bias = Matrix(scratch, 0, width), Matrix(scratch, depth * width, 0)
        result = Matrix(scratch, (depth + 1) * width, width)
        first, last = share(depth, 1, rank, ranks)
        _pad(w, weights, first, last)
        if rank == 0:
            scratch[bias.place : bias.place + columns] = b
        barrier(shared, ranks)
    forward(
        bottom - top,
        right - left,
        out,
        part(Matrix(x.reshape(-1), 0, depth), top, 0),
        part(weights, 0, left),
        part(bias, 0, left),
        part(result, top, left),
        depth,
        rectified,
    )
    if width != columns:
        strip(result, out, top, bottom, left, right)


@compiled(nogil=True)
def dense(
    shared: Array,
    ranks: int,
    x: Array,
    w: Array,
    b: Array,
    out: Array,
    scratch: Array,
    rectified: bool,
) -> None:
    """out = x w + b, or its ReLU; ``scratch`` by `dense_scratch`."""
    ranks = worthwhile(ranks, x.shape[0] * w.size, LEAST_PRODUCTS)
    on_all_ranks(shared, ranks, _dense, (x, w, b, out, scratch, rectified))
