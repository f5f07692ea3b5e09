"""softmax: logits (batch, classes) -> probabilities (batch, classes); rows sum to one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnist_core.operators import values
from mnist_core.operators.operator import Case, HostArray, Operator


def shifted(logits: HostArray) -> HostArray:
    """Logits less their row's maximum: no exponential of them overflows."""
    return np.asarray(logits - logits.max(axis=1, keepdims=True))


def probabilities(logits: HostArray) -> HostArray:
    """Softmax of each row."""
    e = np.exp(shifted(logits))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def probability_scale(logits: HostArray) -> Any:
    """Size of the rounding error of `probabilities`, elementwise, in units of roundoff.

    exp turns the absolute error of its argument z, about |z| roundoffs, into a relative one. A
    normal number's width is added because results below it lose bits that training never sees.
    """
    tiny = np.finfo(np.float32 if logits.dtype == np.float64 else np.float64).tiny
    return probabilities(logits) * (1 + np.abs(shifted(logits))) + tiny


def _inputs(rng: np.random.RandomState) -> Iterator[Case]:
    for batch in values.BATCHES:
        for classes in (10, 2, 33):
            for note, logits in values.logits(rng, batch, classes):
                yield Case((logits,), note=f"{note}, {values.batch_note(batch)}")


def _workload(sizes: Sequence[int], batch: int, rng: np.random.RandomState) -> Iterator[Case]:
    yield Case((values.normal(rng, batch, sizes[-1]) * 5,), note="one step")


softmax = Operator(
    "softmax",
    reference=probabilities,
    inputs=_inputs,
    workload=_workload,
    flops=lambda logits: (5 * logits.size,),
    reduction=lambda logits: (logits.shape[1],),
    scale=probability_scale,
)
