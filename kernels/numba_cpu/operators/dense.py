"""dense: a product, then bias and activation in one pass over its result."""

from typing import Any

import numpy as np

from kernels.numba_cpu.blocked import product
from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def _product(x: Array, w: Array, out: Array) -> None:
    np.dot(x, w, out)


@compiled()
def _add_bias_relu(b: Array, out: Array) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            z = out[i, j] + b[j]
            # This way round NaN stays NaN, so that diverged training is seen.
            out[i, j] = 0 if z < 0 else z


@compiled()
def _add_bias(b: Array, out: Array) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += b[j]


_FINISH = {"relu": _add_bias_relu, "linear": _add_bias}


@kernel(operators.dense, name="fused")
def dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    _product(x, w, out)
    _FINISH[activation](b, out)


@kernel(operators.dense, name="blocked", precision="exact")
def exact_dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    product(x, w, out)
    _FINISH[activation](b, out)
