"""dense by tiles in shared memory: a thread for an output, finished while it is in a register."""

from typing import Any

from numba import cuda

from kernels.numba_cuda.launch import blocks_over, launch
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

TILE = 16
"""Side of a tile: with 32, a small layer would have fewer blocks than a GPU has multiprocessors."""


def _tiled(relu: bool) -> Any:
    """The kernel with or without a ReLU at its end: constants of a closure are compiled in."""

    @cuda.jit
    def dense(x: Array, w: Array, b: Array, out: Array) -> None:
        x_tile = cuda.shared.array((TILE, TILE), x.dtype)
        w_tile = cuda.shared.array((TILE, TILE), x.dtype)
        row, column = cuda.threadIdx.y, cuda.threadIdx.x
        # Blocks of rows along x, where a grid may be longest; neighbouring threads read neighbours.
        i, j = cuda.blockIdx.x * TILE + row, cuda.blockIdx.y * TILE + column
        zero = x.dtype.type(0)
        z = zero
        for k in range(0, x.shape[1], TILE):
            in_x = i < x.shape[0] and k + column < x.shape[1]
            in_w = k + row < w.shape[0] and j < w.shape[1]
            x_tile[row, column] = x[i, k + column] if in_x else zero
            w_tile[row, column] = w[k + row, j] if in_w else zero
            cuda.syncthreads()
            for p in range(TILE):
                z += x_tile[row, p] * w_tile[p, column]
            cuda.syncthreads()
        if i < out.shape[0] and j < out.shape[1]:
            z += b[j]
            # This way round NaN stays NaN, so that diverged training is seen.
            out[i, j] = 0 if relu and z < 0 else z

    return dense


_DENSE = {"relu": _tiled(relu=True), "linear": _tiled(relu=False)}


@kernel(operators.dense, device="cuda", name="tiled", needs_space=True)
def dense(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    blocks = blocks_over(out.shape[0], TILE), blocks_over(out.shape[1], TILE)
    launch(space, _DENSE[activation], blocks, (TILE, TILE), x, w, b, out)
