"""Products of whole matrices by register tiles, on all ranks: what operators are made of."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.products import Matrix, forward, lanes, part
from kernels.numba_cpu.tiled.region import barrier, on_all_ranks, share
from kernels.numba_cpu.tiled.target import ROWS

Array = Any


@inlined()
def padded(n: int, array: Array) -> int:
    """n columns in whole vectors."""
    return (n + lanes(array) - 1) // lanes(array) * lanes(array)


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
def _copy_rows(source: Array, target: Array, width: int, first: int, last: int) -> None:
    """Rows of a matrix to rows padded to whole vectors, whose padding stays as it is."""
    columns = source.shape[1]
    for i in range(first, last):
        row, copy = source[i], target[i * width : i * width + columns]
        for j in range(columns):
            copy[j] = row[j]


@called()
def _dense(
    rank: int,
    ranks: int,
    shared: Array,
    x: Array,
    w: Array,
    b: Array,
    out: Array,
    weights: Array,
    bias: Array,
    results: Array,
    rectified: bool,
) -> None:
    rows, depth, columns = x.shape[0], x.shape[1], w.shape[1]
    width = padded(columns, out)
    top, bottom, left, right = window(rows, width, out, rank, ranks)
    if width == columns:
        weights, bias, results = w.reshape(-1), b, out.reshape(-1)
    else:
        first, last = share(depth, 1, rank, ranks)
        _copy_rows(w, weights, width, first, last)
        if rank == 0:
            bias[:columns] = b
        barrier(shared, ranks)
    forward(
        bottom - top,
        right - left,
        out,
        part(Matrix(x.reshape(-1), 0, depth), top, 0),
        part(Matrix(weights, 0, width), 0, left),
        part(Matrix(bias, 0, 0), 0, left),
        part(Matrix(results, 0, width), top, left),
        depth,
        rectified,
    )
    if width != columns:
        for i in range(top, bottom):
            row = out[i, left : min(right, columns)]
            padded_row = results[i * width + left : i * width + right]
            for j in range(row.size):
                row[j] = padded_row[j]


@compiled(nogil=True)
def dense(
    shared: Array,
    ranks: int,
    x: Array,
    w: Array,
    b: Array,
    out: Array,
    weights: Array,
    bias: Array,
    results: Array,
    rectified: bool,
) -> None:
    """out = x w + b, or its ReLU.

    Where rows of w are no whole vectors, it goes by way of ``weights``, ``bias`` and ``results``,
    flat arrays with padded rows.
    """
    arguments = (x, w, b, out, weights, bias, results, rectified)
    on_all_ranks(shared, ranks, _dense, arguments)
