"""gather_batch: rows gathered, converted and normalised in one loop."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel
from mnist_core.operators.gather_batch import EXACT_PIXELS, PIXEL_MAX

Array = Any


@compiled()
def _gather_batch(
    images: Array, labels: Array, index: Array, x: Array, y: Array, white: Any
) -> None:
    for i in range(index.size):
        row = index[i]
        y[i] = labels[row]
        for j in range(images.shape[1]):
            x[i, j] = images[row, j] / white


@kernel(operators.gather_batch, name="fused")
def gather_batch(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    _gather_batch(images, labels, index, x, y, x.dtype.type(PIXEL_MAX))


@kernel(operators.gather_batch, name="exact", precision="exact")
def exact_gather_batch(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    _gather_batch(images, labels, index, x, y, EXACT_PIXELS)
