"""softmax_cross_entropy in one pass: loss and gradient of a row while it is in the cache."""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from kernels.numba_cpu.operators.softmax import exact_row, exponentials
from mnist_core import operators
from mnist_core.backends import kernel
from mnist_core.exp_table import exp_table

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


@compiled()
def _exact(logits: Array, labels: Array, table: Array, loss: Array, dlogits: Array) -> None:
    for i in range(logits.shape[0]):
        top, total = exact_row(logits[i], table, dlogits[i])
        loss[i] = np.log(total) - (logits[i, labels[i]] - top)
        dlogits[i, labels[i]] -= 1


@kernel(operators.softmax_cross_entropy, name="exact", precision="exact")
def exact_softmax_cross_entropy(logits: Array, labels: Array, loss: Array, dlogits: Array) -> None:
    _exact(logits, labels, exp_table(), loss, dlogits)
