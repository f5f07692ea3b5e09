"""dense_backward: a launch for dw and db, one for dx."""

from typing import Any

from kernels.cuda.launch import counts, function
from kernels.cuda.tiling import THREADS, room_for_parts, tiling
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

FILE = "dense_backward.cu"


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
    cut = tiling(n_in, n_out, batch)
    memory, counters = room_for_parts(space, cut, 1, x.dtype)
    launch = function(space, FILE, f"weight_gradient_{cut.side}", x.dtype)
    arguments = (x, out, grad, dw, db, *sizes, *counts(cut.parts), memory, counters)
    launch(cut.grid, (THREADS,), arguments)
    if dx is not None:
        # Sums over a layer's width: too short to be cut.
        cut = tiling(batch, n_in, 0)
        launch = function(space, FILE, f"input_gradient_{cut.side}", x.dtype)
        launch(cut.grid, (THREADS,), (w, out, grad, dx, *sizes))
