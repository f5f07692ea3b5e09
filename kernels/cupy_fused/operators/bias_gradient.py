"""bias_gradient: the sum of each column by one reduction."""

from typing import Any

from kernels.cupy_fused.fusion import reduction
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

column_sums = reduction(
    "column_sums",
    "T grad",
    "T db",
    each="grad",
    combine="a + b",
    result="db = a",
    identity="0",
)


@kernel(operators.bias_gradient, device="cuda", name="reduction", needs_space=True)
def bias_gradient(space: Space, grad: Array, db: Array) -> None:
    column_sums(space)(grad, db, axis=0)
