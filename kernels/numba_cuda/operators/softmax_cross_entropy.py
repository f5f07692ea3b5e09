"""softmax_cross_entropy with a thread per row: loss and gradient in one launch."""

import math
from typing import Any

from numba import cuda

from kernels.numba_cuda.launch import blocks_over, launch
from mnist_core import operators
from mnist_core.arrays import Space
from mnist_core.backends import kernel

Array = Any

THREADS = 32
"""A warp a block, so that the rows of a small batch are spread over multiprocessors."""


@cuda.jit
def _softmax_cross_entropy(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    i = cuda.grid(1)
    if i >= logits.shape[0]:
        return
    classes, label = logits.shape[1], labels[i]
    top = logits[i, 0]
    for j in range(1, classes):
        top = max(top, logits[i, j])
    total = logits.dtype.type(0)
    for j in range(classes):
        dlogits[i, j] = math.exp(logits[i, j] - top)
        total += dlogits[i, j]
    loss[i] = math.log(total) - (logits[i, label] - top)
    for j in range(classes):
        dlogits[i, j] /= total
    dlogits[i, label] -= 1
    n = logits.dtype.type(logits.shape[0])
    for j in range(classes):
        dlogits[i, j] /= n


@kernel(operators.softmax_cross_entropy, device="cuda", name="thread-per-row", needs_space=True)
def softmax_cross_entropy(
    space: Space, logits: Array, labels: Array, loss: Array, dlogits: Array
) -> None:
    blocks = blocks_over(len(logits), THREADS)
    launch(space, _softmax_cross_entropy, blocks, THREADS, logits, labels, loss, dlogits)
