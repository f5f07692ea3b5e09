"""bias_gradient, a row at a time into the sums."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def column_sums(grad: Array, db: Array) -> None:
    """db = sum of grad over its rows, added in their order."""
    db[:] = 0
    for i in range(grad.shape[0]):
        for j in range(grad.shape[1]):
            db[j] += grad[i, j]


@kernel(operators.bias_gradient, name="fused")
def bias_gradient(grad: Array, db: Array) -> None:
    column_sums(grad, db)
