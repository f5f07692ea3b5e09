"""dense: a ladder of kernels, the fastest first."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from kernels.cuda.tiling import THREADS, room_for_parts, tiling
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import Kernel, kernel

Array = Any


@kernel(operators.dense, device="cuda", name="split_k", needs_space=True)
def split_k(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    (batch, n_in), n_out = x.shape, w.shape[1]
    cut = tiling(batch, n_out, n_in)
    memory, counters = room_for_parts(space, cut, 0, x.dtype)
    sizes = counts(batch, n_in, n_out, activation == "relu", cut.parts)
    launch = function(space, "dense_6_split_k.cu", f"dense_{cut.side}", x.dtype)
    launch(cut.grid, (THREADS,), (x, w, b, out, *sizes, memory, counters))


def _rung(name: str, file: str, tile: tuple[int, int], block: tuple[int, ...]) -> Kernel:
    """A kernel without parts: ``tile`` rows and columns of the result a block."""
    rows, columns = tile

    def dense(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
        (batch, n_in), n_out = x.shape, w.shape[1]
        sizes = counts(batch, n_in, n_out, activation == "relu")
        grid = blocks(batch, rows), blocks(n_out, columns)
        function(space, file, "dense", x.dtype)(grid, block, (x, w, b, out, *sizes))

    return kernel(operators.dense, device="cuda", name=name, needs_space=True)(dense)


vectorised = _rung("vectorised", "dense_5_vectorised.cu", (64, 64), (THREADS,))
register_tiles = _rung("register_tiles", "dense_4_register_tiles.cu", (64, 64), (THREADS,))
shared_tiles = _rung("shared_tiles", "dense_3_shared_tiles.cu", (32, 32), (32, 32))
coalesced = _rung("coalesced", "dense_2_coalesced.cu", (8, 32), (32, 8))
naive = _rung("naive", "dense_1_naive.cu", (32, 8), (32, 8))
