"""A training step allocates nothing that grows with the batch: outputs and scratch are reused."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from mnist_core.backends import Backend, kernel
from mnist_core.network import Network
from mnist_core.operators import softmax_cross_entropy

SIZES = (784, 128, 64, 10)
BATCH = 8192

ALLOWED = np.getbufsize() * 4 + 8 * 1024
"""Bytes. NumPy runs some calls, such as adding a bias row to a matrix, through a buffer of its own
of `numpy.getbufsize` (8192) elements, whatever the arrays' size: 32 KiB of float32. The rest is
for views and other Python objects; 2 KiB were seen. Of Numba this shows the Python side:
what compiled code allocates within itself, tracemalloc does not see.
"""

SMALLEST_ACTIVATION = BATCH * SIZES[-1] * 4


def peak_of_a_step(backend: Backend) -> int:
    """Bytes that are allocated at once, at the most, in a step after two others."""
    rng = np.random.RandomState(0)
    images = rng.randint(0, 256, (BATCH, SIZES[0])).astype(np.uint8)
    labels, index = rng.randint(0, 10, BATCH).astype(np.int64), rng.permutation(BATCH)
    network = Network(SIZES, backend)
    for _ in range(2):
        network.step(images, labels, index, 0.1)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        network.step(images, labels, index, 0.1)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_the_bound_is_far_below_the_smallest_activation() -> None:
    assert 7 * ALLOWED < SMALLEST_ACTIVATION


def test_step_allocates_no_arrays(backend: Backend) -> None:
    if backend.space.device != "cpu":
        pytest.skip(f"{backend.name}'s arrays are not in the memory that tracemalloc sees")
    assert peak_of_a_step(backend) <= ALLOWED


def test_one_temporary_would_be_seen() -> None:
    """The gradient of the logits, the smallest array of a batch's size, in a copy."""
    reference = Backend("numpy again", base="numpy")

    @kernel(softmax_cross_entropy)
    def with_temporary(logits: Any, labels: Any, loss: Any, dlogits: Any) -> None:
        temporary = np.empty_like(dlogits)
        reference.softmax_cross_entropy(logits, labels, loss, temporary)
        dlogits[...] = temporary

    peak = peak_of_a_step(Backend("wasteful", base="numpy", kernels=[with_temporary]))
    assert SMALLEST_ACTIVATION <= peak <= SMALLEST_ACTIVATION + ALLOWED
