"""sgd over all parameters in one pass, on all ranks."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called
from kernels.numba_cpu.tiled.region import LEAST_ELEMENTS, on_all_ranks, share, worthwhile
from kernels.numba_cpu.tiled.team import call
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any

_UNIT = 64
"""Elements, so that ranks write to cache lines of their own."""


@called()
def _part(rank: int, ranks: int, shared: Array, param: Array, grad: Array, lr: Any) -> None:
    first, last = share(param.size, _UNIT, rank, ranks)
    # Places from 0 on cannot wrap around, which keeps the loop in vectors.
    param, grad = param[first:last], grad[first:last]
    for i in range(param.size):
        param[i] -= lr * grad[i]


@compiled(nogil=True)
def _sgd(shared: Array, ranks: int, param: Array, grad: Array, lr: Any) -> None:
    ranks = worthwhile(ranks, param.size, LEAST_ELEMENTS)
    on_all_ranks(shared, ranks, _part, (param, grad, lr))


@kernel(operators.sgd, name="fused")
def sgd(param: Array, grad: Array, *, lr: float) -> None:
    """The gradients are in the caches of those who made them: to fetch them takes as long again."""
    call(_sgd, param, grad, param.dtype.type(lr))
