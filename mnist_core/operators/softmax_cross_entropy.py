"""softmax_cross_entropy: the loss of each row and the gradient of their mean.

logits (batch, classes), labels (batch,) int64 -> loss (batch,), dlogits (batch, classes).
loss = log sum exp(logits) - logits[label], by the log-sum-exp that subtracts the row's maximum;
dlogits = (softmax(logits) - onehot(label)) / batch. In exact precision dlogits is the gradient of
the sum, not of the mean: dividing would round.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator
from mnist_core.operators.softmax import (
    exact_exponentials,
    exact_probabilities,
    probabilities,
    probability_scale,
    shifted,
)
from mnist_core.precision import ACTIVATION_BITS


def _onehot(labels: HostArray, logits: HostArray) -> HostArray:
    return np.eye(logits.shape[1], dtype=logits.dtype)[labels]


def _picked(logits: HostArray, labels: HostArray) -> HostArray:
    return shifted(logits)[np.arange(len(labels)), labels]


def _reference(logits: HostArray, labels: HostArray) -> Any:
    total = np.exp(shifted(logits)).sum(axis=1)
    loss = np.log(total) - _picked(logits, labels)
    return loss, (probabilities(logits) - _onehot(labels, logits)) / len(logits)


def _exact(logits: HostArray, labels: HostArray) -> Any:
    total = exact_exponentials(logits).sum(axis=1)
    loss = np.log(total) - _picked(logits, labels)
    return loss, exact_probabilities(logits) - _onehot(labels, logits)


def _scale(logits: HostArray, labels: HostArray) -> Any:
    # The loss is a logarithm of a sum of about 1 less a difference of two logits.
    loss = 1 + np.abs(logits).max(axis=1) + np.abs(_picked(logits, labels))
    gradient = (probability_scale(logits) + _onehot(labels, logits)) / len(logits)
    return loss, gradient


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for batch in values.BATCHES:
        for classes in (10, 2, 33):
            for note, logits in values.logits(rng, batch, classes):
                labels = values.labels(rng, batch, classes)
                yield Case((logits, labels), note=f"{note}, {values.batch_note(batch)}")


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    logits = values.normal(rng, batch, sizes[-1]) * 5
    yield Case((logits, values.labels(rng, batch, sizes[-1])), note="one step")


softmax_cross_entropy = Operator(
    "softmax_cross_entropy",
    reference=_reference,
    inputs=_inputs,
    workload=_workload,
    outputs=("loss", "dlogits"),
    flops=lambda logits, labels: (4 * logits.size, 3 * logits.size),
    reduction=lambda logits, labels: (logits.shape[1], logits.shape[1]),
    scale=_scale,
    exact=_exact,
    grids={"logits": ACTIVATION_BITS},
)
