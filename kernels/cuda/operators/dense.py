"""dense: a ladder of kernels, and before them the one that chooses a rung by shape."""

from math import nan
from typing import Any

from kernels.cuda.launch import blocks, counts, function
from kernels.cuda.tiling import LARGE, SMALL, THREADS, Tiling, best, cut, room_for_parts
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Kernel, kernel
from mnist_core.operators import Case

Array = Any

FILES = {SMALL: "dense_6_split_k.cu", LARGE: "dense_7_large_tiles.cu"}


@kernel(operators.dense, device="cuda", name="by_shape", needs_space=True)
def by_shape(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiling = best(len(x), w.shape[1], len(w), x.dtype)
    _in_parts(space, FILES[tiling.side], tiling, x, w, b, out, activation)


def _on_tensor_cores(call: Case) -> float:
    """Operations are not counted: the peak that is measured is that of the units for floats."""
    return nan


@kernel(
    operators.dense,
    device="cuda",
    name="tf32",
    needs_space=True,
    precision="tf32",
    executed=_on_tensor_cores,
)
def tf32(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiling = cut(SMALL, len(x), w.shape[1], len(w))
    _in_parts(space, "dense_9_tf32.cu", tiling, x, w, b, out, activation)


@kernel(
    operators.dense,
    device="cuda",
    name="tf32x3",
    needs_space=True,
    dtype="float32",
    executed=_on_tensor_cores,
)
def tf32x3(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiling = cut(SMALL, len(x), w.shape[1], len(w))
    _in_parts(space, "dense_8_tf32x3.cu", tiling, x, w, b, out, activation)


@kernel(operators.dense, device="cuda", name="large_tiles", needs_space=True, dtype="float32")
def large_tiles(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiling = cut(LARGE, len(x), w.shape[1], len(w))
    _in_parts(space, FILES[LARGE], tiling, x, w, b, out, activation)


@kernel(operators.dense, device="cuda", name="split_k", needs_space=True)
def split_k(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    tiling = cut(SMALL, len(x), w.shape[1], len(w))
    _in_parts(space, FILES[SMALL], tiling, x, w, b, out, activation)


def _in_parts(
    space: Space,
    file: str,
    tiling: Tiling,
    x: Array,
    w: Array,
    b: Array,
    out: Array,
    activation: str,
) -> None:
    memory, counters = room_for_parts(space, tiling, 0, x.dtype)
    sizes = counts(*x.shape, w.shape[1], activation == "relu", tiling.parts)
    launch = function(space, file, "dense", x.dtype)
    launch(tiling.grid, (THREADS,), (x, w, b, out, *sizes, memory, counters))


def _rung(name: str, file: str, tile: tuple[int, int], block: tuple[int, ...]) -> Kernel:
    """A kernel without parts: ``tile`` rows and columns of the result a block."""
    rows, columns = tile

    def dense(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        (batch, n_in), n_out = x.shape, w.shape[1]
        sizes = counts(batch, n_in, n_out, activation == "relu")
        counts(x.size, w.size, out.size)  # these rungs count elements in an int
        grid = blocks(batch, rows), blocks(n_out, columns)
        function(space, file, "dense", x.dtype)(grid, block, (x, w, b, out, *sizes))

    return kernel(operators.dense, device="cuda", name=name, needs_space=True)(dense)


vectorised = _rung("vectorised", "dense_5_vectorised.cu", (64, 64), (THREADS,))
register_tiles = _rung("register_tiles", "dense_4_register_tiles.cu", (64, 64), (THREADS,))
shared_tiles = _rung("shared_tiles", "dense_3_shared_tiles.cu", (32, 32), (32, 32))
coalesced = _rung("coalesced", "dense_2_coalesced.cu", (8, 32), (32, 8))
naive = _rung("naive", "dense_1_naive.cu", (32, 8), (32, 8))
