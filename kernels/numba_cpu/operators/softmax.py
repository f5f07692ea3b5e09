"""softmax, a row at a time."""

from typing import Any

import numpy as np

from kernels.numba_cpu.compile import compiled
from mnist_core import operators
from mnist_core.backends import kernel
from mnist_core.exp_table import ENTRIES, exp_table
from mnist_core.precision import ACTIVATION_BITS, GRADIENT_BITS

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


_STEPS = 2.0**ACTIVATION_BITS
_GRADIENT = 2.0**GRADIENT_BITS


@compiled()
def exact_row(logits: Array, table: Array, out: Array) -> Any:
    """out = softmax of one row on its grid; the maximum and the sum of the exponentials."""
    top = logits.max()
    total = 0.0
    for j in range(logits.size):
        index = (top - logits[j]) * _STEPS
        # This way round NaN stays within the table.
        out[j] = table[int(index) if index < ENTRIES - 1 else ENTRIES - 1]
        total += out[j]
    for j in range(logits.size):
        out[j] = np.rint(out[j] / total * _GRADIENT) / _GRADIENT
    return top, total


@compiled()
def _exact_softmax(logits: Array, table: Array, out: Array) -> None:
    for i in range(logits.shape[0]):
        exact_row(logits[i], table, out[i])


@kernel(operators.softmax, name="exact", precision="exact")
def exact_softmax(logits: Array, out: Array) -> None:
    _exact_softmax(logits, exp_table(), out)
