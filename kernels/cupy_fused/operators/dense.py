"""dense: a product, then bias and activation in one launch, in place."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

# NaN is not below 0: it stays, so that diverged training is seen.
add_bias = {
    "linear": elementwise("add_bias", "T b", "T out", "out += b"),
    "relu": elementwise(
        "add_bias_relu", "T b", "T out", "const T z = out + b; out = z < 0 ? T(0) : z"
    ),
}


@kernel(operators.dense, device="cuda", name="epilogue", needs_space=True)
def dense(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    space.xp.matmul(x, w, out=out)
    add_bias[activation](space)(b, out)
