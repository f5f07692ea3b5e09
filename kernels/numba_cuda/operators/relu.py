"""relu, a thread for one element after another, a grid apart."""

from typing import Any

from numba import cuda

from kernels.numba_cuda.launch import blocks_over, launch
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

THREADS = 256
MOST_BLOCKS = 1024


@cuda.jit
def _relu(z: Array, out: Array) -> None:
    i = cuda.grid(1)
    # Not a range with a step: its length would cost each thread a division of 64-bit integers.
    while i < z.size:
        # This way round NaN stays NaN, so that diverged training is seen.
        out[i] = 0 if z[i] < 0 else z[i]
        i += cuda.gridsize(1)


@kernel(operators.relu, device="cuda", name="grid-stride", needs_space=True)
def relu(space: Space, z: Array, out: Array) -> None:
    blocks = min(blocks_over(z.size, THREADS), MOST_BLOCKS)
    launch(space, _relu, blocks, THREADS, z.reshape(-1), out.reshape(-1))
