"""sgd over all parameters at once."""

from typing import Any

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.sgd)
def sgd(space: Space, param: Array, grad: Array, *, lr: float) -> None:
    step = space.scratch_like("step", grad)
    space.xp.multiply(grad, lr, out=step)
    space.xp.subtract(param, step, out=param)
