"""gather_batch: the rows of a data set that a batch consists of, as normalised floats.

images (n, features) uint8, labels (n,) int64, index (batch,) int64
-> x (batch, features) = images[index] / 255, y (batch,) int64 = labels[index].
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.precision import PIXEL_BITS

PIXEL_MAX = 255
EXACT_PIXELS = 2.0**PIXEL_BITS
"""What pixels are divided by in exact precision: by a power of two nothing is lost."""


def _reference(images: HostArray, labels: HostArray, index: HostArray) -> Any:
    return images[index] / PIXEL_MAX, labels[index]


def _exact(images: HostArray, labels: HostArray, index: HostArray) -> Any:
    return images[index] / EXACT_PIXELS, labels[index]


def _case(rng: np.random.RandomState, n: int, features: int, batch: int, note: str) -> Case:
    images = rng.randint(0, 256, (n, features)).astype(np.uint8)
    images[rng.random_sample(images.shape) < 0.8] = 0
    labels = rng.randint(0, 10, n).astype(np.int64)
    index = rng.permutation(n)[:batch].astype(np.int64)
    # Both ends of the data set belong to a batch that has room for them.
    index[0], index[-1] = n - 1, 0
    return Case((images, labels, index), note=note)


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for batch in values.BATCHES:
        for features in (784, 1, 65):
            yield _case(rng, 1000, features, batch, values.batch_note(batch))
    yield _case(rng, 70_000, 1, 1000, "70,000 images, more than 16 bits count")


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    yield _case(rng, max(batch, 10_000), sizes[0], batch, "one step")


def _bytes(
    images: HostArray, labels: HostArray, index: HostArray, x: HostArray, y: HostArray
) -> int:
    # Of images and labels, the rows of the batch alone are read.
    rows = index.size * (images.shape[1] * images.itemsize + labels.itemsize)
    return int(rows + index.nbytes + x.nbytes + y.nbytes)


gather_batch = Operator(
    "gather_batch",
    reference=_reference,
    inputs=_inputs,
    workload=_workload,
    outputs=("x", "y"),
    flops=lambda images, labels, index: (index.size * images.shape[1], 0),
    bytes=_bytes,
    equal=("y",),
    exact=_exact,
    grids={},
)
