"""dense: a BLAS product, then bias and activation in one pass over its result."""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def _affine_relu(x: Array, w: Array, b: Array, out: Array) -> None:
    np.dot(x, w, out)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            z = out[i, j] + b[j]
            # This way round NaN stays NaN, so that diverged training is seen.
            out[i, j] = 0 if z < 0 else z


@compiled()
def _affine(x: Array, w: Array, b: Array, out: Array) -> None:
    np.dot(x, w, out)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += b[j]


_BY_ACTIVATION = {"relu": _affine_relu, "linear": _affine}


@kernel(operators.dense, name="fused")
def dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    _BY_ACTIVATION[activation](x, w, b, out)
