"""gather_batch as a row gather, a conversion and a division in place; pixels of 1/256 if exact."""

from typing import Any

from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import array_kernel
from mnist_core.operators.gather_batch import EXACT_PIXELS, PIXEL_MAX

Array = Any


@array_kernel(operators.gather_batch)
def gather_batch(
    space: Space, images: Array, labels: Array, index: Array, x: Array, y: Array
) -> None:
    space.take_rows(images, index, x)
    space.xp.divide(x, PIXEL_MAX, out=x)
    space.take_rows(labels, index, y)


@array_kernel(operators.gather_batch, name="exact", precision="exact")
def exact_gather_batch(
    space: Space, images: Array, labels: Array, index: Array, x: Array, y: Array
) -> None:
    space.take_rows(images, index, x)
    space.xp.multiply(x, 1 / EXACT_PIXELS, out=x)
    space.take_rows(labels, index, y)
