"""relu and relu_backward."""

from typing import Any

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.relu)
def relu(space: Space, z: Array, out: Array) -> None:
    space.xp.maximum(z, 0, out=out)


def mask_gradient(space: Space, out: Array, grad: Array, dz: Array) -> None:
    """dz = grad where out > 0, else 0."""
    # The comparison lands in dz as 1 or 0: multiplying by booleans would convert them each time.
    space.xp.greater(out, 0, out=dz)
    space.xp.multiply(grad, dz, out=dz)


@array_kernel(operators.relu_backward)
def relu_backward(space: Space, out: Array, grad: Array, dz: Array) -> None:
    mask_gradient(space, out, grad, dz)
