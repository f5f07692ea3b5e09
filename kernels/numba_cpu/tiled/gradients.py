"""Gradients of a dense layer by register tiles, on all ranks: what `dense_backward` is made of."""

from typing import Any, NamedTuple

from numba import config
from numba.extending import register_jitable

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.arena import aligned
from kernels.numba_cpu.tiled.inner import called
from kernels.numba_cpu.tiled.matrices import padded, strip
from kernels.numba_cpu.tiled.products import Matrix, at, forward, lanes, part, weight_gradient
from kernels.numba_cpu.tiled.region import (
    LEAST_PRODUCTS,
    MOST_RANKS,
    on_all_ranks,
    share,
    worthwhile,
)
from kernels.numba_cpu.tiled.target import ROWS
from kernels.numba_cpu.tiled.tile import square, store, transposed

Array = Any

_BLOCK = 256
"""Rows of a batch that are taken together: their gradients stay in a core's cache."""


class _Places(NamedTuple):
    """Where things stand in the scratch memory, and how long padded rows are."""

    width: int  # of rows of outputs
    height: int  # of rows of inputs
    transposed: int  # after a row of zeros
    dw: int
    dx: int
    masked: int
    block: int  # from a rank's masked gradients to the next one's


@register_jitable
def _places(inputs: int, outputs: int, itemsize: int) -> _Places:
    width, height = padded(outputs, itemsize), padded(inputs, itemsize)
    transposed = max(width, height)
    dw = transposed + outputs * height
    dx = dw + (inputs * width if width != outputs else 0)
    masked = dx + (_BLOCK * height if height != inputs else 0)
    return _Places(width, height, transposed, dw, dx, masked, _BLOCK * width)


def gradients_scratch(inputs: int, outputs: int, dtype: Any) -> Array:
    """What `gradients` needs beside its arrays, for any number of rows."""
    places = _places(inputs, outputs, dtype.itemsize)
    most = min(config.NUMBA_NUM_THREADS, MOST_RANKS)
    return aligned(places.masked + most * places.block, dtype)


@called()
def _mask(out: Array, grad: Array, target: Matrix, first: int, last: int, rectified: bool) -> None:
    """Rows ``first`` to ``last`` of the gradients before the activation."""
    columns = grad.shape[1]
    for i in range(first, last):
        place = target.place + (i - first) * target.step
        above, row, masked = out[i], grad[i], target.array[place : place + columns]
        for j in range(columns):
            masked[j] = row[j] if above[j] > 0 or not rectified else 0


@called()
def _transpose(w: Array, target: Matrix, first: int, last: int) -> None:
    """Rows ``first`` to ``last`` of w become columns, those of a whole square all at once."""
    columns, size, flat = w.shape[1], lanes(w), w.reshape(-1)
    for k in range(first, last, size):
        for j in range(0, columns, size):
            if k + size <= last and j + size <= columns:
                block = square(flat, k * columns + j, columns)
                store(transposed(block), target.array, at(target, j, k), target.step)
            else:
                for row in range(k, min(k + size, last)):
                    for column in range(j, min(j + size, columns)):
                        target.array[at(target, column, row)] = w[row, column]


@called()
def _add_rows(grad: Matrix, rows: int, db: Array, first: int, last: int) -> None:
    """Columns ``first`` to ``last`` are added to db, a row after the other."""
    total = db[first:last]
    for i in range(rows):
        row = grad.array[at(grad, i, first) : at(grad, i, last)]
        for j in range(total.size):
            total[j] += row[j]


@called()
def _gradients(
    rank: int,
    ranks: int,
    shared: Array,
    x: Array,
    w: Array,
    out: Array,
    grad: Array,
    dw: Array,
    db: Array,
    dx: Array,
    scratch: Array,
    rectified: bool,
) -> None:
    """A rank has some of the inputs: their rows of dw and columns of dx; and some columns of db.

    It masks all gradients for itself, which is less work than to wait for those of another.
    """
    inputs, outputs = w.shape
    places, zero = _places(inputs, outputs, w.itemsize), Matrix(scratch, 0, 0)
    width, height = places.width, places.height
    top, bottom = share(inputs, lanes(w) if dx.size else ROWS, rank, ranks)
    right = padded(bottom, w.itemsize)
    first, last = share(outputs, lanes(w), rank, ranks)
    weights = Matrix(scratch, places.transposed, height)
    if dx.size:
        _transpose(w, weights, top, bottom)
    result = Matrix(dw.reshape(-1), top * width, width)
    if width != outputs:
        result = Matrix(scratch, places.dw + top * width, width)
    start = zero
    db[first:last] = 0
    for begin in range(0, x.shape[0], _BLOCK):
        rows = min(_BLOCK, x.shape[0] - begin)
        masked = Matrix(grad.reshape(-1), begin * width, width)
        if rectified or width != outputs:
            masked = Matrix(scratch, places.masked + rank * places.block, width)
            _mask(out, grad, masked, begin, begin + rows, rectified)
        left = Matrix(x.reshape(-1), begin * inputs + top, inputs)
        one = dw.dtype.type(1)
        weight_gradient(bottom - top, width, dw, left, masked, start, zero, result, rows, one)
        start = result
        _add_rows(masked, rows, db, first, last)
        if dx.size:
            below = Matrix(dx.reshape(-1), begin * height, height)
            if height != inputs:
                below = Matrix(scratch, places.dx, height)
            right_factor, target = part(weights, 0, top), part(below, 0, top)
            forward(rows, right - top, dx, masked, right_factor, zero, target, outputs, False)
            if height != inputs:
                strip(below, dx[begin : begin + rows], 0, rows, top, bottom)
    if width != outputs:
        strip(Matrix(scratch, places.dw, width), dw, top, bottom, 0, width)


@compiled(nogil=True)
def gradients(
    shared: Array,
    ranks: int,
    x: Array,
    w: Array,
    out: Array,
    grad: Array,
    dw: Array,
    db: Array,
    dx: Array,
    scratch: Array,
    rectified: bool,
) -> None:
    """Gradients of out = x w + b, or its ReLU; no dx where it has no rows.

    ``scratch`` is by `gradients_scratch`: no more ranks than it has room for.
    """
    places = _places(w.shape[0], w.shape[1], w.itemsize)
    room = (scratch.size - places.masked) // places.block
    products = (x.shape[0] + dx.shape[0]) * w.size
    ranks = min(room, worthwhile(ranks, products, LEAST_PRODUCTS))
    arguments = (x, w, out, grad, dw, db, dx, scratch, rectified)
    on_all_ranks(shared, ranks, _gradients, arguments)
