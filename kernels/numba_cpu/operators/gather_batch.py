"""gather_batch: rows gathered, converted and normalised in one loop, on all ranks."""

from typing import Any

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.tiled.inner import called
from kernels.numba_cpu.tiled.region import LEAST_ELEMENTS, on_all_ranks, share, worthwhile
from kernels.numba_cpu.tiled.team import call
from mnist_core import operators
from mnist_core.backends import kernel
from mnist_core.operators.gather_batch import EXACT_PIXELS, PIXEL_MAX

Array = Any


@called()
def _part(
    rank: int,
    ranks: int,
    shared: Array,
    images: Array,
    labels: Array,
    index: Array,
    x: Array,
    y: Array,
    white: Any,
) -> None:
    first, last = share(index.size, 1, rank, ranks)
    for i in range(first, last):
        row = index[i]
        y[i] = labels[row]
        for j in range(images.shape[1]):
            x[i, j] = images[row, j] / white


@compiled(nogil=True)
def _gather_batch(
    shared: Array,
    ranks: int,
    images: Array,
    labels: Array,
    index: Array,
    x: Array,
    y: Array,
    white: Any,
) -> None:
    ranks = worthwhile(ranks, x.size, LEAST_ELEMENTS)
    on_all_ranks(shared, ranks, _part, (images, labels, index, x, y, white))


@kernel(operators.gather_batch, name="fused")
def gather_batch(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    call(_gather_batch, images, labels, index, x, y, x.dtype.type(PIXEL_MAX))


@kernel(operators.gather_batch, name="exact", precision="exact")
def exact_gather_batch(images: Array, labels: Array, index: Array, x: Array, y: Array) -> None:
    call(_gather_batch, images, labels, index, x, y, EXACT_PIXELS)
