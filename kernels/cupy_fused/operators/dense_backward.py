"""dense_backward: the mask in one launch, the bias's gradient in one, and two products."""

from typing import Any

from kernels.cupy_fused.operators.bias_gradient import column_sums
from kernels.cupy_fused.operators.relu import mask_gradient
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any


@kernel(operators.dense_backward, device="cuda", name="masked", needs_space=True)
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
        # The products need the masked gradient in memory. So db reads it too: one array, where
        # a reduction with a mask of its own would read two.
        masked = space.scratch_like("masked gradient", grad)
        mask_gradient(space)(out, grad, masked)
        grad = masked
    xp.matmul(x.T, grad, out=dw)
    column_sums(space)(grad, db, axis=0)
    if dx is not None:
        xp.matmul(grad, w.T, out=dx)
