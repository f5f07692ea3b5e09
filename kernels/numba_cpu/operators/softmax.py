"""softmax, a row at a time."""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def exponentials(logits: Array, out: Array) -> Any:
    """out = exp(logits - their maximum) for one row; the maximum and the sum of out."""
    top = logits[0]
    for j in range(1, logits.size):
        top = max(top, logits[j])
    # The sum takes the row's own dtype from its first term.
    total = np.exp(logits[0] - top)
    out[0] = total
    for j in range(1, logits.size):
        out[j] = np.exp(logits[j] - top)
        total += out[j]
    return top, total


@compiled()
def _softmax(logits: Array, out: Array) -> None:
    for i in range(logits.shape[0]):
        _, total = exponentials(logits[i], out[i])
        for j in range(logits.shape[1]):
            out[i, j] /= total


@kernel(operators.softmax, name="fused")
def softmax(logits: Array, out: Array) -> None:
    _softmax(logits, out)
