"""The products of training, tile by tile: forward, and the gradients of inputs and of weights.

Every element of a result is one chain of multiply-adds over the summation index in ascending order,
whatever tile it falls into and whichever thread computes it. Rows of right factors and of results
are whole vectors wide.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kernels.numba_cpu.tiled.inner import called, inlined
from kernels.numba_cpu.tiled.target import ROWS, VECTOR_BYTES, VECTORS
from kernels.numba_cpu.tiled.tile import fma, load, masked, relu, scaled_sum, store, zeros

Array = Any
Function = Callable[..., Any]


class Matrix(NamedTuple):
    """A matrix in a flat array: where it begins, and how many elements on its next row does."""

    array: Array
    place: int
    step: int


@inlined()
def lanes(array: Array) -> int:
    """Elements of an array that a vector holds."""
    return VECTOR_BYTES // array.itemsize


@inlined()
def at(matrix: Matrix, i: int, j: int) -> int:
    """Place of row i, column j."""
    return matrix.place + i * matrix.step + j


@inlined()
def part(matrix: Matrix, i: int, j: int) -> Matrix:
    """The matrix from row i and column j on."""
    return Matrix(matrix.array, at(matrix, i, j), matrix.step)


def _over_tiles(tile_of: Callable[[int, int], Function]) -> Function:
    """``run(rows, columns, array, ...)``: a result of so many rows and columns.

    ``tile_of(rows, vectors)`` makes the function ``(i, j, ...)`` that computes the tile at row i
    and column j. Of ``array`` it is known how many elements are a vector.
    """
    block, block_row = tile_of(ROWS, VECTORS), tile_of(1, VECTORS)
    strip, strip_row = tile_of(ROWS, 1), tile_of(1, 1)

    @called()
    def run(rows: int, columns: int, array: Array, *arguments: Any) -> None:
        j, vector, whole = 0, lanes(array), rows // ROWS * ROWS
        while j + VECTORS * vector <= columns:
            for i in range(0, whole, ROWS):
                block(i, j, *arguments)
            for i in range(whole, rows):
                block_row(i, j, *arguments)
            j += VECTORS * vector
        while j < columns:
            for i in range(0, whole, ROWS):
                strip(i, j, *arguments)
            for i in range(whole, rows):
                strip_row(i, j, *arguments)
            j += vector

    return run


@inlined()
def _products(
    tile: Any, a: Array, place: int, step: int, along: int, b: Matrix, j: int, depth: int
) -> Any:
    """``tile[r, :] + sum of a[place + r step + p along] b[p, j:]`` over p < depth."""
    for p in range(depth):
        tile = fma(tile, a, place + p * along, step, b.array, at(b, p, j))
    return tile


def _forward_tile(rows: int, vectors: int) -> Function:
    @inlined()
    def tile(
        i: int, j: int, x: Matrix, w: Matrix, b: Matrix, out: Matrix, depth: int, rectified: bool
    ) -> None:
        acc = load(rows, vectors, b.array, b.place + j, 0)
        acc = _products(acc, x.array, at(x, i, 0), x.step, 1, w, j, depth)
        if rectified:
            acc = relu(acc)
        store(acc, out.array, at(out, i, j), out.step)

    return tile


def _input_gradient_tile(rows: int, vectors: int) -> Function:
    @inlined()
    def tile(
        i: int, j: int, grad: Matrix, wt: Matrix, out: Matrix, result: Matrix, depth: int
    ) -> None:
        acc = zeros(rows, vectors, result.array)
        acc = _products(acc, grad.array, at(grad, i, 0), grad.step, 1, wt, j, depth)
        acc = masked(acc, load(rows, vectors, out.array, at(out, i, j), out.step))
        store(acc, result.array, at(result, i, j), result.step)

    return tile


def _weight_gradient_tile(rows: int, vectors: int) -> Function:
    @inlined()
    def tile(
        i: int,
        j: int,
        x: Matrix,
        grad: Matrix,
        start: Matrix,
        base: Matrix,
        result: Matrix,
        depth: int,
        factor: float,
    ) -> None:
        acc = load(rows, vectors, start.array, at(start, i, j), start.step)
        acc = _products(acc, x.array, at(x, 0, i), 1, x.step, grad, j, depth)
        under = load(rows, vectors, base.array, at(base, i, j), base.step)
        store(scaled_sum(under, factor, acc), result.array, at(result, i, j), result.step)

    return tile


forward = _over_tiles(_forward_tile)
"""(x, w, b, out, depth, rectified): out = x w + b, or its ReLU."""

input_gradient = _over_tiles(_input_gradient_tile)
"""(grad, wt, out, result, depth): result = grad wt where out is positive, else 0."""

weight_gradient = _over_tiles(_weight_gradient_tile)
"""(x, grad, start, base, result, depth, factor): result = base + factor (start + x' grad)."""
