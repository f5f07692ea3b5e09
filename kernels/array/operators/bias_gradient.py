"""bias_gradient as the sum of each column."""

from typing import Any

from kernels.array.sums import column_sums
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel

Array = Any


@array_kernel(operators.bias_gradient)
def bias_gradient(space: Space, grad: Array, db: Array) -> None:
    column_sums(space, grad, db)
