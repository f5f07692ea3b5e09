"""dense_backward: a launch for dw and db, one for dx."""

from typing import Any

from kernels.cuda.launch import counts, function
from kernels.cuda.tiling import LARGE, SMALL, THREADS, best, room_for_parts
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

FILES = {SMALL: "dense_backward.cu", LARGE: "dense_backward_large.cu"}


@kernel(operators.dense_backward, device="cuda", name="fused", needs_space=True)
def dense_backward(
    space: Space,
    x: Array,
    w: Array,
    out: Array,
    grad: Array,
    dw: Array,
    db: Array,
    dx: Array | None,
    *,
    activation: str,
) -> None:
    (batch, n_in), n_out = x.shape, w.shape[1]
    sizes = counts(batch, n_in, n_out, activation == "relu")
    tiling = best(n_in, n_out, batch, x.dtype)
    memory, counters = room_for_parts(space, tiling, 1, x.dtype)
    launch = function(space, FILES[tiling.side], "dw_and_db", x.dtype)
    arguments = (x, out, grad, dw, db, *sizes, *counts(tiling.parts), memory, counters)
    launch(tiling.grid, (THREADS,), arguments)
    if dx is not None:
        # Sums over a layer's width: too short to be cut, which depth 0 says.
        tiling = best(batch, n_in, 0, x.dtype)
        launch = function(space, FILES[tiling.side], "dx", x.dtype)
        launch(tiling.grid, (THREADS,), (w, out, grad, dx, *sizes))
