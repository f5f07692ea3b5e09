"""relu and relu_backward, one loop each."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def _relu(z: Array, out: Array) -> None:
    for i in range(z.size):
        # This way round NaN stays NaN, so that diverged training is seen.
        out[i] = 0 if z[i] < 0 else z[i]


@kernel(operators.relu, name="fused")
def relu(z: Array, out: Array) -> None:
    _relu(z.reshape(-1), out.reshape(-1))


@compiled()
def _relu_backward(out: Array, grad: Array, dz: Array) -> None:
    for i in range(grad.size):
        dz[i] = grad[i] if out[i] > 0 else 0


@kernel(operators.relu_backward, name="fused")
def relu_backward(out: Array, grad: Array, dz: Array) -> None:
    _relu_backward(out.reshape(-1), grad.reshape(-1), dz.reshape(-1))
