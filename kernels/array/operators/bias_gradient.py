"""bias_gradient as a sum over the first axis."""

from typing import Any

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.bias_gradient)
def bias_gradient(space: Space, grad: Array, db: Array) -> None:
    space.xp.sum(grad, axis=0, out=db)
