"""bias_gradient: 32 columns a block, a long batch in parts."""

from typing import Any

from kernels.cuda.launch import blocks, counts, function
from kernels.cuda.tiling import ENOUGH, SMALL, counters
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

COLUMNS, ROWS = 32, 8
LEAST_ROWS = 128


@kernel(operators.bias_gradient, device="cuda", name="parts", needs_space=True)
def bias_gradient(space: Space, grad: Array, db: Array) -> None:
    batch, n_out = grad.shape
    across = blocks(n_out, COLUMNS)
    parts = max(1, min(ENOUGH[SMALL] // across, batch // LEAST_ROWS))
    memory = space.scratch("bias parts", (parts * across * COLUMNS,), grad.dtype)
    arguments = (grad, db, *counts(batch, n_out, parts), memory, counters(space, across))
    launch = function(space, "bias_gradient.cu", "bias_gradient", grad.dtype)
    launch((across, parts), (COLUMNS, ROWS), arguments)
