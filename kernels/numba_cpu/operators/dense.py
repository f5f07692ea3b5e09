"""dense: by register tiles; by BLAS, then bias and activation in one pass; in exact precision."""

from typing import Any

import numpy as np

from kernels.numba_cpu.blocked import product
from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled import matrices
from kernels.numba_cpu.tiled.team import call
from mnist_core import operators
from mnist_core.arrays import Space
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


def finish(b: Array, out: Array, activation: str) -> None:
    """out = activation(out + b)."""
    _FINISH[activation](b, out)


@kernel(operators.dense, name="tiled", needs_space=True)
def tiled(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """Bias, product and ReLU while a tile of the result is in registers."""
    key = ("dense", x.shape, w.shape, w.dtype)
    scratch = space.constant(key, lambda: matrices.dense_scratch(*x.shape, w.shape[1], w.dtype))
    call(matrices.dense, x, w, b, out, scratch, activation == "relu")


@kernel(operators.dense, name="fused")
def dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    _product(x, w, out)
    finish(b, out, activation)


@kernel(operators.dense, name="blocked", precision="exact")
def exact_dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    product(x, w, out)
    finish(b, out, activation)
