"""dense as a product, a sum and a maximum, each in place in the output."""

from typing import Any

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.dense)
def dense(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    xp = space.xp
    xp.matmul(x, w, out=out)
    xp.add(out, b, out=out)
    if activation == "relu":
        xp.maximum(out, 0, out=out)
