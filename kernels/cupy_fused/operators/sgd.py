"""sgd: one launch over all parameters."""

from typing import Any

from kernels.cupy_fused.fusion import elementwise
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

update = elementwise("update", "T lr, T grad", "T param", "param -= lr * grad")


@kernel(operators.sgd, device="cuda", name="elementwise", needs_space=True)
def sgd(space: Space, param: Array, grad: Array, *, lr: float) -> None:
    update(space)(lr, grad, param)
