"""dense: by BLAS, then bias and activation in one pass; by register tiles; in exact precision."""

from typing import Any

import numpy as np

from kernels.numba_cpu.blocked import product
from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled import matrices
from kernels.numba_cpu.tiled.target import VECTOR_BYTES
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


@kernel(operators.dense, name="fused")
def dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    _product(x, w, out)
    finish(b, out, activation)


@kernel(operators.dense, name="tiled", needs_space=True)
def tiled(space: Space, x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    """Bias, product and ReLU while a tile of the result is in registers.

    Faster than BLAS where it is alone; beside operators that use BLAS, two pools of threads wait
    for work by spinning and take the cores from each other.
    """
    lanes = VECTOR_BYTES // out.itemsize
    columns = -(-w.shape[1] // lanes) * lanes
    padded = columns != w.shape[1]
    rows = [w.shape[0], 1, len(x)] if padded else [0, 0, 0]
    places = ("padded weights", "padded bias", "padded results")
    scratch = [
        space.scratch(name, (n * columns,), out.dtype) for name, n in zip(places, rows, strict=True)
    ]
    call(matrices.dense, x, w, b, out, *scratch, activation == "relu")


@kernel(operators.dense, name="blocked", precision="exact")
def exact_dense(x: Array, w: Array, b: Array, out: Array, *, activation: str) -> None:
    product(x, w, out)
    finish(b, out, activation)
