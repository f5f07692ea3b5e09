"""softmax_cross_entropy in one pass: loss and gradient of a row while it is in the cache."""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.operators.softmax import exponentials
from mnist_core import operators
from mnist_core.backends import kernel

Array = Any


@compiled()
def _softmax_cross_entropy(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    n = logits.dtype.type(logits.shape[0])
    for i in range(logits.shape[0]):
        top, total = exponentials(logits[i], dlogits[i])
        loss[i] = np.log(total) - (logits[i, labels[i]] - top)
        for j in range(logits.shape[1]):
            dlogits[i, j] /= total
        dlogits[i, labels[i]] -= 1
        for j in range(logits.shape[1]):
            dlogits[i, j] /= n


@kernel(operators.softmax_cross_entropy, name="fused")
def softmax_cross_entropy(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    _softmax_cross_entropy(logits, labels, loss, dlogits)
