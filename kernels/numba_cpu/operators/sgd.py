"""sgd over all parameters in one loop."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def _sgd(param: Array, grad: Array, lr: Any) -> None:
    for i in range(param.size):
        param[i] -= lr * grad[i]


@kernel(operators.sgd, name="fused")
def sgd(param: Array, grad: Array, *, lr: float) -> None:
    _sgd(param, grad, param.dtype.type(lr))
