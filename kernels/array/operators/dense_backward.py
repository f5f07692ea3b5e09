"""dense_backward as a mask, two products and a sum."""

from typing import Any

from kernels.array.operators.relu import mask_gradient
from kernels.array.sums import column_sums
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.dense_backward)
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
    xp = space.xp
    if activation == "relu":
        masked = space.scratch_like("masked gradient", grad)
        mask_gradient(space, out, grad, masked)
        grad = masked
    xp.matmul(x.T, grad, out=dw)
    column_sums(space, grad, db)
    if dx is not None:
        xp.matmul(grad, w.T, out=dx)
